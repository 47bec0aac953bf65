import { isDatabaseError } from "../db/transaction.ts";
import { RowhouseError } from "../errors.ts";
import { statement, type Actor, type Desk } from "./desk.ts";

/** A setting, a feature flag or a location of a tenant: one row by the name that its people know it by. Times are ISO 8601. */
export interface Setting {
  readonly name: string;
  readonly value: unknown;
  readonly isPublic: boolean;
  readonly updatedAt: string;
}
export interface FeatureFlag {
  readonly name: string;
  readonly isEnabled: boolean;
  readonly payload: unknown;
  readonly updatedAt: string;
}
export interface Location {
  readonly code: string;
  readonly name: string;
  readonly address: unknown;
  readonly isActive: boolean;
  readonly updatedAt: string;
}

/** How one of them stands in the database. Each column with the type that its text is cast to, and what a new row has of it. */
interface DataKind<T> {
  readonly noun: string;
  readonly table: string;
  readonly key: string;
  readonly columns: Readonly<
    Record<Exclude<keyof T & string, "updatedAt">, readonly [column: string, type: string, fresh: string]>
  >;
}

export const SETTINGS: DataKind<Setting> = {
  noun: "setting",
  table: "tenant.settings",
  key: "name",
  columns: {
    name: ["name", "text", "$1"],
    value: ["value", "jsonb", "'null'"],
    isPublic: ["is_public", "boolean", "false"],
  },
};
export const FEATURE_FLAGS: DataKind<FeatureFlag> = {
  noun: "feature flag",
  table: "tenant.feature_flags",
  key: "name",
  columns: {
    name: ["name", "text", "$1"],
    isEnabled: ["is_enabled", "boolean", "false"],
    payload: ["payload", "jsonb", "'{}'"],
  },
};
export const LOCATIONS: DataKind<Location> = {
  noun: "location",
  table: "tenant.locations",
  key: "code",
  columns: {
    code: ["code", "text", "$1"],
    name: ["name", "text", "$1"],
    address: ["address", "jsonb", "'{}'"],
    isActive: ["is_active", "boolean", "true"],
  },
};

type Facts = readonly [column: string, type: string, fresh: string];
const factsOf = <T>({ columns }: DataKind<T>) => Object.entries(columns) as [string, Facts][];

const jsonOf = <T>(kind: DataKind<T>) =>
  `jsonb_build_object(${factsOf(kind)
    .map(([name, [column]]) => `'${name}', d.${column}`)
    .join(", ")}, 'updatedAt', d.updated_at)`;

/** 23514: a check of the table, on its name for most. */
function explain(error: unknown, { noun }: { readonly noun: string }, name: string): unknown {
  if (!isDatabaseError(error) || error.code !== "23514") return error;
  return new RowhouseError("usage", {
    message: `${name} can't be the name of a ${noun}, or its value is none`,
    hint: "Names begin with a lower-case letter; digits, dots and underscores may follow, 63 characters in all.",
    cause: error,
  });
}

/** By their names. */
export async function listData<T>(desk: Desk, actor: Actor, kind: DataKind<T>): Promise<T[]> {
  const [rows] = await desk(actor, "read", [
    statement(`select ${jsonOf(kind)} from ${kind.table} d order by d.${kind.key}`),
  ]);
  return rows as T[];
}

/**
 * Makes one, or changes what is given of one.
 * @param wanted JSON values are JSON, not text
 * @throws RowhouseError limitReached; usage for a name or value that the table does not take
 */
export async function setData<T>(
  desk: Desk,
  actor: Actor,
  kind: DataKind<T>,
  name: string,
  wanted: Readonly<Partial<Record<keyof T & string, unknown>>>,
): Promise<T> {
  const facts = factsOf(kind).filter(([, [column]]) => column !== kind.key);
  const given = facts.map(([member, [, type]]) => {
    const value = (wanted as Record<string, unknown>)[member];
    if (value === undefined) return null;
    return type === "jsonb" || typeof value !== "string" ? JSON.stringify(value) : value;
  });
  const fresh = facts.map(([, [, type, otherwise]], index) => `coalesce($${index + 2}::${type}, ${otherwise})`);
  const changes = facts.map(([, [column, type]], index) => `${column} = coalesce($${index + 2}::${type}, d.${column})`);
  const [rows] = await desk(actor, "write", [
    statement(
      `insert into ${kind.table} as d (${[kind.key, ...facts.map(([, [column]]) => column)].join(", ")}) values ($1, ${fresh.join(", ")})
       on conflict (tenant_id, ${kind.key}) do update set ${changes.join(", ")} returning ${jsonOf(kind)}`,
      name,
      ...given,
    ),
  ]).catch((error: unknown) => {
    throw explain(error, kind, name);
  });
  return rows![0] as T;
}

/** @throws RowhouseError dataUnknown */
export async function removeData<T>(desk: Desk, actor: Actor, kind: DataKind<T>, name: string): Promise<void> {
  const [rows] = await desk(actor, "write", [
    statement(`delete from ${kind.table} d where d.${kind.key} = $1 returning to_json(d.${kind.key})`, name),
  ]);
  if (rows?.[0] === undefined)
    throw new RowhouseError("dataUnknown", { message: `The tenant has no ${kind.noun} ${name}` });
}
