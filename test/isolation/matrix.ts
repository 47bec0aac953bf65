/** How the matrix writes to one table. `test/isolation/matrix-tests.ts` fails for a table that has no line here. */
export interface TableFacts {
  /** What requests may do: most of `tenant` is the control plane's to write, and some of it nobody's to read. */
  readonly rights: "write" | "update" | "read" | "none";
  /** Column that names a row; `id` when left out. */
  readonly id?: string;
  /** What is unique besides `tenant_id`, when that is not the same. */
  readonly unique?: string;
  /** Columns that requests may read; all when left out. */
  readonly shown?: string;
  /** A row of A's own: column to SQL expression. */
  readonly row: Readonly<Record<string, string>>;
  /** An assignment that changes any row. */
  readonly change: string;
}

const own = (table: string) => `(select id from ${table} order by id limit 1)`;

export const TABLES: Readonly<Record<string, TableFacts>> = {
  "tenant.settings": { rights: "write", row: { name: "'matrix'", value: "'1'" }, change: "value = '2'" },
  "tenant.users": { rights: "update", row: { email: "'matrix@a.example'" }, change: "name = 'changed'" },
  "tenant.credentials": { rights: "none", id: "user_id", row: { password: "'$x'" }, change: "password = '$y'" },
  "tenant.sessions": { rights: "read", row: { expires_at: "now()" }, change: "revoked_at = now()" },
  "tenant.refresh_tokens": {
    rights: "none",
    id: "session_id",
    unique: "hash",
    row: { hash: "sha256('')" },
    change: "used_at = now()",
  },
  "tenant.one_time_links": {
    rights: "read",
    shown: "kind, user_id, email, created_at, expires_at, used_at",
    id: "user_id",
    unique: "hash",
    row: { hash: "sha256('')", kind: "'recovery'", email: "'a'" },
    change: "used_at = now()",
  },
  "tenant.roles": { rights: "write", row: { name: "'matrix'" }, change: "description = 'changed'" },
  "tenant.permissions": {
    rights: "write",
    row: { role: "'clerk'", table_name: "'matrix'", verb: "'select'" },
    change: "verb = '*'",
  },
  "tenant.api_keys": {
    rights: "read",
    shown: "id, name, prefix, role, scopes, expires_at, revoked_at, last_used_at",
    row: { name: "'matrix'", prefix: "'rh_live_aaaaaa'", role: "'owner'" },
    change: "revoked_at = null",
  },
  "tenant.locations": { rights: "write", row: { code: "'matrix'", name: "'x'" }, change: "name = 'changed'" },
  "tenant.feature_flags": { rights: "write", row: { name: "'matrix'" }, change: "is_enabled = false" },
  "tenant.subscription": { rights: "read", row: { plan: "'free'" }, change: "limits = '{}'" },
  "tenant.impersonations": {
    rights: "read",
    row: { operator: "'me'", reason: "'none'", role: "'owner'", expires_at: "now()" },
    change: "writes = true",
  },
  "tenant.identities": {
    rights: "read",
    row: { user_id: "gen_random_uuid()", issuer: "'https://id.example'", subject: "'matrix'" },
    change: "subject = 'changed'",
  },
  "tenant.audit_events": { rights: "read", row: { action: "'x'", actor: "'x'", role: "'x'" }, change: "actor = 'x'" },
  "tenant.idempotency_keys": {
    rights: "none",
    row: { principal: "'matrix'", key: "'matrix'", fingerprint: "'x'", answer: "'[]'" },
    change: "answer = '[1]'",
  },
  "app.customers": { rights: "write", row: { number: "'matrix'", name: "'x'" }, change: "name = 'changed'" },
  "app.locations": {
    rights: "write",
    row: { code: "'matrix'", name: "'x'", city: "'x'", country: "'DE'" },
    change: "name = 'changed'",
  },
  "app.tax_rates": {
    rights: "write",
    row: { country: "'XX'", name: "'matrix'", basis_points: "1", valid_from_on: "'2001-01-01'" },
    change: "basis_points = 2",
  },
  "app.products": {
    rights: "write",
    row: { sku: "'matrix'", name: "'x'", price_cents: "1", tax_rate_id: own("app.tax_rates") },
    change: "name = 'changed'",
  },
  "app.invoices": { rights: "write", row: { customer_id: own("app.customers") }, change: "notes = 'changed'" },
  "app.invoice_items": {
    rights: "write",
    row: { invoice_id: own("app.invoices"), position: "9999", description: "'x'", unit_price_cents: "1" },
    change: "description = 'changed'",
  },
  "app.expenses": {
    rights: "write",
    row: { category: "'travel'", vendor: "'x'", spent_on: "'2026-01-01'", amount_cents: "1" },
    change: "description = 'changed'",
  },
};

