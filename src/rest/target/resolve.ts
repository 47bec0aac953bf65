import type { Catalog, Relation } from "../../catalog/catalog.ts";
import { RowhouseError } from "../../errors.ts";
import type { RestSettings } from "../context.ts";
import type { QueryParts } from "../request/query.ts";
import { ALL_ROWS, type RowRange } from "../request/range.ts";
import type { ApiRequest } from "../request/request.ts";
import type { ColumnItem, EmbedItem, SelectItem } from "../request/select.ts";
import { checkName, resolveColumn } from "./column.ts";
import { resolveCondition } from "./condition.ts";
import { findRelationship } from "./find-relationship.ts";
import { isHere, levelParts, namesOfEmbeds, partsBelow, refuseLegacy, type LevelParts } from "./level.ts";
import { findRelation, MissingName } from "./names.ts";
import { resolveOrder } from "./order.ts";
import { isToOne, type Relationship } from "./relationship.ts";
import { checkDeleted, deletedCondition, type DeletedRows } from "./soft-delete.ts";
import type { ColumnCondition, EmbedTarget, LegacyName, ReadTarget, RootTarget, SelectedColumn } from "./target.ts";

export interface TargetLimits {
  readonly maxEmbeds: number;
  readonly maxDepth: number;
}

/** How far a request may go. */
export interface TargetContext {
  readonly limits: TargetLimits;
  readonly settings: Pick<RestSettings, "aggregates" | "legacyTargetNames" | "softDelete">;
}

function refuseEmbeds(message: string): never {
  throw new RowhouseError("limitExceeded", { message });
}

/** An aggregate in a spread is made where the spread ends, which a spread of many rows leaves no place for. */
function checkSpread({ isSpread, relationship, columns, embeds }: EmbedTarget): void {
  if (!isSpread || isToOne(relationship) || !isGrouped({ columns, embeds })) return;
  throw new RowhouseError("spreadAggregate", {
    message: "Feature not implemented",
    details: "Aggregates are not implemented for one-to-many or many-to-many spreads.",
  });
}

/** Whether a row of the answer stands for several of the relation: it has aggregates, or a spread lifts some to it. */
export function isGrouped({ columns, embeds }: Pick<ReadTarget, "columns" | "embeds">): boolean {
  return (
    columns.some((column) => column !== "*" && (column.aggregate !== null || column.field === null)) ||
    embeds.some((embed) => embed.isSpread && isToOne(embed.relationship) && isGrouped(embed))
  );
}

/** Whether its rows are shown as `*` has them, and nothing besides. */
export function showsWhole({ columns, embeds }: Pick<ReadTarget, "columns" | "embeds">): boolean {
  return columns.length === 1 && columns[0] === "*" && embeds.length === 0;
}

/** One level of a request: whose rows, how deep, and what PostgreSQL would call the table. */
interface Level {
  readonly relation: Relation;
  readonly depth: number;
  readonly label: string;
}

/** Two keys of one name would be no JSON that everybody reads alike. PostgREST's joins have a name twice then, which PostgreSQL refuses. */
function refuseTwice({ relation, depth }: Level, embeds: readonly EmbedTarget[]): void {
  if (embeds.length < 2) return;
  const twice = embeds.find(({ name }, n) => embeds.findIndex((other) => other.name === name) < n);
  if (twice === undefined) return;
  throw new MissingName("42712", `table name "${relation.name}_${twice.name}_${depth + 1}" specified more than once`);
}

function levelBelow({ to, junction }: Relationship, depth: number): Level {
  return { relation: to, depth, label: junction === null ? `${to.name}_${depth}` : to.name };
}

/** Resolves one request: carries what every level needs, and counts embeds over all of them. */
class Resolver {
  readonly legacyNames: LegacyName[] = [];
  readonly #catalog: Catalog;
  readonly #context: TargetContext;
  /** Which rows of the embeds. */
  readonly #deleted: DeletedRows;
  #embeds = 0;

  constructor(catalog: Catalog, context: TargetContext, deleted: DeletedRows) {
    this.#catalog = catalog;
    this.#context = context;
    this.#deleted = deleted;
  }

