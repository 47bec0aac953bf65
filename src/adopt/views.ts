import type { AdoptFinding } from "./finding.ts";
import { isFresh, type Schema, type View } from "./schema.ts";
import { literal, type Planned, type Step } from "./step.ts";
import { planViewTenants } from "./view-tenant.ts";
import { inOrder, recreate, replaceView, standIn } from "./view-text.ts";

/** A view that groups by a primary key depends on that key. */
function planGrouping(views: readonly View[]): { before: Step[]; after: Step[]; findings: AdoptFinding[] } {
  const grouping = views.filter(({ groupsBy, isMaterialized }) => groupsBy.length > 0 && !isMaterialized);
  if (grouping.length === 0) return { before: [], after: [], findings: [] };
  return {
    before: [
      {
        title: "Views that group by a key wait until it is there again",
        up: grouping.map(standIn),
        down: grouping.map((view) => recreate(view, view.definition, view.isInvoker)),
      },
    ],
    after: [
      {
        title: "They group by the tenant, too",
        up: grouping.map(replaceView),
        down: grouping.map(standIn),
      },
    ],
    findings: grouping.map(({ identifier }) => ({
      level: "info",
      kind: "view-group-by",
      object: `view ${identifier}`,
      reason: "It groups by a primary key; tenant_id was added to its GROUP BY.",
      line: "",
    })),
  };
}

const grantsOn = ({ identifier, verbs }: View) =>
  `grant ${["select", ...verbs].join(", ")} on ${identifier} to rowhouse_api;`;

const describeColumns = ({ identifier, columns }: View) =>
  columns.flatMap(({ identifier: column, comment }) =>
    comment === null ? [] : [`comment on column ${identifier}.${column} is ${literal(comment)};`],
  );

const describe = (kind: string, { identifier, comment }: View) =>
  comment === null ? [] : [`comment on ${kind} ${identifier} is ${literal(comment)};`];

/** In place of the materialized one, for a while: what reads it goes on having its columns. */
const standInNew = (view: View) => standIn(view).replace("create or replace", "create");

/** What was granted of it goes with it. */
const makeMaterialized = (view: View) => [
  `create materialized view ${view.identifier} as\n${view.definition};`,
  ...describe("materialized view", view),
  ...describeColumns(view),
  ...view.rights.map((right) => `grant ${right};`),
];

const findMaterialized = ({ identifier, indexes }: View): AdoptFinding => ({
  level: "warn",
  kind: "materialized-view",
  object: `materialized view ${identifier}`,
  reason: `It became a view, computed when it is read; refresh fails on it${indexes > 0 ? `, and its ${indexes} indexes are gone` : ""}.`,
  line: "-- where that is too slow: a table of its own, kept by triggers, with protect_table()",
});

/**
 * A materialized view holds all tenants' rows, and no policy applies to it: it becomes a view of the same name. It may group by a key,
 * and read another one, so that it goes before the keys do, the upper ones first.
 */
function planMaterialized(
  views: readonly View[],
  isHidden: (view: View) => boolean,
): { before: Step[]; after: Step[]; findings: AdoptFinding[] } {
  const materialized = inOrder(views, (view) => view).filter(({ isMaterialized }) => isMaterialized);
  if (materialized.length === 0) return { before: [], after: [], findings: [] };
  const reads = (view: View, { oid }: View) => view.reads.includes(oid);
  const plain = views.filter(({ isMaterialized }) => !isMaterialized);
  const above = plain.filter((view) => materialized.some((base) => reads(view, base)));
  return {
    before: [
      {
        title: "Materialized views are no more, and what reads them waits",
        up: [
          ...above.map(standIn),
          ...materialized
            .toReversed()
            .flatMap((view) => [`drop materialized view ${view.identifier};`, standInNew(view)]),
        ],
        down: materialized.flatMap((view) => [
          `drop view ${view.identifier};`,
          ...makeMaterialized(view),
          ...plain
            .filter((upper) => reads(upper, view))
            .map((upper) => recreate(upper, upper.definition, upper.isInvoker)),
        ]),
      },
    ],
    after: [
      {
        title: "They are computed when they are read: a materialized view would hold the rows of all tenants",
        up: [
          ...materialized.flatMap((view) => [
            replaceView(view),
            ...describe("view", view),
            ...describeColumns(view),
            ...(isHidden(view) ? [] : [grantsOn({ ...view, verbs: [] })]),
          ]),
          ...above.map(replaceView),
        ],
        down: [...above, ...materialized].map(standIn),
      },
    ],
    findings: materialized.map(findMaterialized),
  };
}

