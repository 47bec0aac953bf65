import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runScoped } from "../../src/db/transaction.ts";
import type { Statement } from "../../src/db/statement.ts";
import { describeSchemas, GUILD, listTables, makeTenants, rowsQuery, singleTenant, type Single } from "./adopted.ts";

const SCHEMAS = ["guild"];
const statement = (text: string, values: (string | null)[] = []): Statement => ({ text, values });

describe("a schema of 47 tables", () => {
  let single: Single;
  let before: string[];
  let rowsBefore: Map<string, string[]>;

  beforeAll(async () => {
    single = await singleTenant(join(GUILD, "schema.sql"), join(GUILD, "data.sql"));
    before = await describeSchemas(single, SCHEMAS);
    rowsBefore = new Map();
    for (const table of await listTables(single, SCHEMAS)) {
      const { rows } = await single.db.admin.query<{ rows: string[] }>(rowsQuery(table));
      rowsBefore.set(table.identifier, rows[0]!.rows);
    }
    await makeTenants(single);
  });
  afterAll(() => single.close());

  const rowsOf = async (slug: string) => {
    const tables = await listTables(single, SCHEMAS);
    const results = await runScoped(
      single.db.api,
      await single.db.scope(slug),
      "read",
      tables.map((table) => statement(rowsQuery(table).replace("array_agg", "json_agg").replace("'{}'", "'[]'"))),
    );
    return new Map(
      tables.map(({ identifier }, at) => [identifier, JSON.parse(String(results[at]!.rows[0]![0])) as string[]]),
    );
  };

  test("is adopted without anything left to do, and the migration applies", async () => {
    const adopted = await single.run(
      "adopt",
      "--schema",
      "guild",
      "--tenant",
      "acme",
      "--out",
      join(single.appDir, "migrations"),
      "--json",
    );
    expect(adopted.stderr).not.toMatch(/Not tried/);
    expect(adopted.json<{ findings: { level: string }[] }>().findings.filter(({ level }) => level !== "info")).toEqual(
      [],
    );
    expect(adopted.code).toBe(0);
    expect(await readdir(join(single.appDir, "migrations"))).toEqual(["0001_adopt_guild.sql"]);
    await single.must("migrate", "--app", single.appDir);
  });

  test("passes check", async () => {
    const { json } = await single.run("check", "--json");
    expect(
      json<{ errors: number; findings: { level: string }[] }>().findings.filter(({ level }) => level === "error"),
    ).toEqual([]);
  });

  test("every row is its tenant's, byte for byte", async () => {
    expect(await rowsOf("acme")).toEqual(rowsBefore);
  });

  test("names of keys and indexes are as they were", async () => {
    const names = (lines: readonly string[]) =>
      lines.flatMap((line) => /^\S+ (\S+_(?:key|fkey|pkey|idx|check))\b/.exec(line)?.[1] ?? []).toSorted();
    const after = names(await describeSchemas(single, SCHEMAS));
    expect(names(before).filter((name) => !after.includes(name))).toEqual([]);
  });

  test("another tenant sees nothing, and can have the same rows under the same keys", async () => {
    const empty = await rowsOf("globex");
    expect([...empty].filter(([, rows]) => rows.length > 0)).toEqual([]);
    const { rows: ordered } = await single.db.admin.query<{ identifier: string; columns: string[] }>(
      `select format('%I.%I', n.nspname, c.relname) as identifier, array(select quote_ident(a.attname) from pg_attribute a
         where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
           and a.attname not in ('tenant_id', 'tenant_row_id') order by a.attnum) as columns
       from pg_class c join pg_namespace n on n.oid = c.relnamespace
       where n.nspname = 'guild' and c.relkind in ('r', 'p') and not c.relispartition`,
    );
    const sources = await runScoped(
      single.db.api,
      await single.db.scope("acme"),
      "read",
      ordered.map(({ identifier }) =>
        statement(`select coalesce(json_agg(t), '[]')::text as rows from ${identifier} t`),
      ),
    );
    // In whatever order the keys allow: what is refused now is tried again.
    let waiting = ordered.map((table, at) => ({ ...table, rows: String(sources[at]!.rows[0]![0]) }));
    const scope = await single.db.scope("globex");
    for (let round = 0; round < 8 && waiting.length > 0; round++) {
      const refused: typeof waiting = [];
      for (const table of waiting) {
        const list = table.columns.join(", ");
        const text = `insert into ${table.identifier} (${list}) overriding system value
          select ${list} from json_populate_recordset(null::${table.identifier}, $1)`;
        await runScoped(single.db.api, scope, "write", [statement(text, [table.rows])]).catch(
          (error: { code?: string }) => {
            if (error.code !== "23503") throw error;
            refused.push(table);
          },
        );
      }
      waiting = refused;
    }
    expect(waiting.map(({ identifier }) => identifier)).toEqual([]);
    const counts = (found: ReadonlyMap<string, string[]>) => [...found].map(([name, rows]) => [name, rows.length]);
    expect(counts(await rowsOf("globex"))).toEqual(counts(rowsBefore));
    expect(await rowsOf("acme")).toEqual(rowsBefore);
  });

  test("functions and views see one tenant", async () => {
    const [members, totals, card] = await runScoped(single.db.api, await single.db.scope("globex"), "write", [
      statement("select count(*) from guild.list_members()"),
      statement("select count(*) from guild.commission_totals"),
      statement("insert into guild.member_cards (email, name) values ('new@guild.example', 'New Card') returning id"),
    ]);
    expect([members!.rows[0]![0], totals!.rows[0]![0]]).toEqual(["6", "5"]);
    expect(card!.rows).toHaveLength(1);
    expect((await rowsOf("acme")).get("guild.members")).toHaveLength(6);
  });

  test("there is nothing to adopt a second time", async () => {
    const again = await single.must("adopt", "--schema", "guild", "--tenant", "acme", "--app", single.appDir);
    expect(again.stderr).toContain("nothing to adopt");
    expect(await readdir(join(single.appDir, "migrations"))).toHaveLength(1);
  });

  test("a new table is adopted alone", async () => {
    await single.db.admin.query(
      "create table guild.badges (id integer primary key, name text); insert into guild.badges values (1, 'gold')",
    );
    const again = await single.must("adopt", "--schema", "guild", "--tenant", "acme", "--app", single.appDir, "--json");
    expect(again.json()["tables"]).toEqual(["guild.badges"]);
    const sql = await readFile(join(single.appDir, "migrations/0002_adopt_guild.sql"), "utf8");
    expect(sql).not.toContain("guild.members");
    expect((await single.run("adopt", "--schema", "guild", "--app", single.appDir, "--tenant", "acme")).stderr).toMatch(
      /waits to be run/,
    );
    await single.must("migrate", "--app", single.appDir);
    expect((await rowsOf("acme")).get("guild.badges")).toEqual(["(1,gold)"]);
    await single.must("migrate", "--app", single.appDir, "--down", "1");
    await single.db.admin.query("drop table guild.badges");
  });

  test("Down is refused while two tenants have rows, and puts everything back when one has", async () => {
    const refused = await single.run("migrate", "--app", single.appDir, "--down", "1");
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain("rows of more than one tenant");
    await single.must("tenant", "delete", "globex", "--yes", "--confirm", "globex");
    await single.must("migrate", "--app", single.appDir, "--down", "1");
    expect(await describeSchemas(single, SCHEMAS)).toEqual(before);
    for (const table of await listTables(single, SCHEMAS)) {
      const { rows } = await single.db.admin.query<{ rows: string[] }>(rowsQuery(table));
      expect(rows[0]!.rows).toEqual(rowsBefore.get(table.identifier));
    }
  });
});
