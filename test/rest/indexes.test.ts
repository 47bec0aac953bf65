import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Statement } from "../../src/db/statement.ts";
import { runScoped } from "../../src/db/transaction.ts";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { client, readCatalog, type Client } from "./served.ts";

/** What docs/how-to/index-for-row-level-security.md promises, asked of the planner: every column has an index, of the kind made for it. */
const TABLE = `
  create type app.size as enum ('small', 'large');
  create table app.samples (
    id uuid not null default gen_random_uuid(),
    word text, code uuid, amount bigint, day date, at timestamptz, good boolean, sum numeric, size app.size,
    tags text[], span int4range, settings jsonb, search tsvector
  );
  insert into app.samples (word, code, amount, day, at, good, sum, size, tags, span, settings, search)
    select 'w' || n, gen_random_uuid(), n, '2026-01-01', now(), n % 2 = 0, n, 'small', array['t' || n], int4range(n, n + 1),
      jsonb_build_object('n', n), to_tsvector('simple', 'w' || n)
    from generate_series(1, 20000) n;
  alter table app.samples add column tenant_id uuid, add column lower_word text generated always as (lower(word)) stored;
`;
const KEYS = `
  alter table app.samples add primary key (tenant_id, id);
  select platform.protect_table('app.samples');
  create index on app.samples (tenant_id, word text_pattern_ops);
  create index on app.samples (tenant_id, word);
  create index on app.samples (tenant_id, code);
  create index on app.samples (tenant_id, amount);
  create index on app.samples (tenant_id, at);
  create index on app.samples (tenant_id, sum);
  create index on app.samples (tenant_id, size);
  create index on app.samples (tenant_id, lower(word));
  create index on app.samples (tenant_id, lower_word);
  create index on app.samples using gin (tags);
  create index on app.samples using gist (span);
  create index on app.samples using gin (settings);
  create index on app.samples using gin (search);
  analyze app.samples`;

let db: TestDatabase;
let acme: Client;
beforeAll(async () => {
  db = await testDatabase();
  const scope = await db.scope("acme");
  await db.admin.query("begin");
  await db.admin.query(TABLE);
  await db.admin.query("update app.samples set tenant_id = $1", [scope.tenantId]);
  await db.admin.query("alter table app.samples owner to rowhouse_owner");
  await db.admin.query("alter type app.size owner to rowhouse_owner");
  await db.admin.query("set local role rowhouse_owner");
  await db.admin.query(KEYS);
  await db.admin.query("commit");
  acme = await client(db, "acme", await readCatalog(db));
});
afterAll(() => db.close());

/** The columns that the statement's plan finds rows by, besides tenant_id. */
async function conditions(query: string): Promise<string> {
  const { statement } = await acme("GET", `/samples?select=id&${query}`);
  const explained: Statement = { text: `explain (costs off) ${statement!.text}`, values: statement!.values };
  const [plan] = await runScoped(db.api, acme.scope, "read", [explained]);
  return plan!.rows
    .map(([line]) => line!)
    .filter((line) => line.includes("Index Cond"))
    .join("\n");
}

describe("found by an index", () => {
  test.each([
    ["word=eq.w17", "word"],
    ["word=in.(w17,w18)", "word"],
    ["word=like.w17*", "word"],
    ["code=eq.0b8f3c1e-0000-4000-8000-000000000001", "code"],
    ["amount=gt.19990", "amount"],
    ["at=gt.2999-01-01", "at"],
    ["lower_word=eq.w17", "lower_word"],
  ])("%s", async (query, column) => {
    expect(await conditions(query)).toMatch(new RegExp(`\\b${column}\\b`));
  });
});

describe("tried row by row", () => {
  test.each([
    ["word=ilike.w17*", "word"],
    ["word=like.*17", "word"],
    ["sum=eq.17", "sum"],
    ["size=eq.large", "size"],
    ["tags=cs.{t17}", "tags"],
    ["span=ov.[17,18)", "span"],
    ['settings=cs.{"n":17}', "settings"],
    ["search=fts(simple).w17", "search"],
  ])("%s", async (query, column) => {
    expect(await conditions(query)).not.toMatch(new RegExp(`\\b${column}\\b`));
  });
});

test("rowhouse check names the indexes that serve no filter, and no other", async () => {
  const rule = await readFile(new URL("../../policies/checks/0044_index_dead.sql", import.meta.url), "utf8");
  const { rows } = await db.admin.query<{ key: string }>(rule);
  expect(rows.map(({ key }) => key).toSorted()).toEqual([
    "app.samples_search_idx",
    "app.samples_settings_idx",
    "app.samples_span_idx",
    "app.samples_tags_idx",
    "app.samples_tenant_id_lower_idx",
    "app.samples_tenant_id_size_idx",
    "app.samples_tenant_id_sum_idx",
  ]);
});
