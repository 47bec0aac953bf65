import type { Catalog, Relation } from "../../catalog/catalog.ts";
import { RowhouseError } from "../../errors.ts";
import { CASTS } from "../request/operators.ts";
import type { OrderTerm } from "../request/order.ts";
import { ALL_ROWS } from "../request/range.ts";
import type { ApiRequest } from "../request/request.ts";
import type { ColumnItem, EmbedItem, SelectItem } from "../request/select.ts";
import { resolveCondition, resolveField } from "./condition.ts";
import { findRelationship } from "./find-relationship.ts";
import { checkPlaces, isHere, levelParts, partsBelow, refuseNotEmbedded, type LevelParts } from "./level.ts";
import { findRelation, refuseTenantId } from "./names.ts";
import { isToOne } from "./relationship.ts";
import type { EmbedTarget, ReadTarget, ResolvedOrder, SelectedColumn } from "./target.ts";

export interface TargetLimits {
  readonly maxEmbeds: number;
  readonly maxDepth: number;
}

/** PostgreSQL cuts a longer identifier, and the key would come back as another. */
const MAX_NAME_BYTES = 63;

function checkName(name: string): string {
  refuseTenantId(name);
  if (name.length > MAX_NAME_BYTES / 3 && Buffer.byteLength(name) > MAX_NAME_BYTES) {
    throw new RowhouseError("limitExceeded", { message: `The alias '${name}' is longer than ${MAX_NAME_BYTES} bytes` });
  }
  if (name.includes("\0")) throw new RowhouseError("requestMalformed", { message: "An alias holds a null character" });
  return name;
}

function resolveCast(cast: string | null): string | null {
  if (cast === null) return null;
  const type = CASTS.get(cast);
  if (type !== undefined) return type;
  throw new RowhouseError("featureUnsupported", {
    message: `A cast to '${cast}' is not supported`,
    hint: `One of these is: ${[...CASTS.keys()].join(", ")}.`,
  });
}

/** Without an alias a JSON path is named for its last key; an array index names nothing. */
function nameOf({ alias, field }: ColumnItem): string {
  if (alias !== null) return alias;
  const key = field.path.findLast((step) => typeof step.key === "string")?.key;
  return typeof key === "string" ? key : field.name;
}

function resolveColumn(relation: Relation, item: ColumnItem): SelectedColumn {
  const field = resolveField(relation, item.field);
  return { field, cast: resolveCast(item.cast), name: checkName(nameOf(item)) };
}

function refuseEmbeds(message: string): never {
  throw new RowhouseError("limitExceeded", { message });
}

/** Resolves one request: carries what every level needs, and counts embeds over all of them. */
class Resolver {
  readonly #catalog: Catalog;
  readonly #limits: TargetLimits;
  #embeds = 0;

  constructor(catalog: Catalog, limits: TargetLimits) {
    this.#catalog = catalog;
    this.#limits = limits;
  }

  level(relation: Relation, items: readonly SelectItem[], parts: LevelParts, depth: number): ReadTarget {
    const columns: (SelectedColumn | "*")[] = [];
    const embeds: EmbedTarget[] = [];
    for (const item of items) {
      if (item.kind === "star") columns.push("*");
      else if (item.kind === "column") columns.push(resolveColumn(relation, item));
      else embeds.push(this.#embed(relation, item, parts, depth + 1));
    }
    if (parts.hasPlaced) checkPlaces(parts, embeds);
    const where = parts.filters.filter(isHere).map(({ value }) => resolveCondition(relation, embeds, value));
    const terms = parts.orders.find(isHere)?.value ?? [];
    const order = terms.map((term) => resolveOrder(relation, embeds, term));
    return { relation, columns, embeds, where, order, range: parts.ranges.find(isHere)?.value ?? ALL_ROWS };
  }

  #embed(origin: Relation, item: EmbedItem, parts: LevelParts, depth: number): EmbedTarget {
    this.#count(depth);
    const name = checkName(item.alias ?? item.relation);
    const relationship = findRelationship(this.#catalog, origin, item.relation, item.hint);
    const target = this.level(relationship.to, item.items, partsBelow(parts, name), depth);
    const isHidden = target.columns.length === 0 && target.embeds.every((embed) => embed.isHidden);
    return { ...target, name, relationship, isInner: item.isInner, isHidden };
  }

  #count(depth: number): void {
    const { maxEmbeds, maxDepth } = this.#limits;
    this.#embeds += 1;
    if (depth > maxDepth) refuseEmbeds(`Embeds are nested deeper than ${maxDepth} levels`);
    if (this.#embeds > maxEmbeds) refuseEmbeds(`The request has more than ${maxEmbeds} embeds`);
  }
}

function resolveOrder(relation: Relation, embeds: readonly EmbedTarget[], term: OrderTerm): ResolvedOrder {
  const { field, isDescending, nulls } = term;
  if (term.embed === null) return { field: resolveField(relation, field), embed: null, isDescending, nulls };
  const embed = embeds.find((each) => each.name === term.embed) ?? refuseNotEmbedded(term.embed);
  if (!isToOne(embed.relationship)) {
    throw new RowhouseError("orderNotToOne", {
      message: `A related order on '${embed.name}' is not possible`,
      details: `'${relation.name}' and '${embed.name}' do not form a many-to-one or one-to-one relationship`,
    });
  }
  return { field: resolveField(embed.relation, field), embed, isDescending, nulls };
}

/**
 * Request to target: names become objects of the catalog, or a refusal.
 * @throws MissingColumn; RowhouseError tableUnknown, tenantIdGiven, relationshipUnknown, relationshipAmbiguous, embedNotSelected,
 * orderNotToOne, limitExceeded; featureUnsupported for a cast that is not on the list
 */
export function resolveRead(request: ApiRequest, catalog: Catalog, limits: TargetLimits): ReadTarget {
  const { relation: name, query, range } = request;
  const relation = findRelation(catalog, name);
  const ranges = [...query.ranges.values()];
  const parts = levelParts(query.filters, query.orders, ranges);
  return { ...new Resolver(catalog, limits).level(relation, query.select, parts, 0), range };
}