interface Cell {
  readonly verb: string;
  readonly whose: "own" | "other";
  /** `$1` is the tenant whose rows are meant, `$2` the id of one of that tenant's rows. */
  readonly text: (table: string, facts: TableFacts) => string;
  /** Rows touched, or SQLSTATE, where requests may write and where they may only read. */
  readonly expect: Readonly<Record<TableFacts["rights"], number | string>>;
}

const DENIED = "42501";
const insert = (table: string, row: Readonly<Record<string, string>>) =>
  `insert into ${table} (${Object.keys(row).join(", ")}) values (${Object.values(row).join(", ")})`;
/** Some types of parameters can't be told from the statement; both are always given. */
const given = "where $1::uuid is not null and $2::uuid is not null";
const one = (text: string, { id = "id" }: TableFacts) => `${text} where tenant_id = $1::uuid and ${id} = $2::uuid`;
const upsert = (table: string, { id = "id", unique = id, row, change }: TableFacts) =>
  `${insert(table, { ...row, [id]: "$2::uuid" })} on conflict (tenant_id, ${unique}) do update set ${change} ${given}`;

/** Every verb on rows of one's own and of the other's. One can't name the other's rows in a plain insert. */
export const CELLS: readonly Cell[] = [
  {
    verb: "select",
    whose: "own",
    text: (t, f) => one(`select ${f.shown ?? "*"} from ${t}`, f),
    expect: { write: 1, update: 1, read: 1, none: DENIED },
  },
  {
    verb: "select",
    whose: "other",
    text: (t, f) => one(`select ${f.shown ?? "*"} from ${t}`, f),
    expect: { write: 0, update: 0, read: 0, none: DENIED },
  },
  {
    verb: "select for update",
    whose: "other",
    text: (t, f) => `${one(`select ${f.shown ?? "*"} from ${t}`, f)} for update`,
    expect: { write: 0, update: 0, read: DENIED, none: DENIED },
  },
  {
    verb: "insert",
    whose: "own",
    text: (t, { row }) => `with given as (select ${given}) ${insert(t, row)}`,
    expect: { write: 1, update: DENIED, read: DENIED, none: DENIED },
  },
  {
    verb: "insert with tenant_id",
    whose: "own",
    text: (t, { row }) => `with given as (select ${given}) ${insert(t, { ...row, tenant_id: "$1::uuid" })}`,
    expect: { write: DENIED, update: DENIED, read: DENIED, none: DENIED },
  },
  {
    verb: "insert with tenant_id",
    whose: "other",
    text: (t, { row }) => `with given as (select ${given}) ${insert(t, { ...row, tenant_id: "$1::uuid" })}`,
    expect: { write: DENIED, update: DENIED, read: DENIED, none: DENIED },
  },
  {
    verb: "update",
    whose: "own",
    text: (t, f) => one(`update ${t} set ${f.change}`, f),
    expect: { write: 1, update: 1, read: DENIED, none: DENIED },
  },
  {
    verb: "update",
    whose: "other",
    text: (t, f) => one(`update ${t} set ${f.change}`, f),
    expect: { write: 0, update: 0, read: DENIED, none: DENIED },
  },
  {
    verb: "update of tenant_id",
    whose: "own",
    text: (t) => `update ${t} set tenant_id = $1::uuid ${given}`,
    expect: { write: DENIED, update: DENIED, read: DENIED, none: DENIED },
  },
  {
    verb: "update of tenant_id",
    whose: "other",
    text: (t) => `update ${t} set tenant_id = $1::uuid ${given}`,
    expect: { write: DENIED, update: DENIED, read: DENIED, none: DENIED },
  },
  {
    verb: "upsert",
    whose: "own",
    text: upsert,
    expect: { write: 1, update: DENIED, read: DENIED, none: DENIED },
  },
  {
    // There is no conflict with the other's row: it becomes a row of one's own, with the same id.
    verb: "upsert",
    whose: "other",
    text: upsert,
    expect: { write: 1, update: DENIED, read: DENIED, none: DENIED },
  },
  {
    verb: "merge",
    whose: "other",
    text: (t, { change, id = "id" }) => `merge into ${t} t using (values ($1::uuid, $2::uuid)) v (tenant_id, id)
      on t.tenant_id = v.tenant_id and t.${id} = v.id when matched then update set ${change}`,
    expect: { write: 0, update: 0, read: DENIED, none: DENIED },
  },
  {
    verb: "delete",
    whose: "other",
    text: (t, f) => one(`delete from ${t}`, f),
    expect: { write: 0, update: DENIED, read: DENIED, none: DENIED },
  },
  {
    verb: "delete of all",
    whose: "other",
    text: (t) => `delete from ${t} where tenant_id = $1::uuid or $2::uuid is null`,
    expect: { write: 0, update: DENIED, read: DENIED, none: DENIED },
  },
];
