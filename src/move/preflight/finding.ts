/** Every thing that can be found, with its severity: `error` keeps a tenant from being moved, `warning` should be known before. */
export const FINDINGS = {
  server_too_old: "error",
  server_is_standby: "error",
  server_read_only: "error",
  wal_level: "error",
  slots_full: "error",
  origins_full: "error",
  senders_full: "error",
  apply_workers_full: "error",
  worker_processes_full: "error",
  plugin_refused: "error",
  slot_wal_limit: "warning",
  slot_idle_limit: "warning",
  owner_role: "error",
  mover_role: "error",
  transaction_prepared: "error",
  transaction_long: "warning",
  event_trigger: "warning",

  link_down: "error",

  encoding_differs: "error",
  collation_differs: "warning",
  extension_differs: "warning",
  migrations_differ: "error",
  table_missing: "error",
  column_differs: "error",
  default_differs: "warning",
  constraint_differs: "error",
  index_differs: "warning",
  trigger_differs: "error",
  type_differs: "error",
  sequence_differs: "error",
  partition_missing: "warning",

  table_without_tenant: "warning",
  table_unprotected: "error",
  table_owner: "error",
  table_unlogged: "error",
  table_inherits: "error",
  table_foreign: "error",
  materialized_view: "error",
  replica_identity: "error",
  large_object: "error",
  trigger_always: "error",
  rule_always: "error",
  sequence_cached: "error",
  sequence_cycles: "warning",
  publication_unfiltered: "warning",

  tenant_absent: "error",
  tenant_busy: "error",
  tenant_there: "error",
  tenant_arriving: "error",
  slug_taken: "error",
  seal_differs: "error",
  target_not_empty: "error",
  target_occupied: "error",
} as const satisfies Record<string, "error" | "warning">;

export type FindingCode = keyof typeof FINDINGS;

/** Something that a move would meet. */
export interface MoveFinding {
  readonly code: FindingCode;
  readonly severity: "error" | "warning";
  /** Name of the database that it is in. */
  readonly database: string;
  /** What it is about, for people. */
  readonly object: string;
  readonly problem: string;
  /** What to do: mostly a statement to run. */
  readonly fix: string;
}

export function makeFinding(
  code: FindingCode,
  database: string,
  object: string,
  problem: string,
  fix: string,
): MoveFinding {
  return { code, severity: FINDINGS[code], database, object, problem, fix };
}
