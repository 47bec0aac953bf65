import { createHash, randomBytes } from "node:crypto";
import type { DbClient } from "../db/connections.ts";
import { RowhouseError } from "../errors.ts";
import { readForeignKeys, type ForeignKey } from "./foreign-key.ts";
import { tableName } from "./manifest.ts";
import { defaultMask, unconditionalMask, type MaskKind, type MaskRule, type MaskRules } from "./mask-rules.ts";
import type { ShapeColumn, TableShape } from "./shape.ts";

/** What an export reads in the place of personal data. */
export interface Mask {
  /** Begin with {@link defaultMask}. */
  readonly defaults: boolean;
  /** Beyond the defaults, and before them where both name a column. */
  readonly rules: MaskRules;
  /** Equal values get equal masks wherever the key is the same; a random one when left out, so that nobody can guess back. */
  readonly key?: string;
}

/** Different for different values, so that keys and references survive. */
const INJECTIVE: ReadonlySet<MaskKind> = new Set(["hash", "email"]);

const GIVEN =
  "Ada,Alan,Amal,Anna,Bela,Carl,Chen,Dana,Emil,Emmy,Eric,Faye,Finn,Gita,Hugo,Ines,Ivan,Jade,Jonas,Kaya,Lena,Luca,Maya,Milo,Nora,Omar,Petra,Ravi,Rosa,Sami,Tara,Yuki";
const FAMILY =
  "Abel,Berg,Costa,Dahl,Evans,Fuchs,Gupta,Haas,Ito,Jansen,Kim,Lopez,Meyer,Novak,Olsen,Park,Quist,Rossi,Silva,Tamm,Ueda,Vogel,Weber,Young";

/** What a mask is made of: the column, its hash in hexadecimal, and numbers out of that. */
interface Input {
  readonly column: ShapeColumn;
  readonly digest: string;
  /** A number below `limit` from eight digits of the hash, beginning at `from`. */
  readonly pick: (from: number, limit: number) => string;
  readonly quote: (text: string) => string;
  readonly rule: MaskRule;
}

const isText = ({ type }: ShapeColumn) => /^(?:text|character varying|citext)/.test(type);
const isTime = ({ type }: ShapeColumn) => /^(?:date|timestamp)/.test(type);
const list = (names: string, index: string) => `(array['${names.replaceAll(",", "','")}'])[1 + ${index}::int]`;

/** How each kind is done in SQL, and for which columns. */
const KINDS: Readonly<
  Record<Exclude<MaskKind, "keep">, { fits(column: ShapeColumn): boolean; sql(input: Input): string }>
> = {
  null: { fits: ({ nullable }) => nullable, sql: () => "null" },
  hash: {
    fits: (column) => isText(column) || column.type === "uuid",
    sql: ({ digest }) => `left(${digest}, 32)`,
  },
  email: { fits: isText, sql: ({ digest }) => `'user-' || left(${digest}, 16) || '@example.invalid'` },
  name: {
    fits: isText,
    sql: ({ pick }) =>
      `${list(GIVEN, pick(1, GIVEN.split(",").length))} || ' ' || ${list(FAMILY, pick(9, FAMILY.split(",").length))}`,
  },
  // 555-01xx and its like are too few to tell customers apart: +999 is a country code that nobody has (ITU-T E.164).
  phone: { fits: isText, sql: ({ pick }) => `'+999' || lpad(${pick(1, 1_000_000_000)}::text, 9, '0')` },
  redact: {
    fits: isText,
    sql: ({ column }) =>
      `regexp_replace(regexp_replace(${column.identifier}, '[^[:space:][:punct:][:digit:]]', 'x', 'g'), '[[:digit:]]', '0', 'g')`,
  },
  year: { fits: isTime, sql: ({ column }) => `date_trunc('year', ${column.identifier})` },
  constant: { fits: () => true, sql: ({ quote, rule }) => quote(rule.value ?? "") },
};

function refused(message: string, hint: string): RowhouseError {
  return new RowhouseError("maskRefused", { message, hint });
}

/** Null stays null, so that what is missing stays missing. */
function expressionOf(client: DbClient, column: ShapeColumn, rule: MaskRule, key: string): string {
  const { identifier, type } = column;
  const digest = `encode(sha256(convert_to('${key}' || ${identifier}::text, 'UTF8')), 'hex')`;
  const pick = (from: number, limit: number) => `(('x' || substr(${digest}, ${from}, 8))::bit(32)::bigint % ${limit})`;
  // COPY takes no parameters, so the one value that comes from a file is quoted by the driver.
  const quote = (text: string) => client.escapeLiteral(text);
  const sql = KINDS[rule.kind as Exclude<MaskKind, "keep">].sql({ column, digest, pick, quote, rule });
  return `case when ${identifier} is not null then (${sql})::${type} end`;
}

