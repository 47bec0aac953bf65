import type { DbClient } from "../db/connections.ts";
import { readTenantTables, type TenantTable } from "../db/tables.ts";
import { RowhouseError } from "../errors.ts";
import { tableName, type ManifestTable } from "./manifest.ts";

export interface ShapeColumn {
  readonly name: string;
  readonly identifier: string;
  /** As format_type() says it. */
  readonly type: string;
  readonly nullable: boolean;
  /** Whether an insert that leaves it out gets a value: a default, or an identity. */
  readonly hasDefault: boolean;
  /** Sequence that feeds it, quoted; null without one. */
  readonly sequence: string | null;
  /** What is read in its place, where it is masked. */
  readonly expression?: string;
}

/** A tenant table as it stands in a database, with all that an archive says of it. */
export interface TableShape extends Omit<TenantTable, "columns"> {
  readonly columns: readonly ShapeColumn[];
  /** `schema.table` of each other tenant table that it refers to. */
  readonly references: readonly string[];
}

/**
 * The rows of a table as they are to be read, without tenant_id, masked where they are to be.
 * @param also more columns, quoted
 */
export function selectText({ identifier, columns }: TableShape, also: readonly string[] = []): string {
  const list = columns.map((column) =>
    column.expression === undefined ? column.identifier : `${column.expression} as ${column.identifier}`,
  );
  return `select ${[...list, ...also].join(", ")} from ${identifier}`;
}

interface FactsRow {
  columns: { name: string; type: string; nullable: boolean; hasDefault: boolean; sequence: string | null }[];
  key: string[];
  references: string[];
}

const FACTS = `
  select
    (select coalesce(json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod), 'nullable', not a.attnotnull,
        'hasDefault', a.atthasdef or a.attidentity <> '', 'sequence', pg_get_serial_sequence(t.identifier, a.attname)) order by a.attnum), '[]')
      from pg_attribute a
      where a.attrelid = t.identifier::regclass and a.attnum > 0 and not a.attisdropped) as columns,
    array(select a.attname::text from pg_constraint k
      cross join unnest(k.conkey) with ordinality key (attnum, ord)
      join pg_attribute a on a.attrelid = k.conrelid and a.attnum = key.attnum
      where k.conrelid = t.identifier::regclass and k.contype = 'p' and a.attname <> 'tenant_id' order by key.ord) as key,
    array(select distinct n.nspname || '.' || p.relname from pg_constraint k
      join pg_class p on p.oid = k.confrelid join pg_namespace n on n.oid = p.relnamespace
      where k.conrelid = t.identifier::regclass and k.contype = 'f' and k.confrelid <> k.conrelid and n.nspname in (select platform.tenant_schemas())
      order by 1) as references
  from unnest($1::text[]) with ordinality t (identifier, ord) order by t.ord`;

/** Answers to requests of one day: of no use anywhere else, and full of what `--mask` would have to find. */
const LEFT_OUT: ReadonlySet<string> = new Set(["tenant.idempotency_keys"]);

/** Whether archives have the table's rows, and comparisons look at them. */
export function isArchived({ identifier }: Pick<TenantTable, "identifier">): boolean {
  return !LEFT_OUT.has(identifier);
}

/**
 * The tenant tables of the live catalog, in the order to insert in.
 */
export async function readShapes(client: DbClient): Promise<TableShape[]> {
  const tables = (await readTenantTables(client)).filter(isArchived);
  const { rows } = await client.query<FactsRow>(FACTS, [tables.map(({ identifier }) => identifier)]);
  return tables.map((table, index) => {
    const facts = rows[index]!;
    const columns = table.columns.map((column) => {
      const { type, nullable, hasDefault, sequence } = facts.columns.find(({ name }) => name === column.name)!;
      return { ...column, type, nullable, hasDefault, sequence };
    });
    return { ...table, columns, primaryKey: facts.key, references: facts.references };
  });
}

/** One table of an archive with what it is in this database. */
export interface MatchedTable {
  readonly archived: ManifestTable;
  readonly live: TableShape;
  /** The live columns, in the archive's order. */
  readonly columns: readonly ShapeColumn[];
}

/** @param isKnown whether the database has tables of tenants in that schema at all */
function tableProblems(archived: ManifestTable, live: TableShape | undefined, isKnown: boolean): string[] {
  const table = tableName(archived);
  if (live === undefined)
    return [
      `there is no table ${table}${isKnown ? "" : `, nor is a schema ${archived.schema} of tenants' tables registered`}`,
    ];
  const problems: string[] = [];
  for (const { name, type } of archived.columns) {
    const column = live.columns.find((own) => own.name === name);
    if (column === undefined) problems.push(`${table}.${name} does not exist, or is generated`);
    else if (column.type !== type) problems.push(`${table}.${name} is ${column.type}, in the archive ${type}`);
  }
  const given = new Set(archived.columns.map(({ name }) => name));
  const wanting = live.columns.filter(({ name, nullable, hasDefault }) => !given.has(name) && !nullable && !hasDefault);
  return [
    ...problems,
    ...wanting.map(({ name }) => `${table}.${name} is not null, has no default and is not in the archive`),
  ];
}

/**
 * Finds the archive's tables and columns in this database. Tables and columns that only the database has are fine as long as
 * an insert may leave them out.
 * @returns in the order to insert in
 * @throws RowhouseError archiveSchema, whose details list what does not fit, one per line
 */
export function matchTables(archived: readonly ManifestTable[], live: readonly TableShape[]): MatchedTable[] {
  const byName = new Map(live.map((shape) => [tableName(shape), shape]));
  const schemas = new Set(live.map(({ schema }) => schema));
  const problems = archived.flatMap((table) =>
    tableProblems(table, byName.get(tableName(table)), schemas.has(table.schema)),
  );
  if (problems.length > 0) {
    throw new RowhouseError("archiveSchema", {
      message: `The archive does not fit this database: ${problems[0]}${problems.length > 1 ? `, and ${problems.length - 1} more` : ""}`,
      details: problems.join("\n"),
      hint: "Restore it with the app's migrations at the version that it was taken from. Nothing was written.",
    });
  }
  return live.flatMap((shape) => {
    const table = archived.find((candidate) => tableName(candidate) === tableName(shape));
    if (table === undefined) return [];
    const columns = new Map(shape.columns.map((column) => [column.name, column]));
    return { archived: table, live: shape, columns: table.columns.map(({ name }) => columns.get(name)!) };
  });
}
