import { openDesk, type DeskSources } from "../auth/desk.ts";
import { openRetention } from "../auth/retention.ts";
import type { ConnectionPool } from "../db/connections.ts";
import type { Log } from "../log.ts";
import { listTenants } from "../tenant/change.ts";

/** Keeps audit trails as long as plans say. */
export function startRetention(
  stack: AsyncDisposableStack,
  { log, platform, desks }: { readonly log: Log; readonly platform: ConnectionPool; readonly desks: DeskSources },
): void {
  const retention = openRetention({
    platform,
    listTenants: () => listTenants(platform),
    deskOf: (tenant) => openDesk(desks, tenant),
    onPurged: (purged) => log.info(purged, "old audit events were removed"),
    onError: (err, tenant) => log.warn({ err, tenant: tenant?.slug }, "old audit events were not removed"),
  });
  stack.defer(() => retention.close());
}