  level(level: Level, items: readonly SelectItem[], parts: LevelParts, deleted: DeletedRows): ReadTarget {
    const { relation, label } = level;
    const names = parts.hasPlaced ? namesOfEmbeds(parts, items.filter(isEmbed)) : NO_NAMES;
    const columns: (SelectedColumn | "*")[] = [];
    const embeds: EmbedTarget[] = [];
    for (const item of items) {
      if (item.kind === "star") columns.push("*");
      else if (item.kind === "column") columns.push(this.#column(level, item));
      else embeds.push(this.#embed(level, item, partsBelow(parts, names.get(item) ?? NOBODY), names.get(item)));
    }
    refuseTwice(level, embeds);
    const scope = { relation, embeds, label };
    const where = parts.filters.filter(isHere).map(({ value }) => resolveCondition(scope, value));
    const isLeft = this.#isLeft(relation, deleted);
    if (isLeft !== undefined) where.push(isLeft);
    const terms = parts.orders.find(isHere)?.value ?? [];
    const order = terms.map((term) => resolveOrder(scope, term));
    return { relation, columns, embeds, where, order, range: parts.ranges.find(isHere)?.value ?? ALL_ROWS };
  }

  /** What keeps deleted rows out, or others. */
  #isLeft(relation: Relation, deleted: DeletedRows): ColumnCondition | undefined {
    return this.#context.settings.softDelete ? deletedCondition(relation, deleted) : undefined;
  }

  /** A row of a junction that is deleted joins nothing. */
  #related(origin: Relation, { relation, hint }: EmbedItem): Relationship {
    const found = findRelationship(this.#catalog, origin, relation, hint);
    const where = found.junction === null ? undefined : this.#isLeft(found.junction.relation, this.#deleted);
    return where === undefined || found.junction === null
      ? found
      : { ...found, junction: { ...found.junction, where } };
  }

  #column({ relation, label }: Level, item: ColumnItem): SelectedColumn {
    if (item.aggregate !== null && !this.#context.settings.aggregates) throw new RowhouseError("aggregatesOff");
    return resolveColumn(this.#catalog, relation, item, label);
  }

  #embed(origin: Level, item: EmbedItem, parts: LevelParts, names: ReadonlySet<string> = NOBODY): EmbedTarget {
    const depth = origin.depth + 1;
    this.#count(depth);
    const { alias, isInner, isSpread } = item;
    const name = checkName(alias ?? item.relation);
    if (alias !== null && alias !== item.relation && names.has(item.relation))
      this.#noteLegacy({ relation: item.relation, alias });
    const relationship = this.#related(origin.relation, item);
    const target = this.level(levelBelow(relationship, depth), item.items, parts, this.#deleted);
    const isHidden = target.columns.length === 0 && target.embeds.every((embed) => embed.isHidden);
    const embed = { ...target, name, relationship, isInner, isHidden, isSpread };
    checkSpread(embed);
    return embed;
  }

  #noteLegacy(name: LegacyName): void {
    if (!this.#context.settings.legacyTargetNames) refuseLegacy(name);
    this.legacyNames.push(name);
  }

  /**
   * Whether every embed leads somewhere: for a request that is refused over a column, since PostgREST plans joins before PostgreSQL misses
   * columns.
   * @throws RowhouseError relationshipUnknown, relationshipAmbiguous
   */
  checkEmbeds(origin: Relation, items: readonly SelectItem[]): void {
    for (const item of items.filter(isEmbed)) this.checkEmbeds(this.#related(origin, item).to, item.items);
  }

  #count(depth: number): void {
    const { maxEmbeds, maxDepth } = this.#context.limits;
    this.#embeds += 1;
    if (depth > maxDepth) refuseEmbeds(`Embeds are nested deeper than ${maxDepth} levels`);
    if (this.#embeds > maxEmbeds) refuseEmbeds(`The request has more than ${maxEmbeds} embeds`);
  }
}

const NOBODY: ReadonlySet<string> = new Set();
const NO_NAMES: ReadonlyMap<EmbedItem, ReadonlySet<string>> = new Map();

function isEmbed(item: SelectItem): item is EmbedItem {
  return item.kind === "embed";
}

/**
 * What a query reads of the rows of a relation, whether they come from its table, from a write or from a function. The relation may be
 * made up (rows of a composite type): only one of the catalog's own has embeds.
 * @param query of which the filters, orders and ranges of the root are about these rows
 * @param deleted which of these rows, where their table has soft delete; embeds show those that are deleted when the request speaks of such
 * @throws MissingName; RowhouseError tenantIdGiven, relationshipUnknown, relationshipAmbiguous, embedNotSelected, embedFilterInvalid,
 * orderNotToOne, aggregatesOff, spreadAggregate, limitExceeded
 */
export function resolveRows(
  relation: Relation,
  catalog: Catalog,
  { query, range }: { readonly query: QueryParts; readonly range: RowRange },
  context: TargetContext,
  deleted: DeletedRows = "include",
): RootTarget {
  const parts = levelParts(query.filters, query.orders, [...query.ranges.values()]);
  const resolver = new Resolver(catalog, context, query.deleted === null ? "hide" : "include");
  try {
    const root = resolver.level({ relation, depth: 0, label: relation.name }, query.select, parts, deleted);
    return { ...root, range, legacyNames: resolver.legacyNames };
  } catch (error) {
    if (error instanceof MissingName) resolver.checkEmbeds(relation, query.select);
    throw error;
  }
}

/**
 * Request to target: names become objects of the catalog, or a refusal.
 * @throws RowhouseError tableUnknown, deletedUnknown; as {@link resolveRows}
 */
export function resolveRead(request: ApiRequest, catalog: Catalog, context: TargetContext): RootTarget {
  const relation = findRelation(catalog, request.relation);
  const { deleted } = request.query;
  checkDeleted(relation, deleted, context);
  return resolveRows(relation, catalog, request, context, deleted ?? "hide");
}
