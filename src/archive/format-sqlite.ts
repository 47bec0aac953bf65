import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import type { ManifestFacts, ManifestTable } from "./manifest.ts";
import { finishTable, readSpool, type Packing } from "./pack.ts";
import { readRows, type Field } from "./rows.ts";

interface ColumnKind {
  /** Declared type, which gives the affinity (SQLite, "Datatypes In SQLite", 3). */
  readonly declared: "INTEGER" | "REAL" | "BLOB" | "TEXT";
  readonly convert: (text: string) => SQLInputValue;
}

const INTEGER: ColumnKind = { declared: "INTEGER", convert: BigInt };
/** SQLite makes NULL of a NaN, so that one stays a text. */
const REAL: ColumnKind = { declared: "REAL", convert: (text) => (text === "NaN" ? text : Number(text)) };
const TEXT: ColumnKind = { declared: "TEXT", convert: (text) => text };

/** What SQLite has of its own; anything else, numeric and times among it, stays the text that PostgreSQL says, and loses nothing. */
const KINDS: Readonly<Record<string, ColumnKind>> = {
  smallint: INTEGER,
  integer: INTEGER,
  bigint: INTEGER,
  boolean: { declared: "INTEGER", convert: (text) => (text === "t" ? 1n : 0n) },
  real: REAL,
  "double precision": REAL,
  bytea: { declared: "BLOB", convert: (text) => Buffer.from(text.slice(2), "hex") },
};

const quote = (name: string) => `"${name.replaceAll('"', '""')}"`;

/** SQLite takes names for equal that differ in case alone: the later gets a number. Pure. */
function uniqueNames(names: readonly string[]): string[] {
  const taken = new Set<string>();
  return names.map((name) => {
    let own = name;
    for (let n = 2; taken.has(own.toLowerCase()); n++) own = `${name}_${n}`;
    taken.add(own.toLowerCase());
    return own;
  });
}

/** Tables of `app` under their own names, those of other schemas as `tenant_…`, by the schema's name. `sqlite_…` is SQLite's. Pure. */
function tableNames(tables: readonly ManifestTable[]): string[] {
  const wanted = tables.map(({ schema, name }) =>
    schema === "app" && !/^(?:sqlite_|rowhouse_export$)/i.test(name) ? name : `${schema}_${name}`,
  );
  return uniqueNames(wanted);
}

function createText(table: string, { columns, primaryKey }: ManifestTable): { create: string; insert: string } {
  const names = uniqueNames(columns.map(({ name }) => name));
  const lines = columns.map(({ type, nullable }, index) => {
    const { declared } = KINDS[type] ?? TEXT;
    return `${quote(names[index]!)} ${declared}${nullable ? "" : " NOT NULL"}`;
  });
  const key = primaryKey.map((name) => quote(names[columns.findIndex((column) => column.name === name)]!));
  if (key.length > 0) lines.push(`PRIMARY KEY (${key.join(", ")})`);
  return {
    create: `CREATE TABLE ${quote(table)} (\n  ${lines.join(",\n  ")}\n)`,
    insert: `INSERT INTO ${quote(table)} VALUES (${columns.map(() => "?").join(", ")})`,
  };
}

function describeExport(db: DatabaseSync, { rowhouse, postgres, tenant, snapshot }: ManifestFacts): void {
  db.exec("CREATE TABLE rowhouse_export (name TEXT PRIMARY KEY, value TEXT NOT NULL)");
  const insert = db.prepare("INSERT INTO rowhouse_export VALUES (?, ?)");
  const facts = { tenant: tenant.slug, tenant_name: tenant.name, snapshot_at: snapshot.at, rowhouse, postgres };
  for (const [name, value] of Object.entries(facts)) insert.run(name, value);
}

async function fillTable(db: DatabaseSync, packing: Packing, index: number, table: string): Promise<void> {
  const archived = packing.facts.tables[index]!;
  const { create, insert } = createText(table, archived);
  const kinds = archived.columns.map(({ type }) => KINDS[type] ?? TEXT);
  const toValue = (field: Field, column: number) => (field === null ? null : kinds[column]!.convert(field));
  db.exec(create);
  const statement = db.prepare(insert);
  for await (const rows of readRows(readSpool(packing, index)))
    for (const row of rows) statement.run(...row.map(toValue));
  await finishTable(packing, index);
}

/** One database file. @returns its path */
export async function buildSqlite(packing: Packing): Promise<string> {
  const path = packing.workshop.productPath;
  await (await open(path, "wx", 0o600)).close(); // SQLite would make it readable by others
  const db = new DatabaseSync(path);
  try {
    // Half a file is thrown away whole, so it needs no journal.
    db.exec("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN");
    describeExport(db, packing.facts);
    const names = tableNames(packing.facts.tables);
    for (const [index, name] of names.entries()) await fillTable(db, packing, index, name);
    db.exec("COMMIT");
  } finally {
    db.close();
  }
  return path;
}

export async function* streamFile(_packing: Packing, path: string): AsyncGenerator<Buffer> {
  yield* createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>;
}
