import { createHash, randomBytes } from "node:crypto";
import { fromBase62, toBase62 } from "./base62.ts";
import type { Principal } from "./principal.ts";

/**
 * `rh_live_`, 6 characters to know a key by, 22 with the tenant, so that a key alone says at `api.BASE_DOMAIN` whose it is, and 43 of secret:
 * digits of base 62, which a double click selects as one word.
 */
const LIVE = /^rh_live_([0-9A-Za-z]{6})([0-9A-Za-z]{22})([0-9A-Za-z]{43})$/;
/** What a front end sends as its key before anybody has signed in: it names the tenant, and grants what everybody may. */
const PUBLIC = /^rh_anon_([0-9A-Za-z]{22})$/;
const ANY = /^rh_[a-z]+_/;

export interface NewApiKey {
  /** The key itself, shown once. */
  readonly key: string;
  /** `rh_live_abc123` */
  readonly prefix: string;
  /** SHA-256 of the key: all that is kept (threats.md H25). */
  readonly digest: Buffer;
}

const tenantBytes = (tenantId: string) => Buffer.from(tenantId.replaceAll("-", ""), "hex");
const digestOfKey = (key: string) => createHash("sha256").update(key).digest();

function tenantOf(text: string): string | null {
  const hex = fromBase62(text, 16)?.toString("hex");
  return hex === undefined ? null : hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/** A key of 256 random bits that tells its tenant, not written anywhere yet. @param tenantId uuid */
export function newApiKey(tenantId: string): NewApiKey {
  const prefix = `rh_live_${toBase62(randomBytes(6), 6)}`;
  const key = `${prefix}${toBase62(tenantBytes(tenantId), 22)}${toBase62(randomBytes(32), 43)}`;
  return { key, prefix, digest: digestOfKey(key) };
}

/** The key of a tenant's front ends. No secret: everybody may know it. Pure. */
export const publicKey = (tenantId: string): string => `rh_anon_${toBase62(tenantBytes(tenantId), 22)}`;

/** Whether it is meant to be a key and not a JWT, good or not. Pure. */
export const isApiKey = (token: string): boolean => ANY.test(token);

function principalOf(id: string, role: string, tenantId: string, grant?: string): Principal {
  const claims = Object.freeze({ sub: id, role, tenant: tenantId });
  const kind = grant === undefined ? "user" : "service";
  return Object.freeze<Principal>({ kind, id, tenantId, role, grant, expiresAt: Infinity, jti: null, claims });
}

/**
 * The principal that a key names. Whether there is such a key, and what it may do now, `platform.admit()` says in every transaction. Pure.
 * @returns null for what is no key
 */
export function readApiKey(token: string): Principal | null {
  const [, anybodys] = PUBLIC.exec(token) ?? [];
  if (anybodys !== undefined) {
    const tenantId = tenantOf(anybodys);
    return tenantId === null ? null : principalOf("anonymous", "anonymous", tenantId);
  }
  const [, name, encoded] = LIVE.exec(token) ?? [];
  const tenantId = encoded === undefined ? null : tenantOf(encoded);
  if (tenantId === null) return null;
  return principalOf(`service:rh_live_${name}`, "service", tenantId, `k${digestOfKey(token).toString("hex")}`);
}
