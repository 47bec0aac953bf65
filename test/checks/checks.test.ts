import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Finding } from "../../src/checks/finding.ts";
import { CHECKS_DIR, loadChecks, parseCheck, type Check } from "../../src/checks/rules.ts";
import { runChecks, runRules } from "../../src/checks/run.ts";
import { parseServerVersion } from "../../src/db/server-version.ts";
import { testDatabase, type TestDatabase } from "../harness.ts";

/** `NNNN_rule.sql`: a fault that the rule is there for, and in its `-- key:` line the finding that it has to give. */
const FAULTS_DIR = join(import.meta.dirname, "faults");
const DOCS = join(import.meta.dirname, "../../docs/reference/checks.md");
/** No statement makes a server old: it has a test of its own below. */
const WITHOUT_FAULT = ["0035_server_too_old.sql"];
const faults = readdirSync(FAULTS_DIR).toSorted();
const ruleFiles = readdirSync(CHECKS_DIR)
  .filter((name) => /^\d/.test(name))
  .toSorted();

let db: TestDatabase;
let checks: Check[];
beforeAll(async () => {
  db = await testDatabase();
  checks = await loadChecks();
  await db.admin.query("set search_path to pg_catalog"); // as runChecks does
});
afterAll(() => db.close());

/** Roles are the whole cluster's: another test's migrate may be changing the same rows at this moment (XX000). */
async function makeFault(fault: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    await db.admin.query("savepoint fault");
    try {
      await db.admin.query(fault);
      return;
    } catch (error) {
      if ((error as { code?: string }).code !== "XX000" || attempt === 10) throw error;
      await db.admin.query("rollback to savepoint fault");
    }
  }
}

describe("each rule: nothing, then the fault, then nothing", () => {
  test.each(faults)("%s", async (file) => {
    const fault = readFileSync(join(FAULTS_DIR, file), "utf8");
    const check = parseCheck(file, readFileSync(join(CHECKS_DIR, file), "utf8"));
    const run = async () => (await runRules(db.admin, [check])).map(({ key, detail }) => ({ key, detail }));
    expect(await run()).toEqual([]);
    await db.admin.query("begin");
    try {
      await makeFault(fault);
      const key = `${check.name}:${/^-- key: (.+)$/m.exec(fault)?.[1]}`;
      expect(await run()).toEqual([{ key, detail: expect.stringMatching(/\.$/) }]);
    } finally {
      await db.admin.query("rollback");
    }
    expect(await run()).toEqual([]);
  });

  test("server_too_old says what the server's own version check says", async () => {
    const { rows } = await db.admin.query<{ number: number }>(
      "select current_setting('server_version_num')::integer as number",
    );
    const { major, floor } = parseServerVersion(rows[0]!.number);
    const findings = await runRules(
      db.admin,
      checks.filter(({ name }) => name === "server_too_old"),
    );
    const told = findings.map(({ key, fix }) => [key, fix]);
    expect(told).toEqual(floor === null ? [] : [[`server_too_old:${major}`, `Upgrade to ${floor} or newer.`]]);
  });
});

describe("one rule, one file, one fault, one section", () => {
  test("files and faults pair up", () => {
    expect(faults).toEqual(ruleFiles.filter((name) => !WITHOUT_FAULT.includes(name)));
  });

  test("the reference has one section for each rule, in their order", () => {
    const sections = [...readFileSync(DOCS, "utf8").matchAll(/^## `(\w+)`$/gm)].map((match) => match[1]);
    expect(sections).toEqual(checks.map(({ name }) => name));
  });

  test("the reference gives each rule its title", () => {
    const docs = readFileSync(DOCS, "utf8");
    expect(
      checks.filter(({ name, title }) => !docs.includes(`## \`${name}\`\n\n${title}.`)).map(({ name }) => name),
    ).toEqual([]);
  });

  test("numbers are unique, and every rule names its threats", () => {
    expect(new Set(ruleFiles.map((name) => name.slice(0, 4))).size).toBe(ruleFiles.length);
    expect(checks.filter(({ threats }) => threats.length === 0).map(({ name }) => name)).toEqual([]);
  });

  test("a rule is one lower-case select that takes nothing", () => {
    const odd = checks.filter(({ sql }) => {
      const code = sql.replace(/--.*$/gm, "").replace(/'(?:[^']|'')*'/g, "''");
      return (
        !/^\s*select\b/.test(code) ||
        /;\s*\S/.test(code) ||
        /\$\d/.test(code) ||
        /\b(SELECT|FROM|WHERE|AND)\b/.test(code)
      );
    });
    expect(odd.map(({ name }) => name)).toEqual([]);
  });
});

describe("runChecks", () => {
  const isNotVersion = ({ check }: Finding) => check !== "server_too_old";

  test("a migrated database has no finding but the server's age", async () => {
    expect((await runChecks(db.database)).filter(isNotVersion)).toEqual([]);
  });

  test("gives what a command prints, in the order of the rules", async () => {
    await db.admin.query(
      "grant truncate on app.customers to rowhouse_api; alter table app.customers disable row level security",
    );
    const findings = (await runChecks(db.database)).filter(isNotVersion);
    expect(findings.map(({ key, level }) => [key, level])).toEqual([
      ["rls_disabled:app.customers", "error"],
      ["table_privilege_beyond_dml:app.customers:rowhouse_api:truncate", "error"],
    ]);
    expect(findings[0]).toEqual({
      check: "rls_disabled",
      level: "error",
      key: "rls_disabled:app.customers",
      object: "app.customers",
      title: "A table of tenants has row-level security switched off",
      detail: expect.stringContaining("every tenant"),
      fix: "select platform.protect_table('app.customers')",
    });
    const only = await runChecks(db.database, { only: ["rls_disabled"], suppress: ["rls_disabled:app.customers"] });
    expect(only).toEqual([]);
  });

  test("the fix that it names mends it", async () => {
    const findings = await runChecks(db.database, { only: ["rls_disabled", "table_privilege_beyond_dml"] });
    expect(findings).toHaveLength(2);
    for (const { fix } of findings) await db.admin.query(`set role rowhouse_owner; ${fix}; reset role`);
    expect((await runChecks(db.database)).filter(isNotVersion)).toEqual([]);
  });

  test("partitions of partitions, and one that came later, are as protect_table leaves them: without a finding", async () => {
    await db.admin.query("set role rowhouse_owner");
    await db.admin.query(
      `create table app.readings (tenant_id uuid not null, id uuid not null, year int not null, primary key (tenant_id, id, year))
         partition by range (year);
       create table app.readings_2026 partition of app.readings for values from (2026) to (2027) partition by hash (tenant_id);
       create table app.readings_2026_0 partition of app.readings_2026 for values with (modulus 1, remainder 0);
       select platform.protect_table('app.readings');
       create table app.readings_2027 partition of app.readings for values from (2027) to (2028);
       select platform.protect_table('app.readings_2027');
       reset role`,
    );
    expect((await runChecks(db.database)).filter(isNotVersion)).toEqual([]);
    await db.admin.query("drop table app.readings");
  });

  test("refuses a rule that does not exist by name", async () => {
    await expect(runChecks(db.database, { only: ["rls_disabled", "nope"] })).rejects.toMatchObject({
      kind: "usage",
      message: "There is no check nope",
    });
  });
});
