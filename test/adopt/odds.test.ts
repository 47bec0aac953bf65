import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runScoped } from "../../src/db/transaction.ts";
import { describeSchemas, makeTenants, singleTenant, type Single } from "./adopted.ts";

const ODDS = join(import.meta.dirname, "odds.sql");
const SCHEMAS = ["odds", 'ODD "@/\\#~_-', "hidden odds"];
const WISH = ["--schema", SCHEMAS[0]!, SCHEMAS[1]!, "--unserved", SCHEMAS[2]!, "--tenant", "acme"];

interface Answer {
  readonly findings: readonly {
    readonly level: string;
    readonly kind: string;
    readonly object: string;
    readonly line: string;
  }[];
  readonly file: string;
}

describe("rare shapes", () => {
  let single: Single;
  let before: string[];
  let answer: Answer;
  let code: number | null;
  let talk: string;

  const ask = async (text: string, slug = "acme") => {
    const [result] = await runScoped(single.db.api, await single.db.scope(slug), "write", [{ text, values: [] }]);
    return result!.rows;
  };
  const definition = async (name: string) => {
    const { rows } = await single.db.admin.query<{ text: string }>(
      "select pg_get_constraintdef(oid) as text from pg_constraint where conname = $1 and conparentid = 0",
      [name],
    );
    return rows[0]?.text;
  };
  const kindsOf = (level: string) =>
    answer.findings
      .filter((finding) => finding.level === level)
      .map(({ kind, object }) => `${kind}: ${object}`)
      .toSorted();

  beforeAll(async () => {
    // A role belongs to the cluster, and another run may be making it.
    await using roles = await singleTenant();
    await roles.db.admin.query(
      "do $$ begin create role odds_reader; exception when duplicate_object or unique_violation then null; end $$",
    );
    single = await singleTenant(ODDS);
    before = await describeSchemas(single, SCHEMAS);
    await makeTenants(single);
    const adopted = await single.run("adopt", ...WISH, "--out", join(single.appDir, "migrations"), "--json");
    code = adopted.code;
    talk = adopted.stderr;
    answer = adopted.json<Answer>();
    await single.must("migrate", "--app", single.appDir);
  });
  afterAll(() => single.close());

  test("what could not be converted is listed, and stops nothing", () => {
    expect(code).toBe(3);
    expect(talk).not.toContain("Not tried");
    expect(kindsOf("error")).toEqual([
      "exclusion: constraint points_apart on odds.points",
      "foreign-key-from-outside: foreign key letters_agent_id_fkey of elsewhere.letters",
      "inheritance: table odds.carts",
      "publication: publication odds_rows",
      "rule: rule guests_also on odds.guests",
      "too-many-columns: constraint wide_all on odds.wide",
    ]);
    expect(kindsOf("warn").filter((kind) => !kind.startsWith("table-without-grants"))).toEqual([
      "column-grants: odds.vehicles",
      "function-reach: routine odds.tell()",
      "function-row-json: routine odds.agents_as_json()",
      "function-whole-rows: routine odds.reset_table(text,json)",
      "keyless-partitions: table odds.sales",
      "materialized-view: materialized view odds.a_key",
      "materialized-view: materialized view odds.census",
      "materialized-view: materialized view odds.z_key",
      "on-update: foreign key streets_city of odds.streets",
      "policy: policy odd_visits on odds.visits",
      "policy: policy own_visits on odds.visits",
      "security-definer: routine odds.definer_count()",
      "security-definer: routine odds.tell()",
      "view-outside: view odds.planet_view",
      "view-whole-rows: view odds.agent_rows",
    ]);
  });

  test("no plan keeps one tenant's answer for another", async () => {
    const count = async (slug: string) => {
      const scope = await single.db.scope(slug);
      const [result] = await runScoped(single.db.api, scope, "read", [
        { name: "count_agents", text: "select odds.agent_count()", values: [] },
      ]);
      return result!.rows;
    };
    // More often than there are connections: each has planned it for one of the two by then.
    for (let round = 0; round < 6; round++) {
      expect(await count("acme")).toEqual([["3"]]);
      expect(await count("globex")).toEqual([["0"]]);
    }
    await single.db.admin.query("drop publication odds_rows");
  });

  test("and stands in the file, with the line to write by hand", async () => {
    const sql = await readFile(answer.file, "utf8");
    expect(sql).toContain("-- error  foreign key letters_agent_id_fkey of elsewhere.letters");
    expect(sql).toContain("foreign key (tenant_id, agent_id) references odds.agents (tenant_id, id)");
  });

  test("the line about rights on single columns leaves the table usable", async () => {
    const line = answer.findings.find(({ kind }) => kind === "column-grants")!.line;
    const read = async (column: string) => {
      const scope = await single.db.scope("acme");
      const text = `select ${column} from odds.vehicles where tenant_id = $1`;
      return runScoped(single.db.api, scope, "read", [{ name: `read_${column}`, text, values: [scope.tenantId] }]);
    };
    await single.db.admin.query(line);
    await expect(read("wheels")).resolves.toHaveLength(1);
    await expect(read("brand")).rejects.toMatchObject({ code: "42501" });
    await single.db.admin.query("grant select on odds.vehicles to rowhouse_api");
  });

  test("passes the rules of check", async () => {
    const { json } = await single.run("check", "--json");
    const wrong = json<{ findings: { level: string; key: string }[] }>().findings.filter(
      ({ level }) => level === "error",
    );
    expect(wrong.map(({ key }) => key)).toEqual([]);
  });

  test("keys are what they were, within a tenant", async () => {
    expect(await definition("cities_country_fkey")).toBe(
      'FOREIGN KEY (tenant_id, country) REFERENCES "hidden odds".countries(tenant_id, code) ON UPDATE CASCADE ON DELETE SET NULL (country)',
    );
    expect(await definition("houses_street")).toBe(
      "FOREIGN KEY (tenant_id, city_id, street) REFERENCES odds.streets(tenant_id, city_id, name) ON DELETE SET DEFAULT (street)",
    );
    expect(await definition("houses_street_match")).toBe("CHECK ((num_nonnulls(city_id, street) = ANY (ARRAY[0, 2])))");
    expect(await definition("houses_number")).toBe("UNIQUE NULLS NOT DISTINCT (tenant_id, number, street)");
    expect(await definition("streets_zip")).toBe("UNIQUE (tenant_id, zip) DEFERRABLE INITIALLY DEFERRED");
    expect(await definition("streets_city")).toBe(
      "FOREIGN KEY (tenant_id, city_id) REFERENCES odds.cities(tenant_id, id) NOT VALID",
    );
    expect(await definition("slots_apart")).toBe(
      "EXCLUDE USING gist (tenant_id WITH =, during WITH &&) WHERE ((id > 0))",
    );
    expect(await definition("visits_planet_id_fkey")).toBe("FOREIGN KEY (planet_id) REFERENCES elsewhere.planets(id)");
    expect(await definition("agents_department")).toBe(
      "FOREIGN KEY (tenant_id, department_id) REFERENCES odds.departments(tenant_id, id)",
    );
  });

  test("rows of partitions, of circles and of tables without a key are there", async () => {
    const count =
      "select (select count(*) from odds.models), (select count(*) from odds.sales), (select count(*) from odds.guests)";
    expect(
      await ask(`${count}, (select count(*) from odds.departments), (select count(*) from odds.snapshots)`),
    ).toEqual([["2", "2", "2", "2", "1"]]);
    expect(await ask(count, "globex")).toEqual([["0", "0", "0"]]);
  });

  test("types of an extension are found", async () => {
    expect(await ask("select path from odds.leaves where path operator(tools.<@) 'top'::tools.ltree")).toEqual([
      ["top.middle"],
    ]);
  });

  test("rules of a view do as triggers what they did", async () => {
    expect(
      await ask("insert into odds.roster (id, name, department) values (9, 'New', 'x') returning id, name, department"),
    ).toEqual([["9", "New", "none"]]);
    await ask("update odds.roster set name = 'Changed' where id = 9");
    expect(await ask("select name from odds.agents where id = 9")).toEqual([["New"]]);
    await ask("delete from odds.roster where id = 9");
    expect(await ask("select name from odds.agents where id = 9")).toEqual([]);
  });

  test("views, also a materialized one, show one tenant", async () => {
    expect(await ask("select country, cities from odds.census order by 1 nulls last")).toEqual([
      ["FR", "1"],
      ["NL", "2"],
      [null, "1"],
    ]);
    expect(await ask("select * from odds.census", "globex")).toEqual([]);
    expect(await ask("select id, name, named from odds.a_key order by id limit 1")).toEqual([["1", "ADA", "Ada"]]);
    expect(await ask("select id, name from odds.m_key order by id limit 1")).toEqual([["1", "ADA"]]);
    expect(await ask("select * from odds.a_key", "globex")).toEqual([]);
    expect(await ask("select id, streets from odds.city_streets where streets > 0 order by id")).toEqual([
      ["1", "2"],
      ["2", "1"],
    ]);
  });

  test("a view that takes rows ends with tenant_id, unless something counts on its columns", async () => {
    const { rows } = await single.db.admin.query<{ view: string }>(
      `select c.relname as view from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id'
       where c.relnamespace = 'odds'::regnamespace and c.relkind = 'v' order by 1`,
    );
    expect(rows.map(({ view }) => view)).toEqual(["agent_homes", "agent_rows", "city_view", "dutch_cities"]);
    expect(kindsOf("info").filter((kind) => kind.startsWith("view-tenant"))).toEqual([
      "view-tenant: view odds.city_rows",
      "view-tenant: view odds.named_cities",
      "view-tenant: view odds.shorthand",
    ]);
    await ask(`insert into odds.dutch_cities (id, name, country) values (1, 'Renamed', 'NL')
      on conflict (tenant_id, id) do update set name = excluded.name`);
    expect(await ask("select name from odds.cities where id = 1")).toEqual([["Renamed"]]);
    await expect(
      ask("insert into odds.dutch_cities (id, name, country) values (90, 'Lyon', 'FR')"),
    ).rejects.toMatchObject({ code: "44000" });
    expect(await ask("select count(*) from odds.dutch_cities", "globex")).toEqual([["0"]]);
  });

  test("functions that were mended work", async () => {
    expect(await ask("select id, name from odds.listed_rows() order by id limit 1")).toEqual([["1", "Ada"]]);
    expect(await ask("select id, name from odds.listed_sql() order by id limit 1")).toEqual([["1", "Ada"]]);
    expect(await ask("select * from odds.star_table() order by id limit 1")).toEqual([["1", "Ada", "1"]]);
    expect(await ask("select * from odds.star_plpgsql() order by id limit 1")).toEqual([["1", "Ada", "1"]]);
    await ask("select odds.upsert_agent(1, 'Ada A')");
    // Bodies that are kept parsed hold on to the keys that they name or group by.
    await ask("select odds.atomic_upsert(1, 'Ada B'), odds.atomic_by_name(1)");
    expect(await ask("select odds.atomic_groups()")).toEqual([["3"]]);
    expect(await ask("select odds.atomic_groups()", "globex")).toEqual([["0"]]);
    expect(await ask("select name from odds.agents where id = 1")).toEqual([["Ada B"]]);
    expect(await ask("select odds.definer_count()", "globex")).toEqual([["0"]]);
    expect(await ask("select odds.for_reader()")).toEqual([["2"]]);
    await expect(ask("select odds.only_owner()")).rejects.toThrow(/permission denied/);
  });

  test("a tenant goes whole, though keys of its rows run in a circle", async () => {
    await ask("insert into odds.agents (id, name) values (1, 'Twin')", "globex");
    await ask("insert into odds.departments values (1, 'Twins', 1)", "globex");
    await ask("update odds.agents set department_id = 1", "globex");
    await single.must("tenant", "delete", "globex", "--confirm", "globex");
    expect(await ask("select count(*) from odds.departments where head_id is not null")).toEqual([["2"]]);
    const { rows } = await single.db.admin.query("select count(distinct tenant_id)::integer from odds.agents");
    expect(rows).toEqual([{ count: 1 }]);
  });

  test("Down puts back what it was, but for what was dropped or stands apart now", async () => {
    await single.must("migrate", "--app", single.appDir, "--down", "1");
    const after = await describeSchemas(single, SCHEMAS);
    const lost = before.filter((line) => !after.includes(line));
    const { rows } = await single.db.admin.query<{ comments: string[]; reader: boolean }>(
      `select array[obj_description('odds.city_view'::regclass), col_description('odds.city_view'::regclass, 3)] as comments,
         has_table_privilege('odds_reader', 'odds.city_view', 'update') and has_table_privilege('odds_reader', 'odds.z_key', 'select') as reader`,
    );
    expect(rows).toEqual([{ comments: ["It's all of them", "As it is spelled"], reader: true }]);
    // `not of` has no way back, and leaves the columns as they are; nothing of it shows in the lines.
    expect(lost).toEqual([]);
  });
});

