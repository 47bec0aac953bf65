import type { Column } from "./catalog.ts";
import { plainColumn, toColumn } from "./column.ts";
import { HIDDEN_COLUMNS, readJson, WANTED_SCHEMAS, type CatalogQuery } from "./query.ts";
import { readTypes } from "./type.ts";

/** A type of the app that has a name of its own. */
export interface NamedType {
  readonly schema: string;
  readonly name: string;
  /** Schema and name as the catalog's types have them, quoted where it is needed. */
  readonly qualified: string;
  readonly kind: "enum" | "composite" | "row";
  /** Of an enum, in order; otherwise empty. */
  readonly labels: readonly string[];
  /** Of a composite type; otherwise empty. */
  readonly attributes: readonly Column[];
}

type Found = Omit<NamedType, "attributes"> & {
  readonly attributes: readonly { readonly name: string; readonly type: string }[];
};

const QUERY = `
with ${WANTED_SCHEMAS}
select coalesce(json_agg(json_build_object(
    'schema', w.nspname,
    'name', t.typname,
    'qualified', quote_ident(w.nspname) || '.' || quote_ident(t.typname),
    'kind', case when t.typtype = 'e' then 'enum' when c.relkind = 'c' then 'composite' else 'row' end,
    'labels', coalesce((select json_agg(enumlabel order by enumsortorder) from pg_catalog.pg_enum where enumtypid = t.oid), '[]'),
    'attributes', coalesce((
      select json_agg(json_build_object('name', attname, 'type', atttypid::text) order by attnum)
      from pg_catalog.pg_attribute
      where c.relkind = 'c' and attrelid = c.oid and attnum > 0 and not attisdropped), '[]')
  ) order by t.typname), '[]')::text as found
from pg_catalog.pg_type t
join wanted w on w.oid = t.typnamespace
left join pg_catalog.pg_class c on c.oid = t.typrelid
where t.typtype = 'e' or c.relkind in ('c', 'r', 'p', 'v')`;

/**
 * Enums, composite types and the rows of relations, of the schemas that are asked for.
 * @throws what `query` throws
 */
export async function readNamedTypes(
  query: CatalogQuery,
  { schemas, role }: { schemas: readonly string[]; role: string },
): Promise<NamedType[]> {
  const types = await readTypes(query, role);
  const found = await readJson<Found[]>(query, QUERY, [JSON.stringify(schemas)]);
  return found.map((named) => ({
    ...named,
    attributes: named.attributes
      .filter(({ name }) => !HIDDEN_COLUMNS.has(name))
      .map(({ name, type }, n) => toColumn(plainColumn(name, n + 1, type), types)),
  }));
}