/** Columns of unique keys, as `schema.table.column`; tenant_id among them. */
async function readUnique(client: DbClient): Promise<Set<string>> {
  const { rows } = await client.query<{ name: string }>(
    `select distinct format('%s.%s.%s', n.nspname, c.relname, a.attname) as name
     from pg_index x join pg_class c on c.oid = x.indrelid join pg_namespace n on n.oid = c.relnamespace
     join pg_attribute a on a.attrelid = c.oid and a.attnum = any (x.indkey::smallint[])
     where n.nspname in (select platform.tenant_schemas()) and (x.indisunique or x.indisexclusion)`,
  );
  return new Set(rows.map(({ name }) => name));
}

/** @throws RowhouseError maskRefused for what the rule can't do with the column */
function checkColumn(name: string, column: ShapeColumn, { kind }: MaskRule, unique: ReadonlySet<string>): void {
  if (kind === "keep") return;
  if (!KINDS[kind].fits(column)) {
    const why = kind === "null" ? "can't be null" : `is ${column.type}`;
    throw refused(`${name} ${why}, so ${kind} does not fit it`, "Choose another rule, or keep.");
  }
  const width = /\((\d+)\)/.exec(column.type)?.[1];
  const needed = { hash: 32, email: 37, name: 12, phone: 13 }[kind as string] ?? 0;
  if (isText(column) && width !== undefined && Number(width) < needed)
    throw refused(`${name} holds ${width} characters, ${kind} needs ${needed}`, "Choose another rule.");
  if (unique.has(name) && !INJECTIVE.has(kind) && kind !== "null")
    throw refused(`${name} is part of a unique key, and ${kind} gives equal values`, "Use hash or email, or keep.");
}

/** A reference survives when both its ends are masked in one way. */
function checkReference(key: ForeignKey, rules: MaskRules, nameOf: (table: string, column: string) => string): void {
  for (const pair of key.columns) {
    const [child, parent] = [nameOf(key.child, pair.child), nameOf(key.parent, pair.parent)];
    const kinds = [rules.get(child)?.kind ?? "keep", rules.get(parent)?.kind ?? "keep"] as const;
    if (kinds[0] === kinds[1] && (kinds[0] === "keep" || INJECTIVE.has(kinds[0]))) continue;
    if (kinds[0] === "null" && kinds[1] === "keep") continue;
    throw refused(
      `${child} refers to ${parent}: ${kinds[0]} and ${kinds[1]} would break it`,
      "Give both the same rule: hash or email.",
    );
  }
}

/**
 * Works out what to read instead of the columns that the rules name. Refuses what would not come out as a whole tenant: rules for
 * columns that don't exist, that their type can't hold, or that break a key or a reference.
 * @returns the tables, with expressions; and the rules by column, defaults among them
 * @throws RowhouseError maskRefused
 */
export async function maskShapes(
  client: DbClient,
  shapes: readonly TableShape[],
  { defaults, rules, key = randomBytes(16).toString("hex") }: Mask,
): Promise<{ shapes: TableShape[]; rules: MaskRules }> {
  const all = new Map([...unconditionalMask(shapes), ...(defaults ? defaultMask(shapes) : []), ...rules]);
  const columns = new Map<string, ShapeColumn>(
    shapes.flatMap((shape) => shape.columns.map((column) => [`${tableName(shape)}.${column.name}`, column] as const)),
  );
  const unique = await readUnique(client);
  for (const [name, rule] of all) {
    const column = columns.get(name);
    if (column === undefined)
      throw refused(`There is no column ${name} to mask`, "Write schema.table.column, as app.customers.email.");
    // What the defaults guess and a key forbids is hidden in the way that the key allows.
    if (!rules.has(name) && unique.has(name) && !INJECTIVE.has(rule.kind)) all.set(name, { kind: "hash" });
    checkColumn(name, column, all.get(name)!, unique);
  }
  const nameOf = (table: string, column: string) => {
    const shape = shapes.find(({ identifier }) => identifier === table);
    const found = shape?.columns.find(({ identifier }) => identifier === column);
    return shape === undefined || found === undefined ? `${table}.${column}` : `${tableName(shape)}.${found.name}`;
  };
  for (const reference of await readForeignKeys(client)) checkReference(reference, all, nameOf);
  // Hexadecimal, so that it needs no quoting.
  const seed = createHash("sha256").update(key).digest("hex");
  const masked = shapes.map((shape) => ({
    ...shape,
    columns: shape.columns.map((column) => {
      const rule = all.get(`${tableName(shape)}.${column.name}`);
      if (rule === undefined || rule.kind === "keep") return column;
      return { ...column, expression: expressionOf(client, column, rule, seed) };
    }),
  }));
  return { shapes: masked, rules: all };
}
