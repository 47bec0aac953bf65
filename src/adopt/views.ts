import type { AdoptFinding } from "./finding.ts";
import { isFresh, type Schema, type View } from "./schema.ts";
import { literal, type Planned, type Step } from "./step.ts";
import { planViewTenants } from "./view-tenant.ts";
import { groupByTenant, recreate, replaceView, standIn } from "./view-text.ts";

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

/** A materialized view holds all tenants' rows, and no policy applies to it: it becomes a view of the same name. */
function planMaterialized(
  views: readonly View[],
  isHidden: (view: View) => boolean,
): { steps: Step[]; findings: AdoptFinding[] } {
  const materialized = views.filter(({ isMaterialized }) => isMaterialized);
  const steps = materialized.map((view): Step => {
    const above = views.filter(({ reads, isMaterialized }) => reads.includes(view.oid) && !isMaterialized);
    const comment = view.comment === null ? [] : [literal(view.comment)];
    const columnComments = view.columns.flatMap(({ identifier, comment: text }) =>
      text === null ? [] : [`comment on column ${view.identifier}.${identifier} is ${literal(text)};`],
    );
    return {
      title: `${view.identifier} is computed when it is read: a materialized view would hold the rows of all tenants`,
      up: [
        ...above.map(standIn),
        `drop materialized view ${view.identifier};`,
        `create view ${view.identifier} with (security_invoker=true) as\n${groupByTenant(view.definition, view.groupsBy)};`,
        ...comment.map((text) => `comment on view ${view.identifier} is ${text};`),
        ...columnComments,
        ...(isHidden(view) ? [] : [grantsOn({ ...view, verbs: [] })]),
        ...above.map(replaceView),
      ],
      down: [
        ...above.map(standIn),
        `drop view ${view.identifier};`,
        `create materialized view ${view.identifier} as\n${view.definition};`,
        ...comment.map((text) => `comment on materialized view ${view.identifier} is ${text};`),
        ...above.map((upper) => recreate(upper, upper.definition, upper.isInvoker)),
      ],
    };
  });
  const findings = materialized.map(({ identifier, indexes }): AdoptFinding => ({
    level: "warn",
    kind: "materialized-view",
    object: `materialized view ${identifier}`,
    reason: `It became a view, computed when it is read; refresh fails on it${indexes > 0 ? `, and its ${indexes} indexes are gone` : ""}.`,
    line: "-- where that is too slow: a table of its own, kept by triggers, with protect_table()",
  }));
  return { steps, findings };
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
    before: [...grouping.before],
    steps: [...grouping.after, ...materialized.steps, ...planRights(schema, isHidden), ...tenants.steps],
    findings: [
      ...grouping.findings,
      ...materialized.findings,
      ...tenants.findings,
      ...views.flatMap(findOutside),
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
