import { mendBody, readsTables, type Mended } from "./bodies.ts";
import type { AdoptFinding } from "./finding.ts";
import { isFresh, type Routine, type Schema, type Table } from "./schema.ts";
import type { Planned, Step } from "./step.ts";

/** Built-ins that requests may not call, since they reach over the wall (policies/roles.sql). */
const REVOKED =
  /\b(set_config|pg_notify|pg_sleep\w*|pg_(?:try_)?advisory_\w+|lo_\w+|setval|ts_stat|pg_(?:cancel|terminate)_backend|pg_export_snapshot|query_to_xml\w*|table_to_xml\w*)\s*\(/gi;

/** Rows of a table, put together column by column in PL/pgSQL, which looks at them only when it runs. */
const LISTED_ROWS = /\breturn\s+query\s+(?:execute\b|select\s+(?!\*|[\w".]+\.\*)(?:(?!\btenant_id\b)[^;])*;)/i;

/** Statements of text, with which a whole row is written. */
const WHOLE_ROWS = /\binsert\s+into\s+[^(\s]+\s+(?:select\s+\*|select\s+\(?[\w".]+\)?\.\*)|json_populate_record/i;

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

function planBodies(mends: readonly { readonly routine: Routine; readonly mended: Mended }[]): Step[] {
  const changed = mends.filter(({ mended }) => mended.changes.length > 0);
  if (changed.length === 0) return [];
  return [
    {
      title: "Functions whose bodies would break on the new column",
      up: unchecked(changed.map(({ routine, mended }) => redefine(routine, mended.source)!)),
      down: unchecked(changed.map(({ routine }) => `${routine.definition.trimEnd()};`)),
    },
  ];
}

/**
 * Functions, procedures and aggregates: who may call them, with whose rights they run, and what breaks in them. Pure.
 * @param tables those that get tenant_id
 */
export function planRoutines(schema: Schema, tables: readonly Table[]): Planned {
  const routines = schema.routines.filter((routine) => isFresh(routine, schema.schemas));
  const mends = routines.map((routine) => {
    const mended = mendBody(routine, tables);
    const unchanged = { source: routine.source, changes: [] };
    return { routine, mended: redefine(routine, mended.source) === null ? unchanged : mended };
  });
  const mismarked = routines.filter((routine) => isMismarked(routine, tables));
  return {
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
