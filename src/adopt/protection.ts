import type { AdoptFinding } from "./finding.ts";
import type { Schema, Sequence, Table, View } from "./schema.ts";
import { literal, type Planned, type Step } from "./step.ts";

const ROLES = "rowhouse_api, rowhouse_platform, rowhouse_exporter, rowhouse_importer, rowhouse_mover";

/** The tables on which protect_table() is called: it looks after partitions by itself. */
function rootsOf(tables: readonly Table[]): Table[] {
  return tables.filter(({ isPartition }) => !isPartition);
}

function unprotect({ identifier, isSecured, isForced }: Table): string[] {
  return [
    `select platform.release_table(${literal(identifier)});`,
    `drop policy tenant_access on ${identifier};`,
    `drop policy tenant_floor on ${identifier};`,
    ...(isSecured ? [] : [`alter table ${identifier} disable row level security;`]),
    ...(isForced ? [] : [`alter table ${identifier} no force row level security;`]),
    `revoke all on ${identifier} from ${ROLES};`,
  ];
}

/** `grants` is what a role of the single-tenant application could do; a table that none of them could reach was hidden from it. */
function findHidden(tables: readonly Table[]): AdoptFinding[] {
  const roots = rootsOf(tables);
  if (!roots.some(({ grantees }) => grantees.length > 0)) return [];
  return roots
    .filter(({ grantees }) => grantees.length === 0)
    .map(({ identifier }) => ({
      level: "warn",
      kind: "table-without-grants",
      object: `table ${identifier}`,
      reason: "No role but its owner had a right on it; every member of the tenant can read and write it now.",
      line: `revoke all on ${identifier} from rowhouse_api; -- in the app's policies/, which are applied after every migrate`,
    }));
}

/**
 * Rights on single columns are not carried over: protect_table() gives rights on all. Statements of requests name a table's tenant_id,
 * which has to be readable, too.
 */
function findColumnGrants(relations: readonly (Table | View)[], isTable: boolean): AdoptFinding[] {
  return relations
    .filter(({ grantedColumns }) => grantedColumns.length > 0)
    .map(({ identifier, grantedColumns }) => ({
      level: "warn",
      kind: "column-grants",
      object: identifier,
      reason: `Roles could read ${grantedColumns.join(", ")} of it alone; every member of the tenant can read all of its columns now.`,
      line: `revoke select on ${identifier} from rowhouse_api; grant select (${[...(isTable ? ["tenant_id"] : []), ...grantedColumns].join(", ")}) on ${identifier} to rowhouse_api; -- in the app's policies/`,
    }));
}

function findPolicies({ identifier, policies }: Table): AdoptFinding[] {
  return policies.map((name) => ({
    level: "warn",
    kind: "policy",
    object: `policy ${name} on ${identifier}`,
    reason:
      "It was kept, and no longer narrows anything: tenant_access lets a tenant's members see all of its rows, and permissive policies are joined by OR.",
    line: `drop policy ${name} on ${identifier}; -- and create it as restrictive, by platform.current_principal() or current_membership_role()`,
  }));
}

function planSequences(sequences: readonly Sequence[]): Step[] {
  const open = sequences.filter(({ isPublic }) => isPublic).map(({ identifier }) => identifier);
  const used = sequences.filter(({ isUsed, isGranted }) => isUsed && !isGranted).map(({ identifier }) => identifier);
  if (open.length === 0 && used.length === 0) return [];
  return [
    {
      title: "Sequences of their own: requests may draw numbers, and not look at what others drew",
      up: [
        ...open.map((identifier) => `revoke all on sequence ${identifier} from public;`),
        ...used.map((identifier) => `grant usage on sequence ${identifier} to rowhouse_api, rowhouse_importer;`),
      ],
      down: used.map((identifier) => `revoke all on sequence ${identifier} from rowhouse_api, rowhouse_importer;`),
    },
  ];
}

/**
 * Row-level security, its policies and the grants, by protect_table(). Columns such as created_at stay the application's to write, as they
 * were: `stamp` is off. Pure.
 */
export function planProtection(schema: Schema, tables: readonly Table[]): Planned {
  const roots = rootsOf(tables);
  const protect: Step = {
    title: "The law of isolation: row-level security, its two policies, and who may do what",
    up: roots.map(({ identifier }) => `select platform.protect_table(${literal(identifier)}, '{"stamp": false}');`),
    down: tables.flatMap(unprotect),
  };
  return {
    steps: [...(roots.length === 0 ? [] : [protect]), ...planSequences(schema.sequences)],
    findings: [
      ...findHidden(tables),
      ...findColumnGrants(tables, true),
      ...findColumnGrants(
        schema.views.filter(({ isGranted }) => !isGranted),
        false,
      ),
      ...tables.flatMap(findPolicies),
    ],
  };
}