describe("what adopt refuses", () => {
  let single: Single;
  beforeAll(async () => {
    single = await singleTenant();
    await single.db.admin.query(`
      create schema taken; create table taken.t (id integer primary key, tenant_id integer);
      create schema plain; create table plain.t (id integer primary key); insert into plain.t values (1);
      create schema bare; create table bare.t (id integer primary key)`);
  });
  afterAll(() => single.close());

  test("a schema that does not exist, or is Rowhouse's", async () => {
    expect((await single.run("adopt", "--schema", "Plain", "--dry-run")).code).toBe(4);
    expect((await single.run("adopt", "--schema", "platform", "--dry-run")).code).toBe(2);
    expect((await single.run("adopt", "--dry-run")).stderr).toContain("Which schema?");
    expect((await single.run("adopt", "--schema", "plain")).stderr).toContain("Where to?");
  });

  test("before Rowhouse is there, it writes and does not try", async () => {
    const { stdout, stderr, code } = await single.run("adopt", "--schema", "plain", "--tenant", "acme", "--dry-run");
    expect(code).toBe(0);
    expect(stdout).toContain("alter table plain.t add constraint t_pkey primary key (tenant_id, id);");
    expect(stderr).toMatch(/Not tried.*\n/);
  });

  test("a column tenant_id of another meaning", async () => {
    const { code, stderr } = await single.run("adopt", "--schema", "taken", "--dry-run");
    expect(code).toBe(5);
    expect(stderr).toContain("alter table taken.t rename column tenant_id to");
  });

  test("rows and no tenant; empty tables need none", async () => {
    await single.must("migrate");
    const { code, stderr } = await single.run("adopt", "--schema", "plain", "--dry-run");
    expect(code).not.toBe(0);
    expect(stderr).toContain("--tenant acme");
    const bare = await single.must("adopt", "--schema", "bare", "--out", join(single.appDir, "bare/migrations"));
    expect(bare.stdout.trim()).toBe(join(single.appDir, "bare/migrations/0001_adopt_bare.sql"));
    await single.must("migrate", "--app", join(single.appDir, "bare"));
  });

  test("a migration of its own that waits, unless it is told to", async () => {
    const dir = join(single.appDir, "waiting/migrations");
    const adopt = (...more: string[]) =>
      single.run("adopt", "--schema", "plain", "--tenant", "acme", "--out", dir, ...more);
    const first = await adopt();
    expect(first.stderr).toContain("rowhouse tenant create acme");
    expect((await adopt()).code).toBe(5);
    await writeFile(
      join(dir, "0001_adopt_plain.sql"),
      `${await readFile(join(dir, "0001_adopt_plain.sql"), "utf8")}-- mended\n`,
    );
    expect((await adopt("--force")).code).toBe(0);
    expect(await readdir(dir)).toEqual(["0001_adopt_plain.sql"]);
    expect(await readFile(join(dir, "0001_adopt_plain.sql"), "utf8")).not.toContain("mended");
  });

  test("at migrate, rows of a tenant that does not exist", async () => {
    // bare's history stands in the same database: this app has both.
    const dir = join(single.appDir, "bare/migrations");
    await single.must("adopt", "--schema", "plain", "--tenant", "acme", "--out", dir);
    const refused = await single.run("migrate", "--app", join(single.appDir, "bare"));
    expect(refused.stderr).toContain("plain.t has rows, and there is no tenant acme");
    expect(refused.stderr).toContain("rowhouse tenant create acme");
    await single.must("tenant", "create", "acme");
    await single.must("migrate", "--app", join(single.appDir, "bare"));
    const { rows } = await single.db.admin.query(
      "select count(*)::integer from plain.t t join platform.tenants a on a.id = t.tenant_id",
    );
    expect(rows).toEqual([{ count: 1 }]);
  });
});
