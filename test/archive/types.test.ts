import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readContent } from "../../src/archive/compare.ts";
import { restoreArchive } from "../../src/archive/restore.ts";
import { verifyArchive } from "../../src/archive/verify.ts";
import { migrate } from "../../src/db/migrate.ts";
import { SALES, testDatabase } from "../harness.ts";
import { openWorkspace, type Workspace, readShared } from "./workspace.ts";

const TABLE = `app."Odd ""Things"""`;
const SCHEMA = `
  set role rowhouse_owner;
  create type app.mood as enum ('sad', 'so so', 'glad');
  create type app.pair as (a int, b text);
  create domain app.score as int check (value between 0 and 10);
  create table ${TABLE} (
    tenant_id uuid not null default platform.current_tenant(),
    id bigint generated always as identity,
    "select" text, " Ünïcode, ""q""" varchar(40), fixed char(5), amount numeric, money money, small smallint, big bigint,
    single real, double double precision, flag boolean, bytes bytea, day date, clock time, zoned timetz, at timestamptz, local timestamp,
    span interval, tags text[], grid int[][], doc jsonb, raw json, mood app.mood, pair app.pair, score app.score, address inet, net cidr,
    mac macaddr, bits varbit, spot point, period tstzrange, numbers int4multirange, words tsvector, markup xml, uid uuid,
    doubled int generated always as (small * 2) stored,
    primary key (tenant_id, id)
  );
  select platform.protect_table('${TABLE}');
  create table app.notes (
    tenant_id uuid not null default platform.current_tenant(), id serial, parent_id int, body text not null,
    primary key (tenant_id, id), foreign key (tenant_id, parent_id) references app.notes (tenant_id, id)
  );
  select platform.protect_table('app.notes');
  create function app.assert_unhurried() returns trigger language plpgsql as $$
  begin
    if current_setting('statement_timeout') <> '0' or current_setting('idle_in_transaction_session_timeout') <> '0' then
      raise exception 'a note has a limit of time to come in';
    end if;
    return new;
  end $$;
  create trigger unhurried before insert on app.notes for each row execute function app.assert_unhurried();
  alter table app.notes enable always trigger unhurried;
  create table app.logs (tenant_id uuid not null, id uuid not null default gen_random_uuid(), at date not null, line text, primary key (tenant_id, id, at))
    partition by range (at);
  create table app.logs_1 partition of app.logs for values from ('2026-01-01') to ('2026-07-01');
  create table app.logs_2 partition of app.logs for values from ('2026-07-01') to ('2027-01-01');
  select platform.protect_table('app.logs');
  reset role`;

/** Texts that COPY, JSON, tar, shells or people trip over. */
const TEXTS = [
  "",
  " ",
  "\\N",
  "\\.",
  "\\",
  "\\\\",
  "\t",
  "\n",
  "\r\n",
  "\b\f\v",
  "a\tb\nc\\nd",
  "'",
  '"',
  "''; drop table app.notes; --",
  "$$",
  "null",
  "NULL",
  '{"a":1}',
  "\u0001\u001f\u007f",
  "\\x00",
  "\\000",
  "\u0000".replace("\u0000", "\\u0000"),
  "ÄÖÜ ß 日本語 🏠 e\u0301",
  "\u2028\ufeff\ufffd",
  "x".repeat(100_000),
];

