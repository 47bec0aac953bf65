import { mendBody, readsTables, type Mended } from "./bodies.ts";
import type { AdoptFinding } from "./finding.ts";
import { isFresh, type Routine, type Schema, type Table } from "./schema.ts";
import type { Planned, Step } from "./step.ts";
import { groupByTenant } from "./view-text.ts";

/** Built-ins that requests may not call, since they reach over the wall (policies/roles.sql). */
const REVOKED =
  /\b(set_config|pg_notify|pg_sleep\w*|pg_(?:try_)?advisory_\w+|lo_\w+|setval|ts_stat|pg_(?:cancel|terminate)_backend|pg_export_snapshot|query_to_xml\w*|table_to_xml\w*)\s*\(/gi;

/** Rows of a table, put together column by column in PL/pgSQL, which looks at them only when it runs. */
const LISTED_ROWS = /\breturn\s+query\s+(?:execute\b|select\s+(?!\*|[\w".]+\.\*)(?:(?!\btenant_id\b)[^;])*;)/i;

/** Statements of text, with which a whole row is written. */
const WHOLE_ROWS = /\binsert\s+into\s+[^(\s]+\s+(?:select\s+\*|select\s+\(?[\w".]+\)?\.\*)|json_populate_record/i;

/** A row as JSON has all its columns as keys. */
const ROW_JSON =
  /\b(?:jsonb?_agg|to_jsonb?|row_to_json)\s*\(\s*(?:distinct\s+)?([\p{L}_][\w$]*)(\.\*)?\s*(?=[,)]|order\b)/giu;
const NAMES = /\b(?:from|join)\s+(?:[\w"]+\.)?("?[\p{L}_][\w$]*"?)(?:\s+(?:as\s+)?([\p{L}_][\w$]*))?/giu;

/** Whether a whole row of some relation becomes JSON: by its name or alias, or as a trigger has it. */
function showsRows(source: string): boolean {
  const names = new Set(["new", "old", ...[...source.matchAll(NAMES)].flatMap(([, name, alias]) => [name, alias])]);
  return [...source.matchAll(ROW_JSON)].some(([, name, star]) => star !== undefined || names.has(name));
}

type Sight = Pick<AdoptFinding, "level" | "kind" | "reason" | "line">;

/** What a body may stumble over. The text is not parsed: a name in a comment counts, too. */
function look({ source, identifier, language, returnsRowsOf, returnsRecord }: Routine): Sight[] {
  const sights: Sight[] = [];
  const revoked = [...new Set([...source.matchAll(REVOKED)].map(([, name]) => name!.toLowerCase()))];
  if (revoked.length > 0) {
    sights.push({
      level: "warn",
      kind: "function-reach",
      reason: `It calls ${revoked.join(", ")}, which requests may not: one tenant could reach others by it.`,
      line: `-- without them; for a setting of the transaction: set local`,
    });
  }
  if (language === "plpgsql" && returnsRowsOf !== null && LISTED_ROWS.test(source)) {
    sights.push({
      level: "warn",
      kind: "function-rows",
      reason: `It returns rows of ${returnsRowsOf} that it lists column by column, and tenant_id is a column of them now: 42804 when it runs.`,
      line: `-- return query select * from ${returnsRowsOf} …, or returns table (…)`,
    });
  }
  if (WHOLE_ROWS.test(source)) {
    sights.push({
      level: "warn",
      kind: "function-whole-rows",
      reason:
        "It writes whole rows, and tenant_id, which nobody may give, is a column of them now: 42501 when it runs.",
      line: "-- name the columns: insert into … (…) select …",
    });
  }
  if (/\btruncate\b/i.test(source)) {
    sights.push({
      level: "warn",
      kind: "function-truncate",
      reason: "It truncates, which would take all tenants' rows: 42501 when a request calls it.",
      line: "-- delete from …, which takes the tenant's own",
    });
  }
  if (showsRows(source)) {
    sights.push({
      level: "warn",
      kind: "function-row-json",
      reason: "It makes whole rows JSON, and tenant_id is a key of them now.",
      line: "-- name the columns, or take it out: to_jsonb(…) - 'tenant_id'",
    });
  }
  if (returnsRecord && source.includes("*")) {
    sights.push({
      level: "warn",
      kind: "function-record",
      reason: "It returns records of any shape: where it selects *, tenant_id is among the columns.",
      line: `-- name the columns in ${identifier}`,
    });
  }
  return sights;
}

function findIn(routine: Routine, { source, changes }: Mended): AdoptFinding[] {
  const object = `routine ${routine.identifier}`;
  const sights: Sight[] = look({ ...routine, source });
  if (changes.length > 0) {
    sights.push({
      level: "info",
      kind: "function-mended",
      reason: `Its body was mended: ${changes.join("; ")}.`,
      line: "",
    });
  }
  if (routine.isDefiner) {
    sights.push({
      level: "warn",
      kind: "security-definer",
      reason:
        "It runs with its caller's rights now: as its owner it would see no tenant's rows, and what its owner may, every caller could.",
      line: `-- where it must have more: alter routine ${routine.identifier} security definer set search_path = pg_catalog, pg_temp, and rowhouse check`,
    });
  }
  if (!routine.isTrigger && !routine.isPublic && routine.grantees.length === 0 && !routine.isGranted) {
    sights.push({
      level: "info",
      kind: "function-without-grants",
      reason: "No role but its owner could call it, and requests can't either.",
      line: `grant execute on routine ${routine.identifier} to rowhouse_api;`,
    });
  }
  return sights.map((sight) => ({ object, ...sight }));
}

const list = (routines: readonly Routine[]) => routines.map(({ identifier }) => `  ${identifier}`).join(",\n");

function planRights(routines: readonly Routine[]): Step[] {
  const open = routines.filter(({ isPublic }) => isPublic);
  const callable = routines.filter(
    ({ isTrigger, isGranted, isPublic, grantees }) => !isTrigger && !isGranted && (isPublic || grantees.length > 0),
  );
  const up = [
    ...(open.length === 0 ? [] : [`revoke all on routine\n${list(open)}\n  from public;`]),
    ...(callable.length === 0
      ? []
      : [`grant execute on routine\n${list(callable)}\n  to rowhouse_api, rowhouse_importer;`]),
  ];
  const down = [
    ...(callable.length === 0
      ? []
      : [`revoke all on routine\n${list(callable)}\n  from rowhouse_api, rowhouse_importer;`]),
    ...(open.length === 0 ? [] : [`grant execute on routine\n${list(open)}\n  to public;`]),
  ];
  const title = "Functions: what every role could call, requests may; and a restore may, whose rows they check";
  return up.length === 0 ? [] : [{ title, up, down }];
}

/**
 * A function that is marked immutable may be worked out while a statement is planned, and the plan kept for the session's next
 * tenant: one that reads tables is stable at most (manual, 38.7).
 */
const isMismarked = (routine: Routine, tables: readonly Table[]) => routine.isImmutable && readsTables(routine, tables);

function planVolatility(mismarked: readonly Routine[]): Step[] {
  const alter = (to: string) => mismarked.map(({ identifier }) => `alter routine ${identifier} ${to};`);
  if (mismarked.length === 0) return [];
  return [
    {
      title: "What reads a tenant's rows is not immutable: a plan could keep it",
      up: alter("stable"),
      down: alter("immutable"),
    },
  ];
}

function planSecurity(routines: readonly Routine[]): Step[] {
  const definers = routines.filter(({ isDefiner }) => isDefiner);
  const leakproof = routines.filter(({ isLeakproof }) => isLeakproof);
  const alter = (changed: readonly Routine[], to: string) =>
    changed.map(({ identifier }) => `alter routine ${identifier} ${to};`);
  if (definers.length + leakproof.length === 0) return [];
  return [
    {
      title: "Functions run with their caller's rights, under the policies",
      up: [...alter(definers, "security invoker"), ...alter(leakproof, "not leakproof")],
      down: alter(definers, "security definer"),
    },
  ];
}

function planTypes({ types }: Schema): Step[] {
  if (types.length === 0) return [];
  const names = types.map(({ identifier }) => identifier).join(", ");
  return [
    {
      title: "Types whose use had been taken from PUBLIC",
      up: [`grant usage on type ${names} to rowhouse_api, rowhouse_importer;`],
      down: [`revoke all on type ${names} from rowhouse_api, rowhouse_importer;`],
    },
  ];
}

/** The definition with another body; null where the body does not stand in it as it is kept. */
function redefine({ definition, source }: Routine, mended: string): string | null {
  const at = definition.lastIndexOf(source);
  if (at < 0 || source === "") return null;
  return `${definition.slice(0, at)}${mended}${definition.slice(at + source.length).trimEnd()};`;
}

/** A body that was broken before may stay so, and Down puts the old ones back while the column is there. */
const unchecked = (statements: readonly string[]) => [
  "set local check_function_bodies = off;",
  ...statements,
  "set local check_function_bodies = on;",
];

interface Mend {
  readonly routine: Routine;
  readonly mended: Mended;
}

function mend(routine: Routine, tables: readonly Table[]): Mend {
  const { source, changes } = mendBody(routine, tables);
  const grouped = groupByTenant(source, routine.groupsBy);
  const mended =
    grouped === source
      ? { source, changes }
      : { source: grouped, changes: [...changes, "group by names tenant_id, too"] };
  return redefine(routine, grouped) === null
    ? { routine, mended: { source: routine.source, changes: [] } }
    : { routine, mended };
}

const original = ({ definition }: Routine) => `${definition.trimEnd()};`;

/** Without the parsed body, and what that holds on to. */
const standIn = ({ definition, source }: Routine) => `${definition.slice(0, definition.lastIndexOf(source))}as '';`;

const isChanged = ({ mended }: Mend) => mended.changes.length > 0;

/**
 * A body that is kept parsed depends on the keys by which it groups or that its ON CONFLICT names; parsed while tenant_id is there, on
 * that as well, since EXCLUDED has all columns.
 */
const waits = (mend: Mend) => mend.routine.isParsed && (mend.routine.holdsKey || isChanged(mend));

function planBodies(mends: readonly Mend[]): Step[] {
  const changed = mends.filter((mend) => isChanged(mend) || waits(mend));
  if (changed.length === 0) return [];
  return [
    {
      title: "Functions whose bodies would break on the new column",
      up: unchecked(changed.map(({ routine, mended }) => redefine(routine, mended.source)!)),
      down: unchecked(changed.map((mend) => (waits(mend) ? standIn(mend.routine) : original(mend.routine)))),
    },
  ];
}

function planWaiting(mends: readonly Mend[]): Step[] {
  const waiting = mends.filter(waits).map(({ routine }) => routine);
  if (waiting.length === 0) return [];
  return [
    {
      title: "Functions that hold on to a key wait until it is there again",
      up: unchecked(waiting.map(standIn)),
      down: waiting.map(original),
    },
  ];
}

export interface PlannedRoutines extends Planned {
  /** While the keys are made anew. */
  readonly before: readonly Step[];
}

/**
 * Functions, procedures and aggregates: who may call them, with whose rights they run, and what breaks in them. Pure.
 * @param tables those that get tenant_id
 */
export function planRoutines(schema: Schema, tables: readonly Table[]): PlannedRoutines {
  const routines = schema.routines.filter((routine) => isFresh(routine, schema.schemas));
  const mends = routines.map((routine) => mend(routine, tables));
  const mismarked = routines.filter((routine) => isMismarked(routine, tables));
  return {
    before: planWaiting(mends),
    steps: [
      ...planBodies(mends),
      ...planVolatility(mismarked),
      ...planSecurity(routines),
      ...planRights(routines),
      ...planTypes(schema),
    ],
    findings: [
      ...mends.flatMap(({ routine, mended }) => findIn(routine, mended)),
      ...mismarked.map(({ identifier }) => ({
        level: "info" as const,
        kind: "function-immutable",
        object: `routine ${identifier}`,
        reason:
          "It was marked immutable and reads tables; it is stable now, so that no plan keeps one tenant's answer for another.",
        line: "",
      })),
    ],
  };
}
