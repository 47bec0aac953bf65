import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Catalog, Relation } from "../../src/catalog/catalog.ts";
import { loadCatalog } from "../../src/catalog/introspect.ts";
import { GUILD, makeTenants, singleTenant, type Single } from "../adopt/adopted.ts";

let single: Single;
let before: Catalog;
let after: Catalog;

async function load(role: string): Promise<Catalog> {
  const query = async (text: string, values: string[]) =>
    (await single.db.admin.query<Record<string, unknown>>(text, values)).rows;
  return loadCatalog(query, { schema: "guild", role });
}

beforeAll(async () => {
  single = await singleTenant(join(GUILD, "schema.sql"), join(GUILD, "data.sql"));
  const { rows } = await single.db.admin.query<{ owner: string }>("select current_user as owner");
  await makeTenants(single); // the platform's tables; the schema is as it was
  before = await load(rows[0]!.owner); // who may do everything
  await single.must("adopt", "--schema", "guild", "--tenant", "acme", "--out", join(single.appDir, "migrations"));
  await single.must("migrate", "--app", single.appDir);
  after = await load("rowhouse_api");
});
afterAll(() => single.close());

/** All that a request can see of a relation. */
const seen = ({ verbs, ...rest }: Relation) => ({ ...rest, hasTenant: null, verbs: [...verbs] });
const relationsOf = ({ relations }: Catalog) => [...relations.values()].map(seen);

test("a schema that was adopted looks to requests as it did before: relations, columns, keys", () => {
  expect(relationsOf(after)).toEqual(relationsOf(before));
});

const byName = ({ foreignKeys }: Catalog) =>
  foreignKeys
    .map((key) => ({ ...key, id: `${key.from}.${key.name}.${key.to}.${key.columns.join()}` }))
    .toSorted((one, other) => (one.id < other.id ? -1 : 1));

test("foreign keys, of tables and of views", () => {
  expect(byName(after)).toEqual(byName(before));
});

test("functions, and what they give", () => {
  const routines = (catalog: Catalog) =>
    [...catalog.routines.values()].flat().map(({ returns, ...rest }) => ({
      ...rest,
      returns: returns.kind === "rows" ? { ...returns, relation: seen(returns.relation) } : returns,
    }));
  expect(routines(after)).toEqual(routines(before));
  expect(after.computedRelationships).toEqual(before.computedRelationships);
  expect(after.handlers).toEqual(before.handlers);
});
