import type { AdoptFinding } from "./finding.ts";
import type { Routine, Schema, View } from "./schema.ts";
import { literal, type Planned, type Step } from "./step.ts";
import { createView, inOrder, replaceView, standIn } from "./view-text.ts";

/** How a definition of pg_get_viewdef() goes on behind its list of columns. */
const FROM = /\n {3}FROM /y;

/** Quotes are doubled within quotes (ruleutils.c, quote_identifier and simple_quote_literal), so that they come in pairs. */
function skipQuoted(text: string, at: number): number {
  const end = text.indexOf(text[at]!, at + 1);
  return end < 0 ? text.length : end;
}

/**
 * The definition with tenant_id as its last column, or null where it has no FROM of its own. Pure.
 * @param definition of a view of one relation, as pg_get_viewdef(…, true) prints it: there tenant_id alone is not ambiguous
 */
export function appendTenant(definition: string): string | null {
  let depth = 0;
  for (let at = 0; at < definition.length; at++) {
    const character = definition[at]!;
    FROM.lastIndex = at;
    if (character === "'" || character === '"') at = skipQuoted(definition, at);
    else if (character === "(") depth++;
    else if (character === ")") depth--;
    else if (depth === 0 && FROM.test(definition))
      return `${definition.slice(0, at)},\n    tenant_id${definition.slice(at)}`;
  }
  return null;
}

/** Why a view that could have it stays as it is; null where it takes it. */
function findObstacle(view: View, routines: readonly Routine[]): string | null {
  if (view.columns.some(({ identifier }) => identifier === "tenant_id")) return "it has another column of that name";
  if (view.hasDependents) return "functions, types or defaults of columns depend on its columns";
  const name = view.bareIdentifier.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`);
  const mention = new RegExp(String.raw`(?<![\p{L}\p{N}_$])${name}(?![\p{L}\p{N}_$])`, "iu");
  const reader = routines.find(({ source }) => mention.test(source));
  return reader === undefined ? null : `${reader.identifier} names it, and may count on its columns`;
}

interface Chosen {
  readonly view: View;
  readonly definition: string;
}

interface Choice {
  /** Each behind those that it reads, be it in a sub-select. */
  readonly chosen: readonly Chosen[];
  readonly left: readonly { readonly view: View; readonly obstacle: string }[];
}

/** A view of a view can have what that one has. */
function choose({ views, routines }: Schema, tables: ReadonlySet<number>): Choice {
  const carriers = new Set(tables);
  const chosen: Chosen[] = [];
  const left: { view: View; obstacle: string }[] = [];
  let waiting = views.filter(({ isAutomatic }) => isAutomatic);
  for (;;) {
    const ready = waiting.filter(({ base }) => base !== null && carriers.has(base));
    if (ready.length === 0) return { chosen: inOrder(chosen, ({ view }) => view), left };
    waiting = waiting.filter((view) => !ready.includes(view));
    for (const view of ready) {
      const definition = appendTenant(view.definition);
      const obstacle = definition === null ? "its text was not understood" : findObstacle(view, routines);
      if (definition === null || obstacle !== null) left.push({ view, obstacle: obstacle ?? "" });
      else {
        chosen.push({ view, definition });
        carriers.add(view.oid);
      }
    }
  }
}

/** Everything that goes with a view when it is dropped. */
function remake(view: View): string[] {
  const comments = view.columns.flatMap(({ identifier, comment }) =>
    comment === null ? [] : [`comment on column ${view.identifier}.${identifier} is ${literal(comment)};`],
  );
  return [
    createView(view),
    ...(view.comment === null ? [] : [`comment on view ${view.identifier} is ${literal(view.comment)};`]),
    ...comments,
    ...view.rights.map((right) => `grant ${right};`),
  ];
}

/** No column can be taken from a view: Down makes them again, while those that read them stand on nothing. */
function planDown(chosen: readonly Chosen[], views: readonly View[]): string[] {
  const made = chosen.map(({ view }) => view);
  const oids = new Set(made.map(({ oid }) => oid));
  const above = views.filter(({ oid, reads }) => !oids.has(oid) && reads.some((read) => oids.has(read)));
  return [
    ...above.map(standIn),
    ...made.toReversed().map(({ identifier }) => `drop view ${identifier};`),
    ...made.flatMap(remake),
    ...above.map(replaceView),
  ];
}

const sayLeft = ({ view, obstacle }: Choice["left"][number]): AdoptFinding => ({
  level: "info",
  kind: "view-tenant",
  object: `view ${view.identifier}`,
  reason: `It has no tenant_id, since ${obstacle}: rows are read and written through it, but an upsert or PUT is 42P10.`,
  line: "",
});

/**
 * PostgreSQL finds the key of an ON CONFLICT by its columns, and a tenant's keys have tenant_id among them: a view through which rows
 * are inserted shows it, behind its own columns. Requests don't see it. Pure.
 * @param tables oids of those that get tenant_id
 */
export function planViewTenants(schema: Schema, tables: ReadonlySet<number>): Planned {
  const { chosen, left } = choose(schema, tables);
  const step: Step = {
    title: "Views through which rows are inserted end with tenant_id, by which an upsert finds the tenant's key",
    up: chosen.map(({ view, definition }) => replaceView({ ...view, definition })),
    down: planDown(chosen, schema.views),
  };
  return { steps: chosen.length === 0 ? [] : [step], findings: left.map(sayLeft) };
}
