import { RowhouseError } from "../errors.ts";
import { tableName, type ManifestTable } from "./manifest.ts";

/** What a partial restore brings back of one table. */
export interface Selection {
  /** `schema.table` */
  readonly table: string;
  /** Values of the primary key without tenant_id, as text; null for the whole table. */
  readonly keys: readonly (readonly string[])[] | null;
}

function findTable(tables: readonly ManifestTable[], wanted: string): ManifestTable {
  const bare = tables.filter(({ schema, name }) => schema !== "tenant" && name === wanted);
  const found =
    tables.find((table) => tableName(table) === wanted) ??
    bare.find(({ schema }) => schema === "app") ??
    (bare.length === 1 ? bare[0] : undefined);
  if (found !== undefined) return found;
  throw new RowhouseError("tableUnknown", {
    message: `The archive has no table ${wanted}`,
    hint: `It has ${tables.map(tableName).join(", ")}.`,
  });
}

/** `a,b` or, where a value has a comma, `["a","b"]`. */
function parseKey(table: ManifestTable, text: string): string[] {
  const width = table.primaryKey.length;
  const values =
    width === 1 && !text.startsWith("[") ? [text] : text.startsWith("[") ? parseJson(text) : text.split(",");
  if (values?.length === width) return values;
  throw new RowhouseError("usage", {
    message: `${JSON.stringify(text)} is no key of ${tableName(table)}`,
    hint: `Its primary key is ${table.primaryKey.join(", ")}: write the values in this order with commas between, or as a JSON array.`,
  });
}

function parseJson(text: string): string[] | undefined {
  try {
    const values = JSON.parse(text) as unknown[];
    return values.map((value) => (typeof value === "string" ? value : JSON.stringify(value)));
  } catch {
    return undefined;
  }
}

/**
 * Reads `table` and `table:id`, where a table of the app needs no schema; of several of one name, that of `app` is meant. Several of one
 * table add up. Pure.
 * @throws RowhouseError tableUnknown, usage
 */
export function parseSelection(tables: readonly ManifestTable[], wanted: readonly string[]): Selection[] {
  const found = new Map<string, (readonly string[])[] | null>();
  for (const text of wanted) {
    const colon = text.indexOf(":");
    const table = findTable(tables, colon < 0 ? text : text.slice(0, colon));
    const name = tableName(table);
    const before = found.get(name);
    if (colon < 0 || before === null) found.set(name, null);
    else found.set(name, [...(before ?? []), parseKey(table, text.slice(colon + 1))]);
  }
  return [...found].map(([table, keys]) => ({ table, keys }));
}
