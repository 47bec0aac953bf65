import type { Column, Representation } from "./catalog.ts";
import { baseOf, withBases, type FoundType, type Types } from "./type.ts";

/** A column as it comes from the database, or one that a function gives. */
export interface FoundColumn {
  readonly name: string;
  readonly position: number;
  /** Oid. */
  readonly type: string;
  /** With its modifier, `character varying(20)`; null without one. */
  readonly modified: string | null;
  readonly notNull: boolean;
  readonly defaultSql: string | null;
  /** Stored or virtual, so that its expression is no default. */
  readonly computed: boolean;
  /** `a` for always, `d` for by default, or empty. */
  readonly identity: string;
  readonly comment: string | null;
}

/** A column without table: what a function gives. */
export function plainColumn(name: string, position: number, type: string): FoundColumn {
  const bare = { modified: null, notNull: false, defaultSql: null, computed: false, identity: "", comment: null };
  return { name, position, type, ...bare };
}

function representationOf({ cast, toJson, fromJson, fromText }: FoundType): Representation | null {
  if (toJson === null && fromJson === null && fromText === null) return null;
  return { domain: cast, toJson, fromJson, fromText };
}

/** As SQL says it. Names outside pg_catalog have their schema, whatever the session's search path. */
function nameOf({ name, cast }: FoundType, modified: string | null): string {
  if (!name.includes(".")) return modified ?? cast;
  return name + (/\([^()"]*\)(\[\])?$/.exec(modified ?? "")?.[0] ?? "");
}

function lengthOf(modified: string | null): number | null {
  const [, length] = /^character(?: varying)?\((\d+)\)$/.exec(modified ?? "") ?? [];
  return length === undefined ? null : Number(length);
}

/** A column as the rest of Rowhouse knows it. */
export function toColumn(found: FoundColumn, types: Types): Column {
  const chain = withBases(types, found.type);
  const [type] = chain;
  const base = baseOf(types, found.type);
  const isIdentity = found.identity !== "";
  const domainDefault = chain.find((each) => each.defaultSql !== null)?.defaultSql ?? null;
  const defaultSql = found.computed ? null : (found.defaultSql ?? domainDefault);
  return {
    name: found.name,
    type: nameOf(type, found.modified),
    category: base.category,
    castType: base.cast,
    nullable: !found.notNull && !chain.some((each) => each.notNull),
    hasDefault: isIdentity || defaultSql !== null,
    defaultSql,
    maxLength: lengthOf(found.modified) ?? chain.find((each) => each.maxLength !== null)?.maxLength ?? null,
    labels: base.labels,
    generated: found.computed || found.identity === "a",
    representation: representationOf(type),
    comment: found.comment,
  };
}
