/** How the matrix writes to one table. `test/isolation/matrix-tests.ts` fails for a table that has no line here. */
export interface TableFacts {
  /** What requests may do: those of `tenant` are the control plane's to write. */
  readonly rights: "write" | "read";
  /** A row of A's own: column to SQL expression. */
  readonly row: Readonly<Record<string, string>>;
  /** An assignment that changes any row. */
  readonly change: string;
}

const own = (table: string) => `(select id from ${table} order by id limit 1)`;

export const TABLES: Readonly<Record<string, TableFacts>> = {
  "tenant.settings": { rights: "read", row: { name: "'matrix'", value: "'1'" }, change: "value = '2'" },
  "tenant.users": { rights: "read", row: { email: "'matrix@a.example'" }, change: "name = 'changed'" },
  "tenant.idempotency_keys": {
    rights: "read",
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
const one = (text: string) => `${text} where tenant_id = $1::uuid and id = $2::uuid`;

/** Every verb on rows of one's own and of the other's. One can't name the other's rows in a plain insert. */
export const CELLS: readonly Cell[] = [
  { verb: "select", whose: "own", text: (t) => one(`select * from ${t}`), expect: { write: 1, read: 1 } },
  { verb: "select", whose: "other", text: (t) => one(`select * from ${t}`), expect: { write: 0, read: 0 } },
  {
    verb: "select for update",
    whose: "other",
    text: (t) => `${one(`select * from ${t}`)} for update`,
    expect: { write: 0, read: DENIED },
  },
  {
    verb: "insert",
    whose: "own",
    text: (t, { row }) => `with given as (select ${given}) ${insert(t, row)}`,
    expect: { write: 1, read: DENIED },
  },
  {
    verb: "insert with tenant_id",
    whose: "own",
    text: (t, { row }) => `with given as (select ${given}) ${insert(t, { ...row, tenant_id: "$1::uuid" })}`,
    expect: { write: DENIED, read: DENIED },
  },
  {
    verb: "insert with tenant_id",
    whose: "other",
    text: (t, { row }) => `with given as (select ${given}) ${insert(t, { ...row, tenant_id: "$1::uuid" })}`,
    expect: { write: DENIED, read: DENIED },
  },
  {
    verb: "update",
    whose: "own",
    text: (t, { change }) => one(`update ${t} set ${change}`),
    expect: { write: 1, read: DENIED },
  },
  {
    verb: "update",
    whose: "other",
    text: (t, { change }) => one(`update ${t} set ${change}`),
    expect: { write: 0, read: DENIED },
  },
  {
    verb: "update of tenant_id",
    whose: "own",
    text: (t) => `update ${t} set tenant_id = $1::uuid ${given}`,
    expect: { write: DENIED, read: DENIED },
  },
  {
    verb: "update of tenant_id",
    whose: "other",
    text: (t) => `update ${t} set tenant_id = $1::uuid ${given}`,
    expect: { write: DENIED, read: DENIED },
  },
  {
    verb: "upsert",
    whose: "own",
    text: (t, { row, change }) =>
      `${insert(t, { ...row, id: "$2::uuid" })} on conflict (tenant_id, id) do update set ${change} ${given}`,
    expect: { write: 1, read: DENIED },
  },
  {
    // There is no conflict with the other's row: it becomes a row of one's own, with the same id.
    verb: "upsert",
    whose: "other",
    text: (t, { row, change }) =>
      `${insert(t, { ...row, id: "$2::uuid" })} on conflict (tenant_id, id) do update set ${change} ${given}`,
    expect: { write: 1, read: DENIED },
  },
  {
    verb: "merge",
    whose: "other",
    text: (t, { change }) => `merge into ${t} t using (values ($1::uuid, $2::uuid)) v (tenant_id, id)
      on t.tenant_id = v.tenant_id and t.id = v.id when matched then update set ${change}`,
    expect: { write: 0, read: DENIED },
  },
  { verb: "delete", whose: "other", text: (t) => one(`delete from ${t}`), expect: { write: 0, read: DENIED } },
  {
    verb: "delete of all",
    whose: "other",
    text: (t) => `delete from ${t} where tenant_id = $1::uuid or $2::uuid is null`,
    expect: { write: 0, read: DENIED },
  },
];
