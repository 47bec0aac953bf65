import type { Catalog, MediaHandler, Relation } from "../../catalog/catalog.ts";
import { RowhouseError } from "../../errors.ts";
import { mimeOf, parseAccept, readType, type Accepted } from "../request/accept.ts";
import { aggregateValue, builtIn, rawMedia, SCALAR_VALUE, type Media, type Shape } from "../request/media.ts";

/** What an answer is to be made of. */
export interface Offer {
  readonly shape: Shape;
  /** Of a function whose one value is of a domain that is named like a media type; null for anything else. */
  readonly mediaType: string | null;
  /** Whose rows they are; null for those of no served relation. */
  readonly relation: Pick<Relation, "name"> | null;
  /** Whether every column is selected and nothing else: only then are its rows those that an aggregate of the relation takes. */
  readonly isWhole: boolean;
}

const WILDCARD = "*/*";

function custom(mediaType: string, value: string, takesRow: boolean): Media {
  return rawMedia(readType(mediaType === WILDCARD ? "application/octet-stream" : mediaType), value, takesRow);
}

const isFor = (handler: MediaHandler, name: string) => handler.mediaType.toLowerCase() === name;

/** PostgREST, Media Type Handlers: the relation's own before those for anything, its wildcard before the rest. */
function findCustom(name: string, { shape, mediaType, relation, isWhole }: Offer, handlers: Catalog["handlers"]) {
  if (mediaType !== null && (mediaType === WILDCARD || mediaType.toLowerCase() === name))
    return custom(mediaType, SCALAR_VALUE, false);
  const own = isWhole && relation !== null ? handlers.filter((handler) => handler.relation === relation.name) : [];
  const ours = own.find((handler) => isFor(handler, WILDCARD)) ?? own.find((handler) => isFor(handler, name));
  const found = ours ?? handlers.find((handler) => handler.relation === null && isFor(handler, name));
  if (found === undefined) return undefined;
  const takesRow = found.relation !== null;
  return custom(found.mediaType, aggregateValue(found.aggregate, shape, takesRow), takesRow);
}

function produce(
  type: Accepted,
  offer: Offer,
  handlers: Catalog["handlers"],
  settings: { plans: boolean },
): Media | undefined {
  if (type.kind === "plan") {
    const of = settings.plans ? produce(type.of, offer, handlers, settings) : undefined;
    return of && { ...of, ...builtInPlan(type), plan: type };
  }
  const found = type.kind === "plain" ? findCustom(type.name, offer, handlers) : undefined;
  return found ?? builtIn(type, offer.shape);
}

function builtInPlan(type: Accepted): Pick<Media, "contentType" | "isSingle" | "isRaw"> {
  return { contentType: `${mimeOf(type)}; charset=utf-8`, isSingle: false, isRaw: false };
}

function refuse(accepted: readonly Accepted[]): never {
  throw new RowhouseError("mediaTypeUnsupported", {
    message: `None of these media types are available: ${accepted.map(mimeOf).join(", ")}`,
  });
}

/**
 * The first of the accepted types that an answer can have.
 * @param accept the header
 * @throws RowhouseError mediaTypeUnsupported
 */
export function negotiate(
  accept: string | undefined,
  offer: Offer,
  { handlers }: Pick<Catalog, "handlers">,
  settings: { readonly plans: boolean },
): Media {
  const accepted = parseAccept(accept);
  for (const type of accepted) {
    const media = produce(type, offer, handlers, settings);
    if (media !== undefined) return media;
  }
  refuse(accepted);
}

const ROOT = new Set(["application/openapi+json", "application/json", WILDCARD]);

/**
 * The root answers its description and nothing else.
 * @returns its content type
 * @throws RowhouseError mediaTypeUnsupported
 */
export function negotiateRoot(accept: string | undefined): string {
  const accepted = parseAccept(accept);
  if (!accepted.some((type) => type.kind === "plain" && ROOT.has(type.name))) refuse(accepted);
  return "application/openapi+json; charset=utf-8";
}
