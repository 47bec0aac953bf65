import { afterAll, beforeAll, expect, test } from "vitest";
import type { Catalog } from "../../src/catalog/catalog.ts";
import { parseOrigins } from "../../src/catalog/view.ts";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { readSchema } from "./guild.ts";

let db: TestDatabase;
let shop: Catalog;

const SCHEMA = `
create schema shop; create schema hidden;
create table hidden.makers (tenant_id uuid not null, id int, name text, primary key (tenant_id, id));
create table hidden."wares (a,b) {c} \\ d" (tenant_id uuid not null, id int, "{odd} (name), \\ here" text, maker_id int,
  primary key (tenant_id, id), foreign key (tenant_id, maker_id) references hidden.makers (tenant_id, id));
create table shop.orders (tenant_id uuid not null, id int, primary key (tenant_id, id));
create table shop.order_wares (tenant_id uuid not null, order_id int, ware_id int, primary key (tenant_id, order_id, ware_id),
  foreign key (tenant_id, order_id) references shop.orders (tenant_id, id),
  foreign key (tenant_id, ware_id) references hidden."wares (a,b) {c} \\ d" (tenant_id, id));
create table shop.loose (tenant_id uuid not null, tenant_row_id bigint generated always as identity, line text, primary key (tenant_id, tenant_row_id));
create table shop.pairs (tenant_id uuid not null, a int, b int, to_a int, to_b int,
  primary key (tenant_id, a, b), foreign key (tenant_id, to_a, to_b) references shop.pairs (tenant_id, a, b));
create view shop.makers as select id, name from hidden.makers;
create view shop.wares as select id, "{odd} (name), \\ here" as name, maker_id, maker_id as maker_again from hidden."wares (a,b) {c} \\ d" where id > 0;
create view hidden.deep as select w.id as ware, w.maker_id, upper(w.name) as loud from shop.wares w;
create view shop.deeper as select d.ware, (select m.name from shop.makers m where m.id = d.maker_id) as maker, d.maker_id, d.loud from hidden.deep d;
create view shop.order_lines as select order_id, ware_id from shop.order_wares;
create view shop.half_pairs as select a, to_a, to_b from shop.pairs;
create view shop.joined as select o.id as order_id, m.id as maker_id from shop.orders o cross join shop.makers m;
create view shop.shouting as with both_ as (select id, name from shop.makers) select b.id, b.name from both_ b union all select 0, 'none';
grant usage on schema shop to rowhouse_api; grant all on all tables in schema shop to rowhouse_api;
insert into platform.schemas (name) values ('shop');`;

beforeAll(async () => {
  db = await testDatabase();
  await db.admin.query(SCHEMA);
  shop = await readSchema(db, "shop");
});
afterAll(() => db.close());

const keys = (name: string) =>
  shop.foreignKeys
    .filter(({ from, to }) => from === name && to !== "joined")
    .map(({ columns, to, referenced }) => `${columns.join()} ${to} ${referenced.join()}`)
    .toSorted();
const primaryKey = (name: string) => shop.relations.get(name)!.primaryKey;

test("views that leave tenant_id out have the keys of tables that no schema serves", () => {
  expect(primaryKey("makers")).toEqual(["id"]);
  expect(primaryKey("wares")).toEqual(["id"]);
  expect(keys("wares")).toEqual(["maker_again makers id", "maker_id makers id"]);
});

test("through views of views, one of them in a schema that is not served", () => {
  expect(primaryKey("deeper")).toEqual(["ware"]);
  expect(keys("deeper")).toEqual(["maker_id makers id"]);
  expect(keys("order_wares")).toEqual(["order_id orders id", "ware_id deeper ware", "ware_id wares id"]);
});

test("a view is a junction when it has its table's whole key", () => {
  expect(primaryKey("order_lines")).toEqual(["order_id", "ware_id"]);
  expect(keys("order_lines")).toEqual(["order_id orders id", "ware_id deeper ware", "ware_id wares id"]);
});

test("half a key is none", () => {
  expect(primaryKey("half_pairs")).toEqual([]);
  expect(keys("half_pairs")).toEqual(["to_a,to_b pairs a,b"]);
  expect(keys("pairs")).toEqual(["to_a,to_b pairs a,b"]);
});

test("a view of two tables has both their keys", () => {
  expect(primaryKey("joined").toSorted()).toEqual(["maker_id", "order_id"]);
});

test("a union has no keys", () => {
  expect([primaryKey("shouting"), keys("shouting")]).toEqual([[], []]);
});

test("the key that adopt gives a table without one is hidden, and no key", () => {
  expect(shop.relations.get("loose")).toMatchObject({ primaryKey: [], uniqueKeys: new Map(), hasTenant: true });
  expect([...shop.relations.get("loose")!.columns.keys()]).toEqual(["line"]);
});

test("a text that is no rule of a view has no origins", () => {
  for (const text of ["", "(", "({QUERY :targetList <>})", "})({", "({QUERY :targetList ({TARGETENTRY"])
    expect(parseOrigins(text).size).toBe(0);
});
