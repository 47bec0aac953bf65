import { RowhouseError } from "../../errors.ts";
import type { Field } from "../request/field.ts";
import type { OrderTerm } from "../request/order.ts";
import { resolveField } from "./column.ts";
import type { ConditionScope } from "./condition.ts";
import { refuseNotEmbedded } from "./level.ts";
import { isToOne } from "./relationship.ts";
import type { EmbedTarget, ResolvedField, ResolvedOrder, SelectedColumn } from "./target.ts";

function isNamed(name: string) {
  return (column: SelectedColumn | "*"): column is SelectedColumn => column !== "*" && column.name === name;
}

/** A column of an embed, by the name that `select` gave it or by its own. */
function relatedField(embed: EmbedTarget, field: Field): ResolvedField {
  const selected = embed.columns.find(isNamed(field.name));
  const isPlain = selected?.cast === null && selected.aggregate === null && selected.field?.path.length === 0;
  if (isPlain && selected.field !== null) return { ...selected.field, path: field.path };
  return resolveField(embed.relation, field);
}

/** The key of a spread's column in the level above. */
function spreadName({ isSpread, columns, relation }: EmbedTarget, { name, path }: Field): string | null {
  if (!isSpread || path.length > 0) return null;
  const isSelected = columns.some(isNamed(name)) || (columns.includes("*") && relation.columns.has(name));
  return isSelected ? name : null;
}

function refuseToMany(origin: string, embed: string): never {
  throw new RowhouseError("orderNotToOne", {
    message: `A related order on '${embed}' is not possible`,
    details: `'${origin}' and '${embed}' do not form a many-to-one or one-to-one relationship`,
  });
}

/** @throws MissingName; RowhouseError tenantIdGiven, embedNotSelected, orderNotToOne */
export function resolveOrder({ relation, embeds, label }: ConditionScope, term: OrderTerm): ResolvedOrder {
  const { field, isDescending, nulls } = term;
  if (term.embed === null)
    return { field: resolveField(relation, field, label), embed: null, spreadName: null, isDescending, nulls };
  const embed = embeds.find((each) => each.name === term.embed) ?? refuseNotEmbedded(term.embed);
  if (!isToOne(embed.relationship)) refuseToMany(relation.name, embed.name);
  return { field: relatedField(embed, field), embed, spreadName: spreadName(embed, field), isDescending, nulls };
}
