import type { Catalog } from "../../catalog/catalog.ts";
import { MissingName } from "./names.ts";

/**
 * Built-in types that a cast may name, each by the words that SQL has for it. A cast runs the type's input function, so only types
 * whose text is all that they read are here (threats.md, H18: not `regclass` and its kind, which read the catalog).
 */
const BUILT_IN: readonly string[] = [
  "text varchar name bpchar char character",
  "int int2 int4 int8 integer smallint bigint numeric decimal dec real float float4 float8 money oid",
  "bool boolean bytea uuid json jsonb jsonpath xml bit varbit",
  "date time timetz timestamp timestamptz interval",
  "inet cidr macaddr macaddr8 tsvector tsquery pg_lsn",
  "point line lseg box path polygon circle",
  "int4range int8range numrange tsrange tstzrange daterange",
  "int4multirange int8multirange nummultirange tsmultirange tstzmultirange datemultirange",
].flatMap((line) => line.split(" "));

const SPELLED_OUT: readonly string[] = [
  "character varying",
  "double precision",
  "bit varying",
  "national character varying",
  "timestamp with time zone",
  "timestamp without time zone",
  "time with time zone",
  "time without time zone",
];

/** Words of SQL for types that are called something else in the catalog. */
const SQL_ONLY: ReadonlySet<string> = new Set(
  "character int integer smallint bigint decimal dec real float boolean".split(" "),
);

/** PostgreSQL calls the array of a type by its name with `_` before. */
const builtIn: ReadonlySet<string> = new Set([
  ...BUILT_IN,
  ...SPELLED_OUT,
  ...BUILT_IN.filter((name) => !SQL_ONLY.has(name)).map((name) => `_${name}`),
]);

const QUALIFIED = /^(?:"(?:[^"]|"")+"|[^".]+)\.(?:"(?<quoted>(?:[^"]|"")+)"|(?<plain>[^".]+))$/;

/** `"app"."color"` and `app.color` are called `color`. */
function shortName(castType: string): string | undefined {
  const found = QUALIFIED.exec(castType)?.groups;
  return found?.["plain"] ?? found?.["quoted"]?.replaceAll('""', '"');
}

const known = new WeakMap<Catalog, Map<string, string>>();

/** Types of the app's own that columns of the schema have: enums, domains, composites. */
function ownTypes(catalog: Catalog): Map<string, string> {
  let types = known.get(catalog);
  if (types === undefined) {
    types = new Map();
    for (const { columns } of catalog.relations.values()) {
      for (const { castType } of columns.values()) {
        const type = castType.replace(/(\[\])+$/, "");
        const name = shortName(type);
        if (name !== undefined) types.set(name, type);
      }
    }
    known.set(catalog, types);
  }
  return types;
}

/**
 * The type that `column::name` means, as SQL says it: what a client wrote is looked up and never written.
 * @throws MissingName, as PostgreSQL would say it
 */
export function findCast(catalog: Catalog, name: string): string {
  const words = name.replaceAll(/\s+/g, " ");
  if (builtIn.has(words)) return words;
  const own = ownTypes(catalog).get(name);
  if (own !== undefined) return own;
  throw new MissingName("42704", `type "${name}" does not exist`);
}
