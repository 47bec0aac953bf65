import { hash } from "node:crypto";
import { RowhouseError } from "../../errors.ts";
import { rowPart, type Conditions, type EntityTags } from "../request/conditional.ts";
import type { RestAnswer } from "./response.ts";

/**
 * The strong entity-tag of an answer about one row: the digest of the row as it is stored, a dot, and the digest of what is shown of it.
 * `If-None-Match` compares all of it, since `select`, embeds and the media type are part of what a client has; `If-Match` only the first
 * part, since what a change must not overlook is the row.
 * @param row digest of the row, as the database made it
 */
export function entityTag(row: string, { headers, body }: Pick<RestAnswer, "headers" | "body">): string {
  // A length, so that no two pairs of type and body make one text.
  const type = String(headers["content-type"] ?? "");
  const shown = typeof body === "string" ? Buffer.from(body) : (body ?? Buffer.alloc(0));
  const digest = hash("sha256", Buffer.concat([Buffer.from(`${type.length} ${type} `), shown]), "base64url");
  return `"${row}.${digest.slice(0, 16)}"`;
}

/** Weak comparison (RFC 9110, 13.1.2): something between may have made the tag weak, and the answer is the same. */
function hasTag(tags: EntityTags, tag: string): boolean {
  return tags === "*" || tags.some(({ opaque }) => `"${opaque}"` === tag);
}

function hasRow(tags: EntityTags, row: string): boolean {
  return tags === "*" || tags.some(({ isWeak, opaque }) => !isWeak && rowPart(opaque) === row);
}

/** What 304 has to carry of what 200 would have (RFC 9110, 15.4.5). */
const KEPT = ["etag", "content-location", "vary"];

/**
 * A read's answer under its conditions, in the order of RFC 9110, 13.2.2.
 * @param row digest of the one row; null when the answer is not about one, and then it is no answer that If-Match could want
 * @throws RowhouseError preconditionFailed
 */
export function answerConditions(answer: RestAnswer, row: string | null, conditions: Conditions): RestAnswer {
  const { ifMatch, ifNoneMatch } = conditions;
  if (ifMatch !== null && (row === null || !hasRow(ifMatch, row))) throw new RowhouseError("preconditionFailed");
  if (row === null) return answer;
  const etag = entityTag(row, answer);
  const headers = { ...answer.headers, etag };
  if (ifNoneMatch === null || !hasTag(ifNoneMatch, etag)) return { ...answer, headers };
  const kept = Object.entries(headers).filter(([name]) => KEPT.includes(name));
  return { status: 304, headers: Object.fromEntries(kept), body: null };
}