function findOutside({ identifier, outside }: View): AdoptFinding[] {
  if (outside.length === 0) return [];
  return [
    {
      level: "warn",
      kind: "view-outside",
      object: `view ${identifier}`,
      reason: `It reads ${outside.join(", ")}, whose schema is not adopted: requests have no right there, and the view fails.`,
      line: "-- adopt that schema as well: rowhouse adopt … --unserved <schema>",
    },
  ];
}

/** The server prints `*` column by column, and a row that is taken whole as `alias.*`. */
const WHOLE_ROW = /[\w"]\.\*/;

function findWholeRows({ identifier, definition }: View): AdoptFinding[] {
  if (!WHOLE_ROW.test(definition.replaceAll(/'(?:[^']|'')*'/g, "''"))) return [];
  return [
    {
      level: "warn",
      kind: "view-whole-rows",
      object: `view ${identifier}`,
      reason: "It shows whole rows, and tenant_id is in them now.",
      line: `-- create or replace it with the columns named, or to_jsonb(…) - 'tenant_id'`,
    },
  ];
}

/** Whether no role of the single-tenant application could read it, while others could be read. */
function hiddenOf(views: readonly View[], schema: Schema): (view: View) => boolean {
  const anyGranted = [...views, ...schema.tables].some(({ grantees }) => grantees.length > 0);
  return ({ grantees }) => anyGranted && grantees.length === 0;
}

function planRights({ views, schemas }: Schema, isHidden: (view: View) => boolean): Step[] {
  const plain = views.filter(({ isMaterialized }) => !isMaterialized);
  const asCaller = plain.filter(({ isInvoker, groupsBy }) => !isInvoker && groupsBy.length === 0);
  const open = plain.filter(({ isPublic }) => isPublic);
  const granted = plain.filter((view) => !view.isGranted && !isHidden(view) && isFresh(view, schemas));
  const invoker: Step = {
    title: "Views read with their caller's rights, so that the policies of their tables hold",
    up: asCaller.map(({ identifier }) => `alter view ${identifier} set (security_invoker = true);`),
    down: asCaller.map(({ identifier }) => `alter view ${identifier} reset (security_invoker);`),
  };
  const grants: Step = {
    title: "Requests may use them",
    up: [...open.map(({ identifier }) => `revoke all on ${identifier} from public;`), ...granted.map(grantsOn)],
    down: [
      ...granted.map(({ identifier }) => `revoke all on ${identifier} from rowhouse_api;`),
      ...open.map(({ identifier }) => `grant select on ${identifier} to public;`),
    ],
  };
  return [invoker, grants].filter(({ up }) => up.length > 0);
}

export interface PlannedViews extends Planned {
  /** While the keys are made anew. */
  readonly before: readonly Step[];
}

/**
 * Views with their caller's rights. What `*` stood for was spelled out when they were made, so that tenant_id comes only where it is of
 * use. Pure.
 * @param tables oids of those that get tenant_id
 */
export function planViews(schema: Schema, tables: ReadonlySet<number>): PlannedViews {
  const { views } = schema;
  const isHidden = hiddenOf(views, schema);
  const grouping = planGrouping(views);
  const materialized = planMaterialized(views, isHidden);
  const tenants = planViewTenants(schema, tables);
  return {
    before: [...grouping.before, ...materialized.before],
    steps: [...grouping.after, ...materialized.after, ...planRights(schema, isHidden), ...tenants.steps],
    findings: [
      ...grouping.findings,
      ...materialized.findings,
      ...tenants.findings,
      ...views.flatMap(findOutside),
      ...views.flatMap(findWholeRows),
      ...views
        .filter((view) => isHidden(view) && !view.isGranted && isFresh(view, schema.schemas))
        .map(({ identifier }) => ({
          level: "info" as const,
          kind: "view-without-grants",
          object: `view ${identifier}`,
          reason: "No role but its owner could read it, and requests can't either.",
          line: `grant select on ${identifier} to rowhouse_api;`,
        })),
    ],
  };
}
