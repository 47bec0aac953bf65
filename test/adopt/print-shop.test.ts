import { cp, mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseMigration } from "../../src/db/history.ts";
import { runScoped } from "../../src/db/transaction.ts";
import { singleTenant, type Single } from "./adopted.ts";

const APP = join(import.meta.dirname, "../../examples/print-shop");
const FIRST = "0001_print_shop.sql";
const SECOND = "0002_adopt_print_shop.sql";

describe("the print shop", () => {
  let single: Single;
  let version: number;

  beforeAll(async () => {
    single = await singleTenant();
    const { rows } = await single.db.admin.query<{ version: string }>(
      "select current_setting('server_version_num') as version",
    );
    version = Math.floor(Number(rows[0]!.version) / 10_000);
    await single.must("migrate");
    for (const slug of ["acme", "globex"]) await single.must("tenant", "create", slug);
  });
  afterAll(() => single.close());

  test("its second migration is what adopt writes", async () => {
    await using running = await singleTenant();
    const first = await readFile(join(APP, "migrations", FIRST), "utf8");
    await running.db.admin.query(parseMigration(FIRST, first).up);
    await mkdir(join(running.appDir, "migrations"));
    await cp(join(APP, "migrations", FIRST), join(running.appDir, "migrations", FIRST));
    await running.must("migrate");
    await running.must("migrate", "--app", running.appDir, "--fake");
    await running.must("tenant", "create", "acme");
    const adopted = await running.run("adopt", "--schema", "print_shop", "--tenant", "acme", "--app", running.appDir);
    expect(adopted.code).toBe(3);
    const written = await readFile(join(running.appDir, "migrations", SECOND), "utf8");
    // PostgreSQL 15 prints the columns of a view with their table where later ones leave it out.
    const plain = (sql: string) =>
      version < 16
        ? sql.replaceAll(/\b(?:order_items|order_totals|product_templates)\./g, "").replaceAll(/\s+/g, " ")
        : sql;
    expect(plain(written)).toBe(plain(await readFile(join(APP, "migrations", SECOND), "utf8")));
    await running.must("migrate", "--app", running.appDir);
  });

  test("both run on a new database, for two tenants", async () => {
    await single.must("migrate", "--app", APP);
    const ask = async (slug: string, text: string) => {
      const [result] = await runScoped(single.db.api, await single.db.scope(slug), "write", [{ text, values: [] }]);
      return result!.rows;
    };
    expect(await ask("acme", "select number, lines, total_cents from print_shop.order_totals order by number")).toEqual(
      [
        ["2026-0001", "2", "12800"],
        ["2026-0002", "1", "24000"],
      ],
    );
    expect(await ask("globex", "select * from print_shop.order_totals")).toEqual([]);
    await ask("globex", "select print_shop.put_size('A4', 210, 297)");
    expect(await ask("globex", "select code, area_cm2 from print_shop.size_configurations")).toEqual([
      ["A4", "623.7000000000000000"],
    ]);
    expect(await ask("acme", "select pieces from print_shop.template_sales where template_id = 3")).toEqual([["21"]]);
    const { json } = await single.run("check", "--json");
    const wrong = json<{ findings: { level: string; key: string }[] }>().findings.filter(
      ({ level }) => level === "error",
    );
    expect(wrong.map(({ key }) => key)).toEqual([]);
  });
});
