import type { AdoptFinding } from "./finding.ts";
import type { Constraint, Index, Schema, Table } from "./schema.ts";
import { literal, type Planned, type Step } from "./step.ts";

/** What a constraint's definition begins with, up to its list of columns: PostgreSQL prints nothing with a parenthesis before it. */
function addTenant({ definition, kind }: Constraint): string {
  const open = definition.indexOf("(") + 1;
  const tenant = kind === "x" ? "tenant_id with =" : "tenant_id";
  return `${definition.slice(0, open).toLowerCase()}${tenant}, ${definition.slice(open)}`;
}

/** Of an index (PostgreSQL manual, Appendix K). */
const MOST_COLUMNS = 32;

/** The index's definition with tenant_id in front; null for one whose kind takes no second column, or has no use of it. Pure. */
export function leadByTenant({
  definition,
  name,
  tableIdentifier,
  method,
  isUnique,
  columnCount,
}: Index): string | null {
  if (method !== "btree" || columnCount >= MOST_COLUMNS) return null;
  const unique = isUnique ? "UNIQUE " : "";
  const heads = ["", "ONLY "].map((only) => `CREATE ${unique}INDEX ${name} ON ${only}${tableIdentifier} USING btree (`);
  const head = heads.find((candidate) => definition.startsWith(candidate));
  if (head === undefined) return null;
  return `create ${unique.toLowerCase()}index ${name} on ${tableIdentifier} using btree (tenant_id, ${definition.slice(head.length)}`;
}

/** GiST compares a uuid by way of the extension btree_gist; other kinds of index take one column, or no uuid. */
function isConvertible({ method, columns }: Constraint, { server }: Schema): boolean {
  if (columns.length >= MOST_COLUMNS) return false;
  return method === "btree" || (method === "gist" && server.btreeGist !== "missing");
}

function describeLost({ identifier, definition, method, columns }: Constraint, table: Table): AdoptFinding {
  const object = `constraint ${identifier} on ${table.identifier}`;
  if (columns.length >= MOST_COLUMNS)
    return {
      level: "error",
      kind: "too-many-columns",
      object,
      reason: `It was dropped: an index has ${MOST_COLUMNS} columns at most, and tenant_id would be one more.`,
      line: "-- a unique key of fewer columns, or of a generated column that digests them",
    };
  return {
    level: "error",
    kind: "exclusion",
    object,
    reason:
      method === "gist"
        ? "It was dropped: with tenant_id in it, it needs the extension btree_gist, which this server does not have."
        : `It was dropped: an index of kind ${method} can't have tenant_id beside its own column.`,
    line: `alter table ${table.identifier} add constraint ${identifier} ${definition.replace("(", "(tenant_id with =, ").replace(/USING \w+/, "using gist")};`,
  };
}

function restore(
  { identifier, definition, comment, storage, index }: Constraint,
  table: Table,
  body: string,
): string[] {
  return [
    `alter table ${table.identifier} add constraint ${identifier} ${body === "" ? definition : body};`,
    ...(storage.length === 0 ? [] : [`alter index ${index} set (${storage.join(", ")});`]),
    ...(comment === null ? [] : [`comment on constraint ${identifier} on ${table.identifier} is ${literal(comment)};`]),
  ];
}

function planConstraints(
  schema: Schema,
  tables: ReadonlyMap<number, Table>,
): Planned & { readonly lost: ReadonlySet<number> } {
  const keys = schema.constraints.filter(
    ({ kind, table, hasTenant }) => kind !== "f" && tables.has(table) && !hasTenant,
  );
  if (keys.length === 0) return { steps: [], findings: [], lost: new Set() };
  const tableOf = (key: Constraint) => tables.get(key.table)!;
  const kept = keys.filter((key) => isConvertible(key, schema));
  const lost = keys.filter((key) => !isConvertible(key, schema));
  const needsGist = kept.some(({ method }) => method === "gist") && schema.server.btreeGist === "available";
  const drop: Step = {
    title: "Keys are made anew, under the same names",
    up: keys.map((key) => `alter table ${tableOf(key).identifier} drop constraint ${key.identifier};`),
    down: keys.flatMap((key) => restore(key, tableOf(key), "")),
  };
  const add: Step = {
    title: "Keys hold within a tenant: what is unique in one may be in another, too",
    up: [
      ...(needsGist ? ["create extension if not exists btree_gist with schema app;"] : []),
      ...kept.flatMap((key) => restore(key, tableOf(key), addTenant(key))),
    ],
    down: [], // the keys go with the column
  };
  return {
    steps: [drop, add],
    findings: lost.map((key) => describeLost(key, tableOf(key))),
    lost: new Set(lost.filter(({ kind }) => kind === "p").map(({ table }) => table)),
  };
}

function describeIdle({ identifier, method }: Index): AdoptFinding {
  return {
    level: "info",
    kind: "index",
    object: `index ${identifier}`,
    reason: `An index of kind ${method} was left as it is: it serves conditions of its own columns, for all tenants together.`,
    line: "",
  };
}

function planIndexes(schema: Schema, tables: ReadonlyMap<number, Table>): Planned {
  const found = schema.indexes.filter(({ table, hasTenant }) => tables.has(table) && !hasTenant);
  const led = found.flatMap((index) => {
    const definition = leadByTenant(index);
    return definition === null ? [] : [{ index, definition }];
  });
  const comments = ({ identifier, comment }: Index) =>
    comment === null ? [] : [`comment on index ${identifier} is ${literal(comment)};`];
  const drop: Step = {
    title: "Indexes, too",
    up: led.map(({ index }) => `drop index ${index.identifier};`),
    down: led.flatMap(({ index }) => [`${index.definition.replace(" ON ONLY ", " ON ")};`, ...comments(index)]),
  };
  const add: Step = {
    title: "Every index begins with the tenant, as every query does",
    up: led.flatMap(({ index, definition }) => [`${definition};`, ...comments(index)]),
    down: [],
  };
  const idle = found.filter((index) => !led.some((entry) => entry.index === index));
  return { steps: led.length === 0 ? [] : [drop, add], findings: idle.map(describeIdle) };
}

function planReplicaIdentity(tables: ReadonlyMap<number, Table>): Step[] {
  const set = [...tables.values()]
    .filter(({ replicaIndex }) => replicaIndex !== null)
    .map(({ identifier, replicaIndex }) => `alter table ${identifier} replica identity using index ${replicaIndex};`);
  return set.length === 0 ? [] : [{ title: "Replicas go on naming rows by the same index", up: set, down: [] }];
}

export interface PlannedKeys {
  /** Before the column is there. */
  readonly before: readonly Step[];
  readonly after: readonly Step[];
  readonly findings: readonly AdoptFinding[];
  /** Tables that lost their primary key, by oid. */
  readonly lost: ReadonlySet<number>;
}

/** Primary, unique and exclusion keys and indexes of the tables, with tenant_id in front and names kept. Pure. */
export function planKeys(schema: Schema, tables: ReadonlyMap<number, Table>): PlannedKeys {
  const constraints = planConstraints(schema, tables);
  const indexes = planIndexes(schema, tables);
  const [dropKeys, addKeys] = constraints.steps;
  const [dropIndexes, addIndexes] = indexes.steps;
  const present = (steps: readonly (Step | undefined)[]) => steps.filter((step) => step !== undefined);
  return {
    before: present([dropKeys, dropIndexes]),
    after: [...present([addKeys, addIndexes]), ...planReplicaIdentity(tables)],
    findings: [...constraints.findings, ...indexes.findings],
    lost: constraints.lost,
  };
}
