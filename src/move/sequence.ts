import type { Endpoint } from "./endpoint.ts";

interface SequenceValue {
  schema: string;
  name: string;
  value: string;
}

/** Replication does not carry sequences (manual, 31.6 Restrictions). */
const READ = `
  select schemaname as schema, sequencename as name, last_value::text as value
  from pg_sequences where schemaname in ('app', 'tenant') and last_value is not null`;

const RAISE = `
  select setval(format('%I.%I', s.schema, s.name)::regclass, s.value::bigint)
  from unnest($1::text[], $2::text[], $3::text[]) s (schema, name, value)
  join pg_sequences q on q.schemaname = s.schema and q.sequencename = s.name
  where case when q.increment_by > 0 then coalesce(q.last_value, q.start_value - 1) < s.value::bigint
    else coalesce(q.last_value, q.start_value + 1) > s.value::bigint end`;

/**
 * Takes the target's sequences to where the source's are, and none backwards: other tenants may live at the target. After the
 * fence the source hands out no value to this tenant any more.
 */
export async function raiseSequences(source: Endpoint, target: Endpoint): Promise<void> {
  const { rows } = await source.owner.query<SequenceValue>(READ);
  if (rows.length === 0) return;
  await target.owner.query(RAISE, [
    rows.map(({ schema }) => schema),
    rows.map(({ name }) => name),
    rows.map(({ value }) => value),
  ]);
}
