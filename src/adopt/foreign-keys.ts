import { createHash } from "node:crypto";
import type { AdoptFinding } from "./finding.ts";
import type { Action, Constraint, ReferencedKey, Schema, Table } from "./schema.ts";
import { doBlock, literal, type Step } from "./step.ts";

const ACTIONS: Readonly<Record<Action, string>> = {
  a: "",
  r: "restrict",
  c: "cascade",
  n: "set null",
  d: "set default",
};

type Foreign = Constraint & { readonly referenced: ReferencedKey };

const isForeign = (key: Constraint): key is Foreign => key.referenced !== null;

/** `on delete set null (column)`: without the list it would take tenant_id with it. */
function onDelete({ columns, referenced }: Foreign): string {
  const { onDelete: action, deleteColumns } = referenced;
  if (action === "a") return "";
  const named =
    action === "n" || action === "d" ? ` (${(deleteColumns.length > 0 ? deleteColumns : columns).join(", ")})` : "";
  return ` on delete ${ACTIONS[action]}${named}`;
}

/** An update has no list of columns to set; a key that would empty tenant_id is not made. */
const losesUpdate = ({ referenced }: Foreign) => referenced.onUpdate === "n" || referenced.onUpdate === "d";

function onUpdate(key: Foreign): string {
  const { onUpdate: action } = key.referenced;
  return action === "a" || losesUpdate(key) ? "" : ` on update ${ACTIONS[action]}`;
}

const withPeriod = (columns: readonly string[], period: boolean) =>
  columns.map((column, at) => (period && at === columns.length - 1 ? `period ${column}` : column)).join(", ");

/** The same key within one tenant. MATCH FULL goes: tenant_id is never null, so that it would forbid the others to be. Pure. */
export function keepWithinTenant(key: Foreign): string {
  const { identifier, columns, period, suffix } = key.referenced;
  const here = withPeriod(key.columns, period);
  const there = withPeriod(columns, period);
  return `foreign key (tenant_id, ${here}) references ${identifier} (tenant_id, ${there})${onUpdate(key)}${onDelete(key)}${suffix}`;
}

/** Of a name (PostgreSQL manual, 4.1.1). */
const MOST_BYTES = 63;

/** What MATCH FULL said: all of them, or none. */
function matchFull(key: Foreign): { name: string; check: string } | null {
  if (key.referenced.match !== "f" || key.columns.length < 2) return null;
  let name = `${key.name}_match`;
  if (Buffer.byteLength(name) > MOST_BYTES) {
    // Cut names would be alike.
    const end = `_${createHash("sha256").update(key.name).digest("hex").slice(0, 8)}_match`;
    name = key.name;
    while (Buffer.byteLength(name + end) > MOST_BYTES) name = Array.from(name).slice(0, -1).join("");
    name += end;
  }
  return {
    name: `"${name.replaceAll('"', '""')}"`,
    check: `check (num_nonnulls(${key.columns.join(", ")}) in (0, ${key.columns.length}))`,
  };
}

function describeKey(key: Foreign, table: string): AdoptFinding[] {
  const object = `foreign key ${key.identifier} of ${table}`;
  const findings: AdoptFinding[] = [];
  if (losesUpdate(key)) {
    findings.push({
      level: "warn",
      kind: "on-update",
      object,
      reason: `on update ${ACTIONS[key.referenced.onUpdate]} was left out: it would overwrite tenant_id. A key that is referenced can't be changed now.`,
      line: `-- a trigger after update of ${key.referenced.columns.join(", ")} on ${key.referenced.identifier} that changes ${table}`,
    });
  }
  if (matchFull(key) !== null) {
    findings.push({
      level: "info",
      kind: "match-full",
      object,
      reason:
        "match full became a check constraint: the error for a key that is null in part is 23514 now, and was 23503.",
      line: "",
    });
  }
  return findings;
}

