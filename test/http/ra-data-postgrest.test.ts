import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { dataProvider, type Provider } from "./react-admin.ts";
import { testServer, type TestServer } from "./server.ts";

let db: TestDatabase;
let server: TestServer;
let admin: Provider;

beforeAll(async () => {
  db = await testDatabase();
  server = await testServer(db);
  const token = await server.token("acme");
  admin = dataProvider(server, token);
});
afterAll(async () => {
  await server.close();
  await db.close();
});

const rate = (name: string) => ({ name, country: "NL", basis_points: 1000, valid_from_on: "2024-01-01" });
const list = (page: number, perPage: number, filter: object = {}) => ({
  pagination: { page, perPage },
  sort: { field: "number", order: "ASC" },
  filter,
});
interface Row {
  readonly id: string;
  readonly [column: string]: unknown;
}
const rowsOf = ({ data }: { data: unknown }) => data as Row[];

describe("react-admin's data provider for PostgREST", () => {
  test("pages through a list, and knows how long it is", async () => {
    const { rows } = await db.admin.query<{ count: number }>(
      "select count(*)::int from app.invoices where tenant_id = $1",
      [(await db.tenant("acme")).id],
    );
    const total = rows[0]!.count;
    const seen = new Set<string>();
    const perPage = Math.ceil(total / 3);
    for (const page of [1, 2, 3]) {
      const answer = await admin.getList("invoices", list(page, perPage));
      expect(answer.total).toBe(total);
      for (const { id } of rowsOf(answer)) seen.add(id);
    }
    expect(seen.size).toBe(total);
  });

  test("filters and sorts by whatever operator the name of the filter carries", async () => {
    const { data } = await admin.getList("customers", {
      pagination: { page: 1, perPage: 5 },
      sort: { field: "name", order: "DESC" },
      filter: { "kind@eq": "company", "name@ilike": "a", "created_at@gte": "2000-01-01" },
    });
    const names = (data as Row[]).map(({ name }) => String(name));
    expect(names.length).toBeGreaterThan(0);
    expect(names.every((name) => /a/i.test(name))).toBe(true);
  });

  test("reads one, several, and those that belong to one", async () => {
    const some = rowsOf(await admin.getList("invoices", list(1, 3)));
    const [first] = some;
    expect((await admin.getOne("invoices", { id: first!.id })).data).toMatchObject({
      id: first!.id,
      number: first!["number"],
    });
    const many = rowsOf(await admin.getMany("invoices", { ids: some.map(({ id }) => id) }));
    expect(many.map(({ id }) => id).toSorted()).toEqual(some.map(({ id }) => id).toSorted());
    const related = await admin.getManyReference("invoices", {
      target: "customer_id",
      id: first!["customer_id"],
      ...list(1, 100),
    });
    expect(rowsOf(related).some(({ id }) => id === first!.id)).toBe(true);
    expect(related.total).toBe(rowsOf(related).length);
  });

  test("one that is not there, or is another tenant's, is an error with its status", async () => {
    const { rows } = await db.admin.query<{ id: string }>("select id from app.invoices where tenant_id = $1 limit 1", [
      (await db.tenant("globex")).id,
    ]);
    await expect(admin.getOne("invoices", { id: rows[0]!.id })).rejects.toMatchObject({ status: 406 });
  });

  test("creates, changes and removes", async () => {
    const made = (await admin.create("tax_rates", { data: rate("ra 1") })).data as Row;
    expect(made).toMatchObject({ id: expect.any(String), name: "ra 1" });
    const changed = await admin.update("tax_rates", {
      id: made.id,
      data: { ...made, basis_points: 700 },
      previousData: made,
    });
    expect(changed.data).toMatchObject({ id: made.id, basis_points: 700 });
    expect((await admin.delete("tax_rates", { id: made.id, previousData: made })).data).toMatchObject({ id: made.id });
    await expect(admin.getOne("tax_rates", { id: made.id })).rejects.toMatchObject({ status: 406 });
  });

  test("changes and removes several at once", async () => {
    const ids: string[] = [];
    for (const name of ["ra 2", "ra 3"])
      ids.push(((await admin.create("tax_rates", { data: rate(name) })).data as Row).id);
    const changed = await admin.updateMany("tax_rates", { ids, data: { basis_points: 5 } });
    expect((changed.data as string[]).toSorted()).toEqual(ids.toSorted());
    expect(rowsOf(await admin.getMany("tax_rates", { ids })).map((row) => row["basis_points"])).toEqual([5, 5]);
    const removed = await admin.deleteMany("tax_rates", { ids });
    expect((removed.data as string[]).toSorted()).toEqual(ids.toSorted());
    expect(rowsOf(await admin.getMany("tax_rates", { ids }))).toEqual([]);
  });
});
