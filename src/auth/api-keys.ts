import { RowhouseError } from "../errors.ts";
import { newApiKey } from "./api-key.ts";
import { statement, type Actor, type Desk } from "./desk.ts";

/** What a key may do: as a member of a role, or the verbs that are listed for each table. */
export type KeyRights =
  | { readonly role: string; readonly scopes?: undefined }
  | { readonly role?: undefined; readonly scopes: Readonly<Record<string, readonly string[]>> };

/** A key as it is kept. Times are ISO 8601. */
export interface ApiKey {
  /** uuid */
  readonly id: string;
  readonly name: string;
  readonly prefix: string;
  readonly role: string | null;
  readonly scopes: Readonly<Record<string, readonly string[]>> | null;
  readonly createdBy: string;
  readonly createdAt: string;
  readonly expiresAt: string | null;
  readonly revokedAt: string | null;
  /** To the minute. */
  readonly lastUsedAt: string | null;
  /** The id of the key that this one takes the place of. */
  readonly replaces: string | null;
}

/** A key just made: the only time that it is seen. */
export interface MadeKey extends ApiKey {
  readonly key: string;
}

/** Of permissions and scopes; `*` is all of them. */
export const VERBS: readonly string[] = ["select", "insert", "update", "delete", "*"];
const KEY_JSON = `jsonb_build_object('id', k.id, 'name', k.name, 'prefix', k.prefix, 'role', k.role, 'scopes', k.scopes, 'createdBy', k.created_by,
  'createdAt', k.created_at, 'expiresAt', k.expires_at, 'revokedAt', k.revoked_at, 'lastUsedAt', k.last_used_at, 'replaces', k.replaces)`;

/**
 * @param given lines as `orders=select,insert` or `*=select`
 * @throws RowhouseError usage
 */
export function parseScopes(given: readonly string[]): Record<string, string[]> {
  const scopes: Record<string, string[]> = {};
  for (const line of given) {
    const [, table = "", verbs = ""] = /^([^=]{1,127})=([a-z,*]+)$/.exec(line) ?? [];
    const list = verbs.split(",");
    if (table === "" || list.some((verb) => !VERBS.includes(verb))) {
      throw new RowhouseError("usage", {
        message: `${line} is not a table and its verbs`,
        hint: "As in: customers=select,insert — verbs are select, insert, update, delete and *; * stands for every table.",
      });
    }
    scopes[table] = [...new Set([...(scopes[table] ?? []), ...list])];
  }
  return scopes;
}

export interface WantedKey {
  readonly name: string;
  readonly rights: KeyRights;
  /** Left out for one that does not expire. */
  readonly ttlSeconds?: number;
}

const MAKE = `insert into tenant.api_keys as k (name, prefix, hash, role, scopes, created_by, expires_at)
  values ($1, $2, $3, $4, $5::jsonb, $6, now() + make_interval(secs => $7::integer)) returning ${KEY_JSON}`;

/** @throws RowhouseError limitReached, roleUnknown */
export async function createKey(desk: Desk, actor: Actor, tenantId: string, wanted: WantedKey): Promise<MadeKey> {
  const { key, prefix, digest } = newApiKey(tenantId);
  const { role = null, scopes } = wanted.rights;
  const [rows] = await desk(actor, "write", [
    statement(
      MAKE,
      wanted.name,
      prefix,
      digest,
      role,
      scopes === undefined ? null : JSON.stringify(scopes),
      actor.principal,
      wanted.ttlSeconds === undefined ? null : String(wanted.ttlSeconds),
    ),
  ]);
  return { ...(rows![0] as ApiKey), key };
}

/** The newest first. */
export async function listKeys(desk: Desk, actor: Actor): Promise<ApiKey[]> {
  const [rows] = await desk(actor, "read", [
    statement(`select ${KEY_JSON} from tenant.api_keys k order by k.created_at desc, k.id`),
  ]);
  return rows as ApiKey[];
}

/**
 * By id, prefix or name, among those that are not revoked.
 * @throws RowhouseError keyUnknown, also when a name is that of several
 */
async function findKey(desk: Desk, actor: Actor, which: string): Promise<ApiKey> {
  const [rows = []] = await desk(actor, "read", [
    statement(
      `select ${KEY_JSON} from tenant.api_keys k
       where k.revoked_at is null and $1 in (k.id::text, k.prefix, replace(k.prefix, 'rh_live_', ''), k.name)`,
      which,
    ),
  ]);
  if (rows.length === 1) return rows[0] as ApiKey;
  throw new RowhouseError("keyUnknown", {
    message: rows.length === 0 ? `There is no key ${which}` : `Several keys are called ${which}`,
    hint: "`rowhouse key list` shows them; name it by its prefix or its id.",
  });
}

const REPLACE = `with old as (
    update tenant.api_keys k set expires_at = least(k.expires_at, now() + make_interval(secs => $4::integer))
    where k.id = $1::uuid and k.revoked_at is null and (k.expires_at is null or k.expires_at > now()) returning k.*)
  insert into tenant.api_keys as k (name, prefix, hash, role, scopes, created_by, expires_at, replaces)
  select old.name, $2, $3, old.role, old.scopes, $5, now() + make_interval(secs => $6::integer), old.id from old returning ${KEY_JSON}`;

/**
 * Makes a key with the same name and rights; both work until the old one expires.
 * @param overlapSeconds for so long; 0 for a key that leaked
 * @throws RowhouseError keyUnknown, limitReached
 */
export async function rotateKey(
  desk: Desk,
  actor: Actor,
  tenantId: string,
  which: string,
  { overlapSeconds, ttlSeconds }: { readonly overlapSeconds: number; readonly ttlSeconds?: number },
): Promise<MadeKey> {
  const old = await findKey(desk, actor, which);
  const { key, prefix, digest } = newApiKey(tenantId);
  const ttl = ttlSeconds === undefined ? null : String(ttlSeconds);
  const [rows] = await desk(actor, "write", [
    statement(REPLACE, old.id, prefix, digest, String(overlapSeconds), actor.principal, ttl),
  ]);
  if (rows?.[0] === undefined) {
    throw new RowhouseError("keyUnknown", {
      message: `The key ${old.prefix} has expired`,
      hint: "`rowhouse key create` makes a new one.",
    });
  }
  return { ...(rows[0] as ApiKey), key };
}

/**
 * Refused at its next request, on every server.
 * @throws RowhouseError keyUnknown
 */
export async function revokeKey(desk: Desk, actor: Actor, which: string): Promise<ApiKey> {
  const { id } = await findKey(desk, actor, which);
  const [rows] = await desk(actor, "write", [
    statement(
      `update tenant.api_keys k set revoked_at = coalesce(k.revoked_at, now()) where k.id = $1::uuid returning ${KEY_JSON}`,
      id,
    ),
  ]);
  return rows![0] as ApiKey;
}

/** That a key was used, at most once a minute. @param digest SHA-256 of the key, in hex */
export async function noteKeyUse(desk: Desk, actor: Actor, digest: string): Promise<void> {
  await desk(actor, "write", [
    statement(
      `update tenant.api_keys set last_used_at = now()
       where hash = $1 and revoked_at is null and (expires_at is null or expires_at > now()) and (last_used_at is null or last_used_at < now() - interval '1 minute')`,
      Buffer.from(digest, "hex"),
    ),
  ]);
}
