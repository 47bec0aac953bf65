import type { Catalog, Relation } from "../../catalog/catalog.ts";
import { RowhouseError } from "../../errors.ts";
import { relationshipsFrom, type Relationship } from "./relationship.ts";
import { suggest } from "./suggestion.ts";

/** Several relationships fit: an error whose details are objects, unlike all others (PostgREST, PGRST201). */
export class AmbiguousRelationship extends RowhouseError {
  readonly candidates: readonly object[];

  constructor(origin: string, target: string, found: readonly Relationship[]) {
    const hints = found.map((each) => `'${each.to.name}!${each.constraint}'`).join(", ");
    super("relationshipAmbiguous", {
      message: `Could not embed because more than one relationship was found for '${origin}' and '${target}'`,
      hint: `Try changing '${target}' to one of the following: ${hints}. Find the desired relationship in the 'details' key.`,
    });
    this.candidates = found.map(describe);
  }
}

function describe(found: Relationship): object {
  const { cardinality, from, to, pairs, junction, constraint } = found;
  const list = (columns: readonly string[]) => `(${columns.join(", ")})`;
  const relationship =
    junction === null
      ? `${constraint} using ${from.name}${list(pairs.map(([here]) => here))} and ${to.name}${list(pairs.map(([, there]) => there))}`
      : `${junction.relation.name} using ${junction.origin.name}${list(junction.origin.columns)} and ${junction.target.name}${list(junction.target.columns)}`;
  return { cardinality, embedding: `${from.name} with ${to.name}`, relationship };
}

/** `name` is the one column that the relationship has on this side (0) or the other (1). */
function isSingleColumn({ pairs }: Relationship, side: 0 | 1, name: string): boolean {
  return pairs.length === 1 && pairs[0]?.[side] === name;
}

/** A table that refers to itself has two relationships by one key: its own name leads to the many, the column to the one. */
function fitsSelf(found: Relationship, target: string, hint: string | null): boolean {
  const leadsToMany = target === found.to.name && found.cardinality === "one-to-many";
  if (hint !== null) return leadsToMany && isSingleColumn(found, 1, hint);
  return leadsToMany || (found.cardinality === "many-to-one" && isSingleColumn(found, 0, target));
}

/** What a target and a hint may name (PostgREST, Foreign Key Joins on Multiple Foreign Key Relationships). */
function fits(found: Relationship, target: string, hint: string | null): boolean {
  if (found.from === found.to) return fitsSelf(found, target, hint);
  if (hint === null) {
    if (target === found.to.name) return true;
    return found.junction === null && (target === found.constraint || isSingleColumn(found, 0, target));
  }
  if (target !== found.to.name) return false;
  return hint === found.constraint || isSingleColumn(found, 0, hint) || isSingleColumn(found, 1, hint);
}

function refuseUnknown(catalog: Catalog, origin: Relation, target: string, hint: string | null): never {
  const reachable = relationshipsFrom(catalog, origin.name).map((each) => each.to.name);
  const near = reachable.includes(target) ? undefined : suggest(target, reachable, 0.33);
  const using = hint === null ? "" : ` using the hint '${hint}'`;
  throw new RowhouseError("relationshipUnknown", {
    message: `Could not find a relationship between '${origin.name}' and '${target}' in the schema cache`,
    details: `Searched for a foreign key relationship between '${origin.name}' and '${target}'${using} in the schema '${catalog.schema}', but no matches were found.`,
    hint: near === undefined ? undefined : `Perhaps you meant '${near}' instead of '${target}'.`,
  });
}

/**
 * The relationship that `select=target!hint(…)` means.
 * @throws RowhouseError relationshipUnknown; {@link AmbiguousRelationship}
 */
export function findRelationship(
  catalog: Catalog,
  origin: Relation,
  target: string,
  hint: string | null,
): Relationship {
  const found = relationshipsFrom(catalog, origin.name).filter((each) => fits(each, target, hint));
  const [first] = found;
  if (first === undefined) return refuseUnknown(catalog, origin, target, hint);
  if (found.length > 1) throw new AmbiguousRelationship(origin.name, target, found);
  return first;
}
