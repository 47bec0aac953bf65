import { LRUCache } from "lru-cache";
import { RowhouseError } from "../errors.ts";
import { ANYBODY, statement, type Desk } from "./desk.ts";
import { digestOf } from "./opaque.ts";
import { sessionGrant, type Principal } from "./principal.ts";
import type { User } from "./user.ts";
import { USER_JSON } from "./user.ts";

/** Whose session a browser's cookie is. */
export interface BrowserSessions {
  /**
   * Remembers what it found: whether the session still stands, `platform.admit()` looks at in every transaction.
   * @throws RowhouseError sessionEnded for a cookie of no session
   */
  find(desk: Desk, tenantId: string, token: string): Promise<Principal>;
}

const FIND = `select jsonb_build_object('session', s.id, 'expiresAt', extract(epoch from s.expires_at), 'user', ${USER_JSON})
  from tenant.refresh_tokens t join tenant.sessions s on s.id = t.session_id join tenant.users u on u.id = s.user_id
  where t.hash = $1 and s.revoked_at is null and s.expires_at > now()`;

interface Found {
  readonly session: string;
  readonly expiresAt: number;
  readonly user: User;
}

function principalOf(tenantId: string, { session, expiresAt, user }: Found): Principal {
  const { id, role, email } = user;
  const claims = Object.freeze({ sub: id, role, tenant: tenantId, email, session_id: session });
  return Object.freeze<Principal>({
    kind: "user",
    id,
    tenantId,
    role,
    grant: sessionGrant(session),
    expiresAt,
    jti: null,
    claims,
  });
}

/** Keeps the 10,000 cookies that were seen last, each for five minutes, in this process. */
export function openBrowserSessions(): BrowserSessions {
  const known = new LRUCache<string, Principal>({ max: 10_000, ttl: 300_000 });
  return {
    find: async (desk, tenantId, token) => {
      const digest = digestOf("cookie", token);
      const key = `${tenantId} ${digest.toString("base64")}`;
      const hit = known.get(key);
      if (hit !== undefined) return hit;
      const [rows] = await desk(ANYBODY, "read", [statement(FIND, digest)]);
      const found = rows?.[0] as Found | undefined;
      if (found === undefined) throw new RowhouseError("sessionEnded", { hint: "Sign in again." });
      const principal = principalOf(tenantId, found);
      known.set(key, principal);
      return principal;
    },
  };
}
