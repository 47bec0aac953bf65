/** A single-tenant schema as the database's own catalog has it. Names are quoted where SQL needs it, and qualified. */
export interface Schema {
  readonly schemas: readonly NamespaceFacts[];
  readonly tables: readonly Table[];
  readonly constraints: readonly Constraint[];
  readonly indexes: readonly Index[];
  readonly views: readonly View[];
  readonly routines: readonly Routine[];
  readonly sequences: readonly Sequence[];
  readonly foreignTables: readonly string[];
  readonly types: readonly GrantedType[];
  readonly server: ServerFacts;
}

export interface NamespaceFacts {
  readonly name: string;
  readonly identifier: string;
  readonly owner: string;
  /** In platform.schemas, with the same answer to whether it is served. */
  readonly registered: boolean;
  /** Objects in it that belong to others than rowhouse_owner. */
  readonly foreignOwned: number;
  /** What kinds of objects it holds: relation, type, routine, … */
  readonly kinds: readonly string[];
  /** Whose most of those are. */
  readonly formerOwner: string | null;
}

export interface ServerFacts {
  readonly user: string;
  readonly isSuperuser: boolean;
  /** Whether the platform's migrations have run here. */
  readonly isMigrated: boolean;
  readonly btreeGist: "installed" | "available" | "missing";
  /** Schemas that hold nothing but an extension, and that objects of ours depend on. */
  readonly extensionSchemas: readonly string[];
  readonly eventTriggers: readonly string[];
  /** Those that publish our tables. */
  readonly publications: readonly string[];
  /** Whether the tenant that is to own the rows exists. */
  readonly hasTenant: boolean;
}

export interface Table {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly identifier: string;
  /** Without its schema. */
  readonly bareIdentifier: string;
  /** In the table's order. */
  readonly columns: readonly string[];
  readonly isPartitioned: boolean;
  readonly isPartition: boolean;
  /** Tables that it inherits from; a partition's parent is not among them. */
  readonly parents: readonly string[];
  readonly isProtected: boolean;
  /** Type of a column that is named tenant_id already; null without one. */
  readonly tenantColumn: string | null;
  readonly hasRowKey: boolean;
  readonly hasPrimaryKey: boolean;
  readonly isTyped: boolean;
  /** Whether it has row-level security of its own, and whether that binds its owner. */
  readonly isSecured: boolean;
  readonly isForced: boolean;
  /** Columns of other tables that hold whole rows of it. */
  readonly heldBy: readonly string[];
  readonly partitionColumns: readonly string[];
  /** Whether a partition key is an expression. */
  readonly hasPartitionExpression: boolean;
  readonly policies: readonly string[];
  readonly rules: readonly Rule[];
  readonly replicaIndex: string | null;
  readonly bytes: number;
  /** Roles that requests may have run as: PUBLIC, or others than the owner. */
  readonly grantees: readonly string[];
  /** Columns that roles could read, where they could not read all. */
  readonly grantedColumns: readonly string[];
}

/** A primary, unique, exclusion or foreign key that stands on its own: none that a partition has from its parent. */
export interface Constraint {
  readonly table: number;
  readonly identifier: string;
  readonly name: string;
  readonly kind: "p" | "u" | "x" | "f";
  readonly definition: string;
  readonly method: string | null;
  readonly columns: readonly string[];
  /** Of whole table, for a foreign key. */
  readonly referenced: ReferencedKey | null;
  readonly hasTenant: boolean;
  readonly comment: string | null;
  /** The index that keeps it, and that one's storage parameters. */
  readonly index: string | null;
  readonly storage: readonly string[];
}

export interface ReferencedKey {
  readonly table: number;
  readonly identifier: string;
  /** Whether that table is one of those that are read. */
  readonly isOurs: boolean;
  /** Whether it carries tenant_id by now. */
  readonly hasTenant: boolean;
  readonly columns: readonly string[];
  readonly match: "f" | "p" | "s";
  readonly onUpdate: Action;
  readonly onDelete: Action;
  readonly deleteColumns: readonly string[];
  readonly suffix: string;
  readonly period: boolean;
  /** The table that has the key, when it is not one of those that are read. */
  readonly outsider: string | null;
}