let db: Workspace;
beforeAll(async () => {
  db = await openWorkspace();
  await db.admin.query(SCHEMA);
  const { id } = await db.tenant("globex");
  for (const text of TEXTS) {
    await db.admin.query(
      `insert into ${TABLE} (tenant_id, "select", tags, doc, raw, pair) values ($1, $2, array[$2, null, ''], to_jsonb($2::text), to_json(array[$2::text]), row(1, $2)::app.pair)`,
      [id, text],
    );
  }
  const values = `
    ('ä"q', 'ab', 1.50, 12.34, 1, 9223372036854775807, 1.1, 0.1, true, '\\x00ff0a5c09', '2026-02-28', '23:59:59.999999', '12:00+02', '2026-01-01 00:00:00.123456+13', 'infinity', '1 mon -3 days 04:05:06.7', '{{1,2},{3,null}}', 'so so', 7, '::1/64', '10.0.0.0/8', '08:00:2b:01:02:03', B'101', '(1.5,-2)', '[2026-01-01,)', '{[1,3),[5,9)}', 'fat:1 cat:2', '<a>b</a>', gen_random_uuid()),
    (null, '', 'NaN', -0.01, -32768, -1, '-0', '-Infinity', false, '', '4713-01-01 BC', '00:00', '00:00-12', '-infinity', '0001-01-01 BC', '-1 year', '{}', 'sad', 0, '0.0.0.0', '::/0', 'ff:ff:ff:ff:ff:ff', B'', '(1e-300,1e300)', 'empty', '{}', '', '', null),
    ('x', 'abcde', 1.500, 0, 0, 0, 'NaN', 5e-324, null, null, 'infinity', '24:00', null, null, null, 'P1Y2M', null, null, null, null, null, null, null, null, null, null, null, null, null)`;
  await db.admin.query(
    `insert into ${TABLE} (tenant_id, " Ünïcode, ""q""", fixed, amount, money, small, big, single, double, flag, bytes, day, clock, zoned, at, local, span, grid, mood, score, address, net, mac, bits, spot, period, numbers, words, markup, uid)
     select $1, v.* from (values ${values}) v`
      .replace("select $1, v.* from (values", "values")
      .replaceAll(/\n    \(/g, "\n    ($1, ")
      .replace(/\) v$/, ""),
    [id],
  );
  await db.admin.query(
    "insert into app.notes (tenant_id, id, parent_id, body) select $1, n, case when n < 40 then n + 1 end, 'note ' || n from generate_series(1, 40) n",
    [id],
  );
  await db.admin.query(
    "insert into app.logs (tenant_id, at, line) select $1, '2026-01-01'::date + n, n::text from generate_series(0, 360, 30) n",
    [id],
  );
});
afterAll(() => db.close());

/** The rows of a tenant as the superuser's session prints them: another way to look than the one under test. */
async function printed(admin: Workspace["admin"], table: string, id: string): Promise<string[]> {
  const { rows } = await admin.query<{ line: string }>(
    `select (to_jsonb(t) - 'tenant_id')::text || t.* ::text as line from ${table} t where tenant_id = $1 order by 1`,
    [id],
  );
  return rows.map(({ line }) => line.replaceAll(id, ""));
}

