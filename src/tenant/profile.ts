import type { ConnectionPool, DbClient } from "../db/connections.ts";
import type { Statement } from "../db/statement.ts";
import { runInside } from "../db/transaction.ts";

/** Whom the operators talk to about a tenant, and what kind of customer it is. Kept in the registry; the tenant does not see it. */
export interface TenantProfile {
  readonly contactName?: string | null;
  readonly contactEmail?: string | null;
  readonly contactPhone?: string | null;
  readonly industry?: string | null;
  /** Of the company: `11-50`. */
  readonly size?: string | null;
}

const COLUMNS = `p.contact_name as "contactName", p.contact_email as "contactEmail", p.contact_phone as "contactPhone", p.industry, p.size`;
const EMPTY: Required<TenantProfile> = {
  contactName: null,
  contactEmail: null,
  contactPhone: null,
  industry: null,
  size: null,
};

/** Every field is there; null where nothing is known. */
export async function readProfile(
  client: Pick<ConnectionPool | DbClient, "query">,
  tenantId: string,
): Promise<Required<TenantProfile>> {
  const { rows } = await client.query<Required<TenantProfile>>(
    `select ${COLUMNS} from platform.tenant_profiles p where p.tenant_id = $1`,
    [tenantId],
  );
  return rows[0] ?? EMPTY;
}

/** Fields that are left out stay what they are; null takes one away. */
export async function changeProfile(client: DbClient, tenantId: string, change: TenantProfile): Promise<void> {
  await writeProfile(client, tenantId, { ...(await readProfile(client, tenantId)), ...change });
}

/** The whole profile: fields that are left out are null. Pure. */
export function profileStatement(tenantId: string, profile: TenantProfile): Statement {
  const { contactName, contactEmail, contactPhone, industry, size } = { ...EMPTY, ...profile };
  return {
    name: "rowhouse_profile",
    text: `insert into platform.tenant_profiles (tenant_id, contact_name, contact_email, contact_phone, industry, size)
     values ($1, $2, $3, $4, $5, $6)
     on conflict (tenant_id) do update set contact_name = excluded.contact_name, contact_email = excluded.contact_email,
       contact_phone = excluded.contact_phone, industry = excluded.industry, size = excluded.size, updated_at = now()`,
    values: [tenantId, contactName, contactEmail, contactPhone, industry, size],
  };
}

/** Runs {@link profileStatement}. */
export async function writeProfile(client: DbClient, tenantId: string, profile: TenantProfile): Promise<void> {
  await runInside(client, [profileStatement(tenantId, profile)]);
}
