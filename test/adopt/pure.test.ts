import { describe, expect, test } from "vitest";
import { mendBody } from "../../src/adopt/bodies.ts";
import { leadByTenant } from "../../src/adopt/keys.ts";
import { nameOf, nextNumber } from "../../src/adopt/migration-file.ts";
import type { Index, Routine, Table } from "../../src/adopt/schema.ts";
import { doBlock, literal } from "../../src/adopt/step.ts";
import { appendTenant } from "../../src/adopt/view-tenant.ts";
import { groupByTenant } from "../../src/adopt/view-text.ts";

describe("indexes", () => {
  const index = (definition: string, more: Partial<Index> = {}): Index => ({
    table: 1,
    tableIdentifier: "s.t",
    identifier: "s.i",
    name: "i",
    definition,
    method: "btree",
    isUnique: false,
    columnCount: 1,
    hasTenant: false,
    comment: null,
    ...more,
  });

  test.each([
    [
      "CREATE INDEX i ON s.t USING btree (lower(a)) WHERE (b > 0)",
      "create index i on s.t using btree (tenant_id, lower(a)) WHERE (b > 0)",
    ],
    ["CREATE INDEX i ON ONLY s.t USING btree (a DESC)", "create index i on s.t using btree (tenant_id, a DESC)"],
  ])("%s", (definition, led) => {
    expect(leadByTenant(index(definition))).toBe(led);
  });

  test("a name that looks like one is no place to cut", () => {
    const odd = { name: '"x USING btree (y"', tableIdentifier: 's."t USING btree ("', isUnique: true };
    const definition = `CREATE UNIQUE INDEX ${odd.name} ON ${odd.tableIdentifier} USING btree (a)`;
    expect(leadByTenant(index(definition, odd))).toBe(
      `create unique index ${odd.name} on ${odd.tableIdentifier} using btree (tenant_id, a)`,
    );
  });

  test("other kinds, and full ones, stay", () => {
    expect(leadByTenant(index("CREATE INDEX i ON s.t USING gin (a)", { method: "gin" }))).toBeNull();
    expect(leadByTenant(index("CREATE INDEX i ON s.t USING btree (a)", { columnCount: 32 }))).toBeNull();
  });
});

describe("group by", () => {
  test.each([
    ["SELECT t.id FROM t GROUP BY t.id", "SELECT t.id FROM t GROUP BY t.tenant_id, t.id"],
    ["SELECT id FROM t GROUP BY id, name", "SELECT id FROM t GROUP BY tenant_id, id, name"],
    ['SELECT 1 FROM "T" GROUP BY "T".id', 'SELECT 1 FROM "T" GROUP BY "T".tenant_id, "T".id'],
    ["SELECT name FROM t GROUP BY t.name", "SELECT name FROM t GROUP BY t.name"],
  ])("%s", (definition, expected) => {
    expect(groupByTenant(definition, [["id"]])).toBe(expected);
  });
});

describe("tenant_id as a view's last column", () => {
  test.each([
    [
      " SELECT id,\n    name\n   FROM app.t\n  WHERE id > 0",
      " SELECT id,\n    name,\n    tenant_id\n   FROM app.t\n  WHERE id > 0",
    ],
    [
      ` SELECT id,\n    ( SELECT 1\n           FROM app.u) AS "a\n   FROM b",\n    '(\n   FROM '::text AS c\n   FROM app.t`,
      ` SELECT id,\n    ( SELECT 1\n           FROM app.u) AS "a\n   FROM b",\n    '(\n   FROM '::text AS c,\n    tenant_id\n   FROM app.t`,
    ],
    [" SELECT 'it''s' AS a", null],
  ])("%s", (definition, expected) => {
    expect(appendTenant(definition)).toBe(expected);
  });
});

describe("bodies", () => {
  const table = {
    identifier: "s.items",
    bareIdentifier: "items",
    columns: ["id", "name"],
    hasPrimaryKey: true,
  } as unknown as Table;
  const mend = (source: string, more: Partial<Routine> = {}) =>
    mendBody(
      {
        source,
        language: "plpgsql",
        returnsRowsOf: null,
        returnsRecord: false,
        returnsColumns: false,
        ...more,
      } as Routine,
      [table],
    ).source;

  test.each([
    [
      "insert into items values (1) ON CONFLICT (id) do nothing",
      "insert into items values (1) ON CONFLICT (tenant_id, id) do nothing",
    ],
    ["on conflict (tenant_id, id) do nothing", "on conflict (tenant_id, id) do nothing"],
    ["on conflict on constraint items_pkey do nothing", "on conflict on constraint items_pkey do nothing"],
    ["perform set_config('response.status', '205', true);", `set local "response.status" = '205';`],
    [
      "perform set_config('response.headers', format('[{\"a\": \"%s(\"}]', x), true);",
      "execute pg_catalog.format('set local \"response.headers\" = %L', coalesce(format('[{\"a\": \"%s(\"}]', x), ''));",
    ],
    ["perform set_config('response.status', '205', false);", "perform set_config('response.status', '205', false);"],
    ["x := set_config('a.b', 'c', true);", "x := set_config('a.b', 'c', true);"],
    ["perform set_config('unclosed", "perform set_config('unclosed"],
  ])("%s", (source, expected) => {
    expect(mend(source)).toBe(expected);
  });

  test.each([
    [
      "return query select items.id, items.name from items where id = 1;",
      "return query select items.id, items.name, items.tenant_id from items where id = 1;",
    ],
    ["select id, name from s.items", "select id, name, tenant_id from s.items"],
    [
      "select i.id, i.name from items i join others i2 using (id)",
      "select i.id, i.name, i.tenant_id from items i join others i2 using (id)",
    ],
    ["select id from items", "select id from items"],
    ["select id, name from items_old", "select id, name from items_old"],
    ["select * from items", "select * from items"],
  ])("rows: %s", (source, expected) => {
    expect(mend(source, { returnsRowsOf: "s.items" })).toBe(expected);
  });

  test.each([
    ["select * from items", "select items.id, items.name from items"],
    ["SELECT * FROM S.Items where true", "SELECT Items.id, Items.name FROM S.Items where true"],
    ["select * from items i where i.id = 1", "select i.id, i.name from items i where i.id = 1"],
    ["select * from s.items as i", "select i.id, i.name from s.items as i"],
    ["select * from items, others", "select * from items, others"],
    ["select * from items i, others", "select * from items i, others"],
    ["select * from items i join others using (id)", "select * from items i join others using (id)"],
    ["select * from items natural join others", "select * from items natural join others"],
    ["select * from items union select * from others", "select * from items union select * from others"],
    ["select * from others", "select * from others"],
  ])("stars: %s", (source, expected) => {
    expect(mend(source, { returnsRecord: true })).toBe(expected);
  });
});

describe("files and literals", () => {
  test("names and numbers", () => {
    expect(nameOf(["public"])).toBe("adopt_public");
    expect(nameOf(['ODD "@/\\#~_-', "Größe"])).toBe("adopt_odd_gro_e");
    expect(nameOf(["サンプル"])).toBe("adopt_schema");
    expect(nextNumber([])).toBe("0001");
    expect(nextNumber(["0009_a.sql", "readme.md"])).toBe("0010");
    expect(nextNumber(["20260101_a.sql"])).toBe("20260102");
  });

  test("quotes and marks", () => {
    expect(literal("a'b\\c")).toBe("'a''b\\c'");
    expect(doBlock("select '$adopt$'")).toBe("do $adopt1$\nselect '$adopt$'\n$adopt1$;");
  });
});
