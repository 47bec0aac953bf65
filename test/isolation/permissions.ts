import { TABLES, type TableFacts } from "./matrix.ts";

/** What a role's statement comes to on a row of its own, another's of the same tenant, another tenant's: rows touched, or SQLSTATE. */
export type Row = readonly [own: Came, others: Came, foreign: Came];
type Came = number | string;
export interface Grid {
  readonly select: Row;
  /** Of a row of one's own. */
  readonly insert: Came;
  readonly update: Row;
  readonly delete: Row;
}

export const ROLES = [
  "owner",
  "admin",
  "manager",
  "member",
  "viewer",
  "clerk",
  "service",
  "anonymous",
  "unheard_of",
] as const;
export type Role = (typeof ROLES)[number];

/** `clerk` is a role of the tenant's own, `service` an API key's: what each was given. */
export const CLERK_MAY: readonly (readonly [table: string, verb: string])[] = [
  ["customers", "select"],
  ["app.customers", "insert"],
  ["app.diaries", "*"],
];
export const SERVICE_MAY = { customers: ["select"], "app.drafts": ["*"], "tenant.settings": ["select"] };

const all = (came: Came): Row => [came, came, came];
const MAY: Row = [1, 1, 0];
const OWN: Row = [1, 0, 0];
/** Refused by the policy of the role before any row is looked at: the same whosever it is, and whether there is one. */
const NO = all("RH206");
/** No request has the right, whatever its role. */
const NONE = all("42501");

const REFUSED: Grid = { select: NO, insert: "RH206", update: NO, delete: NO };
const EVERYTHING: Grid = { select: MAY, insert: 1, update: MAY, delete: MAY };
const READS: Grid = { ...REFUSED, select: MAY };
const WRITES: Grid = { ...EVERYTHING, delete: NO };

const byRole = (given: Partial<Record<Role, Grid>>): Record<Role, Grid> =>
  Object.fromEntries(ROLES.map((role) => [role, given[role] ?? REFUSED])) as Record<Role, Grid>;

const APP = byRole({
  owner: EVERYTHING,
  admin: EVERYTHING,
  manager: EVERYTHING,
  member: WRITES,
  viewer: READS,
});
const MEMBERS = byRole({
  owner: EVERYTHING,
  admin: EVERYTHING,
  manager: READS,
  member: READS,
  viewer: READS,
  clerk: READS,
});
/** A table that nobody but the control plane writes. */
const readOnly = (grids: Record<Role, Grid>): Record<Role, Grid> =>
  Object.fromEntries(
    ROLES.map((role) => [role, { select: grids[role].select, insert: "42501", update: NONE, delete: NONE }]),
  ) as Record<Role, Grid>;
const ADMINS = readOnly(byRole({ owner: EVERYTHING, admin: EVERYTHING }));
const NOBODY = Object.fromEntries(
  ROLES.map((role) => [role, { select: NONE, insert: "42501", update: NONE, delete: NONE }]),
) as Record<Role, Grid>;
const OWN_USER: Grid = { select: MAY, insert: "42501", update: OWN, delete: NONE };
const ANY_USER: Grid = { ...OWN_USER, update: MAY };
const NO_USER: Grid = { select: NO, insert: "42501", update: NO, delete: NONE };

/** Tables of the test's own, with what they are given (policies/access.sql) and how they are written. */
export const OWN_TABLES: Readonly<Record<string, object | null>> = {
  "app.notes": null,
  "app.drafts": { own_rows: "write" },
  "app.diaries": { own_rows: "all" },
  "app.notices": { anonymous: ["select"] },
};
export const ownTable = (name: string) => `create table ${name} (
  tenant_id uuid, id uuid not null default gen_random_uuid(), body text not null, created_at timestamptz not null default now(),
  created_by text, updated_at timestamptz, updated_by text, primary key (tenant_id, id))`;

/** Role × verb × whose, for every table. A table of the live catalog that is not in it fails `permissions.test.ts`. */
export const GRIDS: Readonly<Record<string, Record<Role, Grid>>> = {
  "tenant.settings": {
    ...MEMBERS,
    service: READS,
    // There is a policy that lets public settings through, and the row is none.
    anonymous: { ...REFUSED, select: all(0) },
  },
  "tenant.users": {
    ...byRole({
      owner: ANY_USER,
      admin: ANY_USER,
      manager: OWN_USER,
      member: OWN_USER,
      viewer: OWN_USER,
      clerk: OWN_USER,
    }),
    service: NO_USER,
    anonymous: NO_USER,
    unheard_of: NO_USER,
  },
  "tenant.credentials": NOBODY,
  "tenant.sessions": ADMINS,
  "tenant.refresh_tokens": NOBODY,
  "tenant.one_time_links": ADMINS,
  "tenant.roles": MEMBERS,
  "tenant.permissions": MEMBERS,
  "tenant.api_keys": ADMINS,
  "tenant.locations": MEMBERS,
  "tenant.feature_flags": MEMBERS,
  "tenant.subscription": readOnly(MEMBERS),
  "tenant.impersonations": ADMINS,
  "tenant.identities": ADMINS,
  "tenant.idempotency_keys": NOBODY,
  "tenant.audit_events": ADMINS,
  "app.customers": { ...APP, clerk: { ...REFUSED, select: MAY, insert: 1 }, service: READS },
  "app.locations": APP,
  "app.tax_rates": APP,
  "app.products": APP,
  "app.invoices": APP,
  "app.invoice_items": APP,
  "app.expenses": APP,
  "app.notes": { ...APP, member: { ...WRITES, delete: OWN } },
  "app.drafts": {
    ...APP,
    member: { ...WRITES, update: OWN, delete: OWN },
    service: { ...EVERYTHING, update: OWN, delete: OWN },
  },
  "app.diaries": {
    ...APP,
    member: { select: OWN, insert: 1, update: OWN, delete: OWN },
    clerk: { select: OWN, insert: 1, update: OWN, delete: OWN },
  },
  "app.notices": { ...APP, member: { ...WRITES, delete: OWN }, anonymous: READS },
};

/** How the table is written. */
export function factsOf(table: string): TableFacts {
  return TABLES[table] ?? { rights: "write", row: { body: "'matrix'" }, change: "body = 'changed'" };
}

/** The facts' row, once more: what is unique in it differs by `mark`. */
export function another({ row }: TableFacts, mark: string): Record<string, string> {
  const number = String(parseInt(mark.slice(0, 1) + mark.slice(-1), 36));
  return Object.fromEntries(
    Object.entries(row).map(([column, value]) => [
      column,
      value.replace("matrix", `matrix_${mark}`).replace("9999", `9${number}`),
    ]),
  );
}