/** As pg_constraint has it: no action, restrict, cascade, set null, set default. */
export type Action = "a" | "r" | "c" | "n" | "d";

export interface Index {
  readonly table: number;
  readonly tableIdentifier: string;
  readonly identifier: string;
  readonly name: string;
  readonly definition: string;
  readonly method: string;
  readonly isUnique: boolean;
  readonly columnCount: number;
  readonly hasTenant: boolean;
  readonly comment: string | null;
}

export interface Rule {
  readonly name: string;
  readonly definition: string;
  readonly event: "insert" | "update" | "delete" | "select";
  readonly instead: boolean;
  readonly isConditional: boolean;
}

export interface View {
  readonly oid: number;
  readonly schema: string;
  readonly identifier: string;
  /** Without its schema. */
  readonly bareIdentifier: string;
  readonly isMaterialized: boolean;
  readonly definition: string;
  readonly options: readonly string[];
  readonly columns: readonly ViewColumn[];
  readonly verbs: readonly ("insert" | "update" | "delete")[];
  /** Whether PostgreSQL itself inserts through it: into its base, without triggers or rules. */
  readonly isAutomatic: boolean;
  /** The relation that its columns are of, where they are of one. */
  readonly base: number | null;
  /** Whether anything but views depends on it, or on the type of its rows. */
  readonly hasDependents: boolean;
  /** What was granted of it to others than its owner, as GRANT says it. */
  readonly rights: readonly string[];
  readonly isInvoker: boolean;
  /** Whether it belongs to another than rowhouse_owner: no migration of an app made it. */
  readonly isStranger: boolean;
  /** Whether the API's role may select already. */
  readonly isGranted: boolean;
  readonly isPublic: boolean;
  readonly grantees: readonly string[];
  /** Columns that roles could read, where they could not read all. */
  readonly grantedColumns: readonly string[];
  /** Columns of the primary keys by which the view groups, and which it would not outlive. */
  readonly groupsBy: readonly (readonly string[])[];
  /** Relations that it reads. */
  readonly reads: readonly number[];
  /** Of those, tables that belong to schemas which are not read. */
  readonly outside: readonly string[];
  readonly rules: readonly Rule[];
  readonly indexes: number;
  readonly comment: string | null;
}

export interface ViewColumn {
  readonly identifier: string;
  readonly type: string;
  readonly comment: string | null;
}

export interface Routine {
  readonly schema: string;
  /** Whether it belongs to another than rowhouse_owner: no migration of an app made it. */
  readonly isStranger: boolean;
  readonly identifier: string;
  readonly language: string;
  readonly isTrigger: boolean;
  readonly isDefiner: boolean;
  readonly isLeakproof: boolean;
  readonly isImmutable: boolean;
  readonly isPublic: boolean;
  readonly isGranted: boolean;
  readonly grantees: readonly string[];
  /** Its body, when it is SQL or PL/pgSQL; as the server prints it, where it is kept parsed (`begin atomic`). */
  readonly source: string;
  readonly isParsed: boolean;
  /** Whether the parsed body depends on a key, which then can't be dropped. */
  readonly holdsKey: boolean;
  /** Columns of the primary keys by which the parsed body groups. */
  readonly groupsBy: readonly (readonly string[])[];
  /** As `create or replace`; empty for what has no such form. */
  readonly definition: string;
  /** The table whose whole rows it returns, if it is one of those that are read. */
  readonly returnsRowsOf: string | null;
  readonly returnsRecord: boolean;
  /** Whether it has columns of its own, by `returns table` or `out`. */
  readonly returnsColumns: boolean;
}

export interface Sequence {
  readonly identifier: string;
  readonly isPublic: boolean;
  readonly isGranted: boolean;
  /** Whether requests need it: a column's default draws from it, or somebody was granted it. */
  readonly isUsed: boolean;
}

export interface GrantedType {
  readonly identifier: string;
}

/** Whether it is still as the single-tenant application had it: after that, its rights are the app's own choice. */
export function isFresh(
  { schema, isStranger }: { readonly schema: string; readonly isStranger: boolean },
  schemas: readonly NamespaceFacts[],
): boolean {
  return isStranger || schemas.some(({ name, registered }) => name === schema && !registered);
}
