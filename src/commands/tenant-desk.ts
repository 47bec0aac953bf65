import { openDesk, type Actor, type Desk } from "../auth/desk.ts";
import { HOME } from "../tenant/databases.ts";
import { locateTenant } from "../tenant/locate.ts";
import type { Tenant } from "../tenant/tenant.ts";
import type { Session } from "./session.ts";

/** One tenant at hand, where it lives. Closes itself at the end of an `await using` block. */
export interface TenantDesk extends AsyncDisposable {
  readonly tenant: Tenant;
  readonly desk: Desk;
  readonly actor: Actor;
}

/** @throws RowhouseError tenantUnknown, databaseUnavailable, configInvalid */
export async function openTenantDesk(session: Session, slug: string): Promise<TenantDesk> {
  const { tenant, database, place } = await locateTenant(session.database, session.platform, slug);
  const pool = place === HOME ? session.platform : database.openPool("rowhouse_platform", { max: 1 });
  const desk = openDesk(
    { reach: (there, _access, work) => work(pool, there.epoch), keyring: database.keyring },
    tenant,
  );
  return {
    tenant,
    desk,
    actor: { principal: session.actor, role: "owner" },
    [Symbol.asyncDispose]: async () => {
      if (pool !== session.platform) await pool.end();
    },
  };
}
