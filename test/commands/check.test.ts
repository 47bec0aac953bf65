import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SALES, testDatabase, type TestDatabase } from "../harness.ts";
import { runOn, type Ended } from "./rowhouse.ts";

let db: TestDatabase;
let rowhouse: (...args: string[]) => Promise<Ended>;
beforeAll(async () => {
  db = await testDatabase();
  rowhouse = runOn(db.url, { ROWHOUSE_APP: SALES });
});
afterAll(() => db.close());

interface Found {
  readonly errors: number;
  readonly findings: { check: string; level: string; key: string; fix: string }[];
}

describe("check", () => {
  test("finds a hole, says how to close it, and exits with 3", async () => {
    await db.admin.query("alter table app.expenses disable row level security");
    const { code, stdout, stderr } = await rowhouse("check");
    expect(code).toBe(3);
    expect(stdout).toMatch(/^error {2}.*app\.expenses\n {7}.+\n {7}fix: .+\n {7}key: \w+:/m);
    expect(stdout).toContain("proof:app.expenses:select");
    expect(stderr).toMatch(/The wall has \d+ holes?\./);

    const lint = (await rowhouse("check", "--only", "rls_disabled", "--json")).json<Found>();
    expect(lint).toMatchObject({ errors: 1, findings: [{ check: "rls_disabled", level: "error" }] });
    const proof = (await rowhouse("check", "--prove", "--json")).json<Found>();
    expect(new Set(proof.findings.map(({ check }) => check))).toEqual(new Set(["proof"]));
    const accepted = await rowhouse("check", "--lint", "--only", "rls_disabled", "--suppress", lint.findings[0]!.key);
    expect(accepted).toMatchObject({ code: 0, stdout: "" });
  });

  test("holds once it is mended", async () => {
    await db.admin.query("alter table app.expenses enable row level security");
    const { code, json } = await rowhouse("check", "--prove", "--json");
    expect({ code, errors: json<Found>().errors }).toEqual({ code: 0, errors: 0 });
  });

  test("refuses a rule that does not exist", async () => {
    expect(await rowhouse("check", "--only", "nothing_such")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("nothing_such"),
    });
  });
});

describe("doctor", () => {
  interface Fact {
    readonly name: string;
    readonly state: string;
    readonly fix: string | null;
  }

  test("looks at the machine and the database; each fact that is not ok has its fix", async () => {
    const { code, json } = await rowhouse("doctor", "--json");
    const { errors, facts } = json<{ errors: number; facts: Fact[] }>();
    expect({ code, errors }).toEqual({ code: 0, errors: 0 });
    expect(facts.map(({ name }) => name)).toEqual([
      "node",
      "openssl",
      "disk",
      "port",
      "names",
      "database",
      "postgresql",
      "clock",
      "isolation",
    ]);
    expect(facts.filter(({ state, fix }) => (state === "ok") !== (fix === null))).toEqual([]);
  });

  test("exits with 3 when the server would refuse to serve", async () => {
    await db.admin.query("alter table app.expenses disable row level security");
    const { code, stdout } = await rowhouse("doctor");
    await db.admin.query("alter table app.expenses enable row level security");
    expect(code).toBe(3);
    expect(stdout).toMatch(
      /^error {2}table_unprotected +The table app\.expenses is not protected\n +fix: select platform\.protect_table\('app\.expenses'\)/m,
    );
  });

  test("a database that is not there is a fact, too", async () => {
    const { code, json } = await runOn("postgres://a:b@127.0.0.1:1/c")("doctor", "--json");
    expect(code).toBe(3);
    expect(json<{ facts: Fact[] }>().facts.at(-1)).toMatchObject({
      name: "database",
      state: "error",
      fix: expect.any(String),
    });
  });
});
