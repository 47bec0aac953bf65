import type { Statement } from "../db/statement.ts";
import type { ReadAnonymously } from "./brand.ts";
import type { Tenant } from "./tenant.ts";

/** What anybody may know of a tenant, before signing in. */
export interface PublicTenant {
  readonly slug: string;
  readonly name: string;
  /** Its public settings by name, as the tenant wrote them; `brand` is how it wants to be shown. */
  readonly settings: Readonly<Record<string, unknown>>;
}

const publicSettings = (tenantId: string): Statement => ({
  name: "rowhouse_public_settings",
  text: `select coalesce(jsonb_object_agg(s.name, s.value), '{}')::text from tenant.settings s where s.tenant_id = $1 and s.is_public`,
  values: [tenantId],
});

/**
 * The tenant's public settings, read as anybody who is not signed in.
 * @throws RowhouseError as reading does
 */
export async function readPublic(read: ReadAnonymously, tenant: Tenant): Promise<PublicTenant> {
  const [result] = await read(tenant, [publicSettings(tenant.id)]);
  const settings = JSON.parse(result?.rows[0]?.[0] ?? "{}") as PublicTenant["settings"];
  return { slug: tenant.slug, name: tenant.name, settings };
}
