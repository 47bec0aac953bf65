import type pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readTenantTables } from "../../src/db/tables.ts";
import type { DbRole } from "../../src/db/connections.ts";
import { enter, fingerprint, outcome, type Arena } from "./arena.ts";
import { CELLS, TABLES } from "./matrix.ts";

const ROLES: readonly DbRole[] = ["rowhouse_api", "rowhouse_platform", "rowhouse_exporter", "rowhouse_importer"];

async function someId(admin: pg.Client, table: string, tenantId: string): Promise<string> {
  const { id = "id" } = TABLES[table]!;
  const { rows } = await admin.query<{ id: string }>(
    `select ${id} as id from ${table} where tenant_id = $1 order by 1 limit 1`,
    [tenantId],
  );
  return rows[0]!.id;
}

/** For every table of `app` and `tenant` and every verb: A reads and changes nothing of B. What is changed stays. */
export function testMatrix(arenaOf: () => Arena): void {
  let client: pg.Client;
  beforeAll(async () => {
    client = await arenaOf().database.connect("rowhouse_api");
  });
  afterAll(() => client.end());

  test("the matrix has every table of the live catalog, and no other", async () => {
    const live = (await readTenantTables(arenaOf().admin)).map(({ identifier }) => identifier);
    expect(Object.keys(TABLES).toSorted()).toEqual(live.toSorted());
  });

  describe.each(Object.keys(TABLES))("%s", (table) => {
    const facts = TABLES[table]!;
    test("B has rows to lose", async () => {
      const { admin, b } = arenaOf();
      expect(await fingerprint(admin, table, b.tenantId)).not.toMatch(/^0 /);
    });

    test.each(CELLS.map((cell) => [`${cell.verb}, ${cell.whose}`, cell] as const))("%s", async (_, cell) => {
      const { admin, a, b } = arenaOf();
      const whose = cell.whose === "own" ? a : b;
      const before = await fingerprint(admin, table, b.tenantId);
      const id = await someId(admin, table, whose.tenantId);
      await enter(client, a);
      const came = await outcome(client, cell.text(table, facts), [whose.tenantId, id]);
      // Committed where it may be, save one's own row that the next cell would make again.
      await client.query(cell.whose === "own" ? "rollback" : "commit");
      expect(came).toBe(cell.expect[facts.rights]);
      expect(await fingerprint(admin, table, b.tenantId)).toBe(before);
    });

    test.each(ROLES)("without a context %s gets 42501, and never an empty result", async (role) => {
      const other = await arenaOf().database.connect(role);
      expect(await outcome(other, `select * from ${table}`)).toBe("42501");
      expect(await outcome(other, `select count(*) from ${table}`)).toBe("42501");
      await other.end();
    });

    test.each(ROLES)("in A's context %s sees no row of B", async (role) => {
      const { a, b, database } = arenaOf();
      const other = await database.connect(role);
      await enter(other, a, "read");
      const isHidden = role === "rowhouse_api" && facts.rights === "none";
      const [bs, own] = isHidden ? ["42501", "25P02"] : [0, 1];
      expect(await outcome(other, `select from ${table} where tenant_id = $1`, [b.tenantId])).toBe(bs);
      expect(await outcome(other, `select from ${table} where tenant_id = $1 limit 1`, [a.tenantId])).toBe(own);
      await other.query("commit");
      expect(await outcome(other, `select * from ${table}`)).toBe("42501");
      await other.end();
    });
  });

  test("a view of two tables shows A's rows alone", async () => {
    const { a, b } = arenaOf();
    await enter(client, a, "read");
    expect(await outcome(client, "select from app.invoice_totals where tenant_id = $1", [b.tenantId])).toBe(0);
    expect(await outcome(client, "select from app.invoice_totals limit 1")).toBe(1);
    await client.query("commit");
  });
}
