import type { AdoptFinding } from "./finding.ts";
import type { Table } from "./schema.ts";
import { doBlock, literal, tableArray, type Planned, type Step } from "./step.ts";

/**
 * A table whose rows stand whole in columns of others takes no default while the column is added: each row is written. Where it is
 * published, an update wants a replica identity, and the key is away at this moment.
 */
const FILL_HELD = `    elsif has_rows then
      identity := (select c.relreplident from pg_class c where c.oid = adopted);
      execute format('alter table %s add column tenant_id uuid', adopted);
      execute format('alter table %s disable trigger user, replica identity full', adopted);
      execute format('update %s set tenant_id = %L', adopted, owner);
      execute format('alter table %s enable trigger user, replica identity %s', adopted,
        case identity when 'f' then 'full' when 'n' then 'nothing' else 'default' end);
      execute format('alter table %s alter column tenant_id set not null', adopted);
`;

/**
 * tenant_id for every table. The rows that are there get it as a constant default, which PostgreSQL keeps in its catalog and
 * writes to no row (manual, ALTER TABLE, Notes): the time does not depend on their number. A default that is a function of the
 * row, or one that is asked only later, would rewrite the table.
 */
function addColumns(tables: readonly Table[], tenant: string | null): string {
  const slug = tenant === null ? "null" : literal(tenant);
  const held = tables.filter(({ heldBy }) => heldBy.length > 0);
  return doBlock(`
declare
  slug constant text := ${slug};
  owner constant uuid := (select id from platform.tenants t where t.slug = ${slug});
  adopted regclass;
  has_rows boolean;${held.length === 0 ? "" : '\n  identity "char";'}
begin
  foreach adopted in array ${tableArray(tables.map(({ identifier }) => identifier))} loop
    execute format('select exists (select from %s)', adopted) into has_rows;
    if has_rows and slug is null then
      raise exception '% has rows, and nobody has said whose they are', adopted using errcode = 'RH416',
        hint = 'Write the migration anew with a tenant to give them to: rowhouse adopt … --tenant acme --force';
    elsif has_rows and owner is null then
      raise exception '% has rows, and there is no tenant %', adopted, slug using errcode = 'RH416',
        hint = format('Make the tenant that they are to belong to, then migrate again: rowhouse tenant create %s', slug);
    elsif has_rows${held.length === 0 ? "" : ` and adopted <> all (${tableArray(held.map(({ identifier }) => identifier))})`} then
      execute format('alter table %s add column tenant_id uuid not null default %L', adopted, owner);
${held.length === 0 ? "" : FILL_HELD}    else
      execute format('alter table %s add column tenant_id uuid', adopted);
      execute format('alter table %s alter column tenant_id set not null', adopted);
    end if;
    execute format('alter table %s alter column tenant_id set default platform.current_tenant()', adopted);
  end loop;
end`);
}

/** Down folds all tenants into one, so it wants that there is but one. */
export function guardDown(tables: readonly Table[]): string {
  return doBlock(`
declare
  adopted regclass;
  tenants integer;
begin
  foreach adopted in array ${tableArray(tables.map(({ identifier }) => identifier))} loop
    execute format('alter table %s no force row level security', adopted); -- or its owner would see no row
    execute format('select count(*) from (select from %s group by tenant_id limit 2) owners', adopted) into tenants;
    if tenants > 1 then
      raise exception '% has rows of more than one tenant', adopted using errcode = 'RH416',
        hint = 'A single-tenant schema holds one. Export the others, delete them, then take the migration back.';
    end if;
  end loop;
end`);
}

/** The key of a table that has none. It is hidden from requests, as tenant_id is. */
function addRowKey({ identifier, isPartitioned, partitionColumns }: Table): string {
  const key = isPartitioned ? ["tenant_id", ...partitionColumns, "tenant_row_id"] : ["tenant_id", "tenant_row_id"];
  return `alter table ${identifier}
  add column tenant_row_id uuid not null default gen_random_uuid(),
  add primary key (${key.join(", ")});`;
}

function findKeyless({ identifier, isPartitioned, partitionColumns, hasPartitionExpression }: Table): AdoptFinding[] {
  if (!isPartitioned) return [];
  const refused = hasPartitionExpression;
  return [
    {
      level: refused ? "error" : "warn",
      kind: "keyless-partitions",
      object: `table ${identifier}`,
      reason: refused
        ? "It has no primary key, and its partition key is an expression, so that it can't have one."
        : `It has no primary key, and one of a partitioned table must hold its partition key (${partitionColumns.join(", ")}), so that tenant_row_id shows.`,
      line: refused ? `-- partition ${identifier} by a column, and give it a primary key` : "",
    },
  ];
}

/** @param needsKey tables without a primary key, after what can't be kept was dropped */
export function planColumns(
  tables: readonly Table[],
  needsKey: readonly Table[],
  tenant: string | null,
): Planned & { readonly guard: Step | null } {
  const roots = tables.filter(({ isPartition }) => !isPartition); // a partition gets its parent's columns
  if (roots.length === 0) return { steps: [], findings: [], guard: null };
  const typed = tables.filter(({ isTyped }) => isTyped).map(({ identifier }) => `alter table ${identifier} not of;`);
  const forced = tables.filter(({ isForced }) => isForced);
  const steps: Step[] = [
    {
      title:
        tenant === null
          ? "Every row gets its tenant: there must be none yet, since no tenant was named"
          : `Every row gets its tenant, and the rows that are there belong to ${tenant}`,
      up: [
        ...typed,
        ...forced.map(({ identifier }) => `alter table ${identifier} no force row level security;`),
        addColumns(roots, tenant),
      ],
      down: [
        ...roots.map(({ identifier }) => `alter table ${identifier} drop column tenant_id;`),
        ...forced.map(({ identifier }) => `alter table ${identifier} force row level security;`),
      ],
    },
  ];
  if (needsKey.length > 0) {
    steps.push({
      title: "Tables without a primary key get one that requests don't see: archives and moves name rows by it",
      up: needsKey.map(addRowKey),
      down: needsKey.map(({ identifier }) => `alter table ${identifier} drop column tenant_row_id;`),
    });
  }
  const guard = { title: "One tenant at most", up: [], down: [guardDown(roots)] };
  return { steps, findings: needsKey.flatMap(findKeyless), guard };
}
