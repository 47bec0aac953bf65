import { createHash, randomBytes } from "node:crypto";

/** What a token is for. It goes into the digest, so that one for one thing is nothing for another (threats.md H05). */
export type Purpose = "refresh" | "cookie" | "link" | "operator" | "operator-link";

export interface OpaqueToken {
  /** 256 random bits as base64url, shown once. */
  readonly token: string;
  /** The only part that is kept. */
  readonly digest: Buffer;
}

/** SHA-256 without salt or stretching: 256 random bits can't be guessed, however fast. Pure. */
export function digestOf(purpose: Purpose, token: string): Buffer {
  return createHash("sha256").update(`${purpose}:${token}`).digest();
}

/** A new token for one purpose, not written anywhere yet. */
export function newToken(purpose: Purpose): OpaqueToken {
  const token = randomBytes(32).toString("base64url");
  return { token, digest: digestOf(purpose, token) };
}
