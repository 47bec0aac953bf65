import { LRUCache } from "lru-cache";
import type { Tenant } from "../tenant/tenant.ts";
import { noteKeyUse } from "./api-keys.ts";
import type { Desk } from "./desk.ts";
import type { Principal } from "./principal.ts";

/** Notes when API keys were used last. */
export interface KeyUses {
  /** At most once a minute for each key, and on the side: nobody waits for it, and nothing depends on it. */
  note(tenant: Tenant, principal: Principal): void;
}

/** Remembers in this process which keys it noted within the last minute, of 10,000. */
export function openKeyUses(deskOf: (tenant: Tenant) => Desk): KeyUses {
  const noted = new LRUCache<string, true>({ max: 10_000, ttl: 60_000 });
  return {
    note: (tenant, { grant }) => {
      if (grant?.startsWith("k") !== true || noted.has(grant)) return;
      noted.set(grant, true);
      const actor = { principal: "platform:keys", role: "service" };
      void noteKeyUse(deskOf(tenant), actor, grant.slice(1)).catch(() => noted.delete(grant));
    },
  };
}
