import { hash } from "node:crypto";
import { RowhouseError } from "../../errors.ts";
import { rowPart, type Conditions, type EntityTag, type EntityTags } from "../request/conditional.ts";
import type { Media } from "../request/media.ts";
import { DIGEST_LENGTH } from "../statement/digest.ts";
import type { RestAnswer } from "./response.ts";

/** The one row of an answer. */
export interface TaggedRow {
  /** Of the row as it is stored. */
  readonly digest: string;
  /** Whether the body is that row and nothing else, so that the digest and the media type say all of it. */
  readonly isWhole: boolean;
}

const ofTypes = new Map<string, string>();

function shortHash(data: string | Buffer): string {
  return hash("sha256", data, "base64url").slice(0, 16);
}

/** Of the few types of plain JSON. */
function hashOfType(type: string): string {
  let found = ofTypes.get(type);
  if (found === undefined) ofTypes.set(type, (found = shortHash(type)));
  return found;
}

/**
 * The strong entity-tag of an answer about one row: the digest of the row as it is stored, a dot, and the digest of what is shown of it.
 * `If-None-Match` compares all of it, since `select`, embeds and the media type are part of what a client has; `If-Match` only the first
 * part, since what a change must not overlook is the row.
 */
function entityTag({ digest, isWhole }: TaggedRow, { headers, body }: Pick<RestAnswer, "headers" | "body">): string {
  const type = String(headers["content-type"] ?? "");
  if (isWhole) return `"${digest}.${hashOfType(type)}"`;
  // A line each: there is none in a type.
  const shown = Buffer.isBuffer(body) ? Buffer.concat([Buffer.from(`${type}\n`), body]) : `${type}\n${body ?? ""}`;
  return `"${digest}.${shortHash(shown)}"`;
}

/**
 * The digest of the row that a body of plain JSON shows whole: what `rowDigest` of `statement/digest.ts` is in the database.
 * @param text as the database answered it: a list of one object, or the object
 */
export function shownRow({ isSingle }: Pick<Media, "isSingle">, text: string): string {
  return hash("sha256", isSingle ? `[${text}]` : text, "hex").slice(0, DIGEST_LENGTH);
}

/** Weak comparison (RFC 9110, 13.1.2): something between may have made the tag weak, and the answer is the same. */
function hasTag(tags: EntityTags, tag: string): boolean {
  return tags === "*" || tags.some(({ opaque }) => `"${opaque}"` === tag);
}

function hasRow(tags: readonly EntityTag[], row: string): boolean {
  return tags.some(({ isWeak, opaque }) => !isWeak && rowPart(opaque) === row);
}

function refuse(): never {
  throw new RowhouseError("preconditionFailed", { details: "Read it again, and decide anew what to change." });
}

/** What 304 has to carry of what 200 would have (RFC 9110, 15.4.5). */
const KEPT = ["etag", "content-location", "vary"];

/**
 * The answer of a write that shows the one row which it changed or made, whole, with the tag that a read of it would have: so the next change
 * needs no read before it. Not of a PUT, whose tag would say that the row is what was sent (RFC 9110, 9.3.4).
 * @param text of the body, as the database answered it
 */
export function tagWritten(answer: RestAnswer, media: Media, text: string): RestAnswer {
  const etag = entityTag({ digest: shownRow(media, text), isWhole: true }, answer);
  return { ...answer, headers: { ...answer.headers, etag } };
}

/**
 * A read's answer under its conditions, in the order of RFC 9110, 13.2.2.
 * @param row null when the answer is not about one, and then it is no answer that If-Match could want
 * @throws RowhouseError preconditionFailed
 */
export function answerConditions(answer: RestAnswer, row: TaggedRow | null, conditions: Conditions): RestAnswer {
  const { ifMatch, ifNoneMatch } = conditions;
  if (ifMatch !== null && ifMatch !== "*" && (row === null || !hasRow(ifMatch, row.digest))) refuse();
  if (row === null) return answer;
  const etag = entityTag(row, answer);
  const headers = { ...answer.headers, etag };
  if (ifNoneMatch === null || !hasTag(ifNoneMatch, etag)) return { status: answer.status, headers, body: answer.body };
  const kept = Object.entries(headers).filter(([name]) => KEPT.includes(name));
  return { status: 304, headers: Object.fromEntries(kept), body: null };
}
