import { createHash } from "node:crypto";
import { RowhouseError } from "../../errors.ts";
import type { RestRequest } from "./request.ts";

/** A request that must not be done twice (IETF draft, The Idempotency-Key HTTP Header Field). */
export interface IdempotencyKey {
  readonly key: string;
  /** SHA-256 of all that the answer depends on, as PostgreSQL reads a bytea. */
  readonly fingerprint: string;
}

/** Those of which a second sending makes a second row, or a second change. */
const METHODS: ReadonlySet<string> = new Set(["POST", "PATCH"]);
const HEADERS = ["prefer", "accept", "content-type", "content-profile", "if-match", "if-none-match"];
/** A quoted string of RFC 8941 as the draft wants it, or the bare text that most clients send. */
const KEY = /^(?:"([\x20\x21\x23-\x5b\x5d-\x7e]{1,255})"|([\x21\x23-\x7e]{1,255}))$/;

function fingerprintOf({ method, path, query, headers, body }: RestRequest): string {
  const said = JSON.stringify([method, path, query, HEADERS.map((name) => headers[name] ?? null)]);
  return `\\x${createHash("sha256")
    .update(`${said}\n`)
    .update(body ?? "")
    .digest("hex")}`;
}

/**
 * The request's key; null without one, and for methods that may be repeated anyway.
 * @throws RowhouseError idempotencyKeyInvalid
 */
export function readIdempotencyKey(request: RestRequest): IdempotencyKey | null {
  const header = request.headers["idempotency-key"];
  if (header === undefined || !METHODS.has(request.method)) return null;
  const [, quoted, bare] = KEY.exec(header.trim()) ?? [];
  const key = quoted ?? bare;
  if (key === undefined) {
    throw new RowhouseError("idempotencyKeyInvalid", {
      message: "The Idempotency-Key is not a text of 1 to 255 printable ASCII characters",
      hint: "A random UUID will do.",
    });
  }
  return { key, fingerprint: fingerprintOf(request) };
}
