/** The isolated customer space: unit of row-level security, export and promotion. */
export interface Tenant {
  /** uuid */
  readonly id: string;
  readonly slug: string;
  readonly name: string;
  /** `importing`: a restore is filling it, and no request enters. */
  readonly status: "active" | "suspended" | "importing" | "deleting";
  /** Version of the placement; a bigint's digits. */
  readonly epoch: string;
  /** The database that it lives in, by name; null: this one. */
  readonly movedTo: string | null;
  /** ISO 8601 */
  readonly createdAt: string;
}

/** The columns of `platform.tenants t` that make a {@link Tenant}, in its field names. */
export const TENANT_COLUMNS = `t.id, t.slug, t.name, t.status, t.epoch::text as epoch, t.moved_to as "movedTo",
  to_char(t.created_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "createdAt"`;