/** A key of a table that is not adopted: it would point at rows of any tenant, and the key that it needs is gone. */
function describeOutsider(key: Foreign, outsider: string): AdoptFinding {
  return {
    level: "error",
    kind: "foreign-key-from-outside",
    object: `foreign key ${key.identifier} of ${outsider}`,
    reason: `It was dropped: ${outsider} has no tenant_id to point with. Adopt its schema together with this one.`,
    line: `alter table ${outsider} add constraint ${key.identifier} ${keepWithinTenant(key)};`,
  };
}

/** Of another owner, maybe, so as the user of the connection. */
function dropOutsider(key: Foreign, outsider: string): string {
  return doBlock(`
begin
  set local role none;
  execute ${literal(`alter table ${outsider} drop constraint ${key.identifier}`)};
  set local role rowhouse_owner;
end`);
}

export interface PlannedForeignKeys {
  readonly before: readonly Step[];
  readonly after: readonly Step[];
  readonly findings: readonly AdoptFinding[];
}

/**
 * Foreign keys between the tables, with tenant_id on both sides and names kept. One to a table that stays without tenants is left
 * alone: what it points at is the same for all of them.
 */
export function planForeignKeys(schema: Schema, tables: ReadonlyMap<number, Table>): PlannedForeignKeys {
  const touched = schema.constraints
    .filter(isForeign)
    .filter((key) => !key.hasTenant && (tables.has(key.table) || tables.has(key.referenced.table)))
    .filter(({ referenced }) => tables.has(referenced.table) || referenced.hasTenant);
  if (touched.length === 0) return { before: [], after: [], findings: findShared(schema, tables) };
  const known = new Map(schema.tables.map((table) => [table.oid, table.identifier]));
  const inside = touched.filter(({ referenced }) => referenced.outsider === null);
  const outside = touched.flatMap((key) =>
    key.referenced.outsider === null ? [] : [{ key, table: key.referenced.outsider }],
  );
  const nameOf = (key: Foreign) => known.get(key.table) ?? "";
  const addAgain = (key: Foreign) => {
    const full = matchFull(key);
    return [
      `alter table ${nameOf(key)} add constraint ${key.identifier} ${keepWithinTenant(key)};`,
      ...(full === null ? [] : [`alter table ${nameOf(key)} add constraint ${full.name} ${full.check};`]),
      ...(key.comment === null
        ? []
        : [`comment on constraint ${key.identifier} on ${nameOf(key)} is ${literal(key.comment)};`]),
    ];
  };
  const dropAgain = (key: Foreign) => {
    const full = matchFull(key);
    return [
      `alter table ${nameOf(key)} drop constraint ${key.identifier};`,
      ...(full === null ? [] : [`alter table ${nameOf(key)} drop constraint ${full.name};`]),
    ];
  };
  return {
    before: [
      {
        title: "Foreign keys step aside while the keys that they point at are made anew",
        up: [
          ...inside.map((key) => `alter table ${nameOf(key)} drop constraint ${key.identifier};`),
          ...outside.map(({ key, table }) => dropOutsider(key, table)),
        ],
        down: inside.map((key) => `alter table ${nameOf(key)} add constraint ${key.identifier} ${key.definition};`),
      },
    ],
    after: [
      {
        title: "Foreign keys pair tenant with tenant: no row can point at another tenant's",
        up: inside.flatMap(addAgain),
        down: inside.toReversed().flatMap(dropAgain),
      },
    ],
    findings: [
      ...inside.flatMap((key) => describeKey(key, nameOf(key))),
      ...outside.map(({ key, table }) => describeOutsider(key, table)),
      ...findShared(schema, tables),
    ],
  };
}

function findShared(schema: Schema, tables: ReadonlyMap<number, Table>): AdoptFinding[] {
  return schema.constraints
    .filter(isForeign)
    .filter(({ table, referenced }) => tables.has(table) && !referenced.isOurs && !referenced.hasTenant)
    .map((key) => ({
      level: "info",
      kind: "shared-table",
      object: `foreign key ${key.identifier} of ${tables.get(key.table)!.identifier}`,
      reason: `It points at ${key.referenced.identifier}, whose schema is not adopted: all tenants point at the same rows, and requests can't read them.`,
      line: "",
    }));
}
