import type { Statement, StatementResult } from "../db/statement.ts";
import type { Tenant } from "./tenant.ts";

/** How a tenant shows itself to the public. */
export interface Brand {
  readonly name: string;
  /** As the tenant wrote it; to be checked before it is used. */
  readonly color: string | null;
  readonly tagline: string | null;
}

/** Runs statements as anybody who is not signed in, in one transaction that reads, where the tenant lives. */
export type ReadAnonymously = (tenant: Tenant, statements: readonly Statement[]) => Promise<StatementResult[]>;

const brandStatement = (tenantId: string): Statement => ({
  name: "rowhouse_brand",
  text: "select s.value::text from tenant.settings s where s.tenant_id = $1 and s.name = 'brand' and s.is_public",
  values: [tenantId],
});

/** Pure: whatever stands in the setting, a brand comes of it. */
export function parseBrand(tenant: Tenant, value: unknown): Brand {
  const given = (typeof value === "object" ? (value ?? {}) : {}) as Record<string, unknown>;
  const textOf = (item: unknown) => (typeof item === "string" && item.trim() !== "" ? item.trim().slice(0, 200) : null);
  return {
    name: textOf(given["name"]) ?? tenant.name,
    color: textOf(given["color"]),
    tagline: textOf(given["tagline"]),
  };
}

/**
 * The tenant's public setting `brand`, read as anybody who is not signed in.
 * @throws RowhouseError as reading does
 */
export async function readBrand(read: ReadAnonymously, tenant: Tenant): Promise<Brand> {
  const [result] = await read(tenant, [brandStatement(tenant.id)]);
  return parseBrand(tenant, JSON.parse(result?.rows[0]?.[0] ?? "null"));
}