describe("every type of value", () => {
  test("comes back as it was, beside its tenant", async () => {
    const path = await db.archive("globex");
    const { tenant } = await restoreArchive(db.database, path, { as: "types" });
    const source = await db.tenant("globex");
    expect(await readShared(db.database, tenant)).toEqual(await readShared(db.database, source));
    for (const table of [TABLE, "app.notes", "app.logs"]) {
      const lines = await printed(db.admin, table, source.id);
      expect(lines.length).toBeGreaterThan(10);
      expect(await printed(db.admin, table, tenant.id)).toEqual(lines);
    }
  });

  test("comes back in another database, whose own settings differ, with sequences beyond what came", async () => {
    const path = await db.archive("globex");
    const other = await testDatabase("empty");
    try {
      await migrate(other.database, { appDir: SALES });
      await other.admin.query(SCHEMA);
      const name = new URL(other.url).pathname.slice(1);
      for (const setting of [
        "datestyle = 'German'",
        "timezone = 'Asia/Tokyo'",
        "intervalstyle = 'iso_8601'",
        "bytea_output = 'escape'",
        "extra_float_digits = -10",
        "statement_timeout = '1min'",
        "idle_in_transaction_session_timeout = '1min'",
      ]) {
        await db.admin.query(
          `alter role rowhouse_importer in database ${name} set ${setting}; alter role rowhouse_exporter in database ${name} set ${setting}`,
        );
      }
      const { tenant } = await restoreArchive(other.database, path);
      const source = await db.tenant("globex");
      expect(tenant.id).toBe(source.id);
      expect(await readShared(other.database, tenant)).toEqual(await readShared(db.database, source));
      expect(await printed(other.admin, TABLE, tenant.id)).toEqual(await printed(db.admin, TABLE, source.id));
      const next = await other.admin.query<{ note: string; thing: string }>(
        `select nextval('app.notes_id_seq')::text as note, nextval(pg_get_serial_sequence('${TABLE.replaceAll("'", "''")}', 'id'))::text as thing`,
      );
      expect(next.rows[0]).toEqual({ note: "41", thing: String(TEXTS.length + 4) });
    } finally {
      await other.close();
    }
  });

  test("a restore never moves a sequence back", async () => {
    const path = await db.archive("globex");
    await db.admin.query("select setval('app.notes_id_seq', 5000)");
    await restoreArchive(db.database, path, { as: "types-2" });
    expect((await db.admin.query<{ next: string }>("select nextval('app.notes_id_seq') as next")).rows[0]!.next).toBe(
      "5001",
    );
  });

  test("a name that is no plain identifier gets a plain file", async () => {
    const { tables } = await verifyArchive(await db.archive("globex"));
    const odd = tables.find(({ name }) => name === 'Odd "Things"')!;
    expect(odd.file).toMatch(/^data\/app\.table-\d+\.copy\.zst$/);
    expect(odd.columns.find(({ name }) => name === "mood")!.type).toBe("app.mood");
    expect(odd.maxima).toEqual({ id: String(TEXTS.length + 3) });
  });
});

describe("the row hash", () => {
  const swapped = async (sql: string) => {
    const tenant = await db.tenant("globex");
    const before = await readContent(db.database, tenant);
    await db.admin.query("begin");
    await db.admin.query(`set local session_replication_role = replica; ${sql.replaceAll("$1", `'${tenant.id}'`)}`);
    await db.admin.query("commit");
    const after = await readContent(db.database, tenant);
    return after.filter(({ rowHash }, index) => rowHash !== before[index]!.rowHash).map(({ table }) => table);
  };

  test("changes when two rows swap one value", async () => {
    const swap = `update app.customers c set email = o.email from app.customers o
      where c.tenant_id = $1 and o.tenant_id = $1 and c.number in ('C-00001', 'C-00002') and o.number in ('C-00001', 'C-00002') and c.number <> o.number`;
    const { rows } = await db.admin.query(
      `select count(distinct email)::int as n from app.customers where tenant_id = $1 and number in ('C-00001', 'C-00002')`,
      [(await db.tenant("globex")).id],
    );
    expect(rows[0]).toEqual({ n: 2 });
    expect(await swapped(swap)).toEqual(["app.customers"]);
  });

  test.each([
    [
      "a digit of a numeric's scale",
      `update ${TABLE} set amount = 1.5 where tenant_id = $1 and amount::text = '1.50'`,
      `app.Odd "Things"`,
    ],
    [
      "a space of JSON text",
      `update ${TABLE} set raw = '[ ""]' where tenant_id = $1 and "select" = ''`,
      `app.Odd "Things"`,
    ],
    [
      "null for an empty text",
      `update ${TABLE} set "select" = null where tenant_id = $1 and "select" = ''`,
      `app.Odd "Things"`,
    ],
    [
      "the sign of zero",
      `update ${TABLE} set single = '0' where tenant_id = $1 and single::text = '-0'`,
      `app.Odd "Things"`,
    ],
    [
      "which column a value stands in",
      "update app.customers set city = notes, notes = city where tenant_id = $1 and number = 'C-00003'",
      "app.customers",
    ],
  ])("changes with %s", async (_what, sql, table) => {
    expect(await swapped(sql)).toEqual([table]);
  });

  test("stays when rows are only stored in another order", async () => {
    expect(
      await swapped("update app.expenses set updated_at = updated_at where tenant_id = $1 and amount_cents % 2 = 0"),
    ).toEqual([]);
  });
});
