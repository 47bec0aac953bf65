import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Tenant } from "../../../src/tenant/tenant.ts";
import { runOn } from "../../commands/rowhouse.ts";
import { testDatabase, type TestDatabase } from "../../harness.ts";
import { startServerProcess, type ServerProcess } from "../process.ts";
import { eventually, send } from "../server.ts";
import { supabase, taken } from "./client.ts";

let db: TestDatabase;
let processes: ServerProcess[];
let acme: Tenant;
let rowhouse: ReturnType<typeof runOn>;

beforeAll(async () => {
  db = await testDatabase();
  acme = await db.tenant("acme");
  rowhouse = runOn(db.url);
  processes = await Promise.all([startServerProcess(db.url), startServerProcess(db.url)]);
});
afterAll(async () => {
  await Promise.all(processes.map((one) => one.end()));
  await db.close();
});

/** The very next request at each process: status and code. */
async function ask(token: string, method = "GET"): Promise<unknown[]> {
  const body = method === "GET" ? undefined : { name: "written" };
  const path = `/rest/v1/customers?id=eq.${acme.id}`; // no customer's
  const answers = await Promise.all(
    processes.map(({ port }) => send(port, "acme.localhost", path, { token, method, body })),
  );
  return answers.map((answer) => (answer.status < 300 ? answer.status : answer.json()["code"]));
}
const twice = (outcome: unknown) => [outcome, outcome];

describe("by the command, with live tokens, on two server processes", () => {
  test("a lowered role, a new password, a deactivated user, a revoked and a rotated key, a suspended tenant", async () => {
    const { stdout: password, code } = await rowhouse(
      "user",
      "add",
      "acme",
      "Ann@acme.example",
      "--role",
      "manager",
      "--generate",
    );
    expect([code, password]).toEqual([0, expect.stringMatching(/^[\w-]{24}\n$/)]);
    const signIn = async (secret: string) => {
      const client = supabase({ ...processes[0]! }, acme);
      return taken(await client.auth.signInWithPassword({ email: "ann@acme.example", password: secret.trim() })).session
        .access_token;
    };
    let token = await signIn(password);
    expect([await ask(token), await ask(token, "PATCH")]).toEqual([twice(200), twice(204)]);

    expect((await rowhouse("user", "role", "acme", "ann@acme.example", "viewer")).stdout).toBe(
      "ann@acme.example  viewer\n",
    );
    expect([await ask(token), await ask(token, "PATCH")]).toEqual([twice(200), twice("RH206")]);

    const { stdout: second } = await rowhouse("user", "password", "acme", "ann@acme.example", "--generate");
    expect(await ask(token)).toEqual(twice("RH207"));
    token = await signIn(second);
    expect(await ask(token)).toEqual(twice(200));

    expect((await rowhouse("user", "deactivate", "acme", "ann@acme.example")).stdout).toBe(
      "ann@acme.example  inactive\n",
    );
    expect(await ask(token)).toEqual(twice("RH207"));
    const listed = (await rowhouse("user", "list", "acme", "--json")).json<{ email: string; isActive: boolean }[]>();
    expect(listed.find(({ email }) => email === "ann@acme.example")?.isActive).toBe(false);

    const made = (
      await rowhouse("key", "create", "acme", "--name", "checkout", "--scope", "customers=select", "--json")
    ).json<{ key: string; prefix: string }>();
    expect([await ask(made.key), await ask(made.key, "PATCH")]).toEqual([twice(200), twice("RH206")]);
    const { stdout: next } = await rowhouse("key", "rotate", "acme", "checkout", "--overlap", "1h");
    expect([await ask(made.key), await ask(next.trim())]).toEqual([twice(200), twice(200)]);
    await rowhouse("key", "revoke", "acme", made.prefix);
    expect([await ask(made.key), await ask(next.trim())]).toEqual([twice("RH207"), twice(200)]);

    await rowhouse("tenant", "suspend", "acme");
    expect(await ask(next.trim())).toEqual(twice("RH103"));
    await rowhouse("tenant", "activate", "acme");
    await eventually(async () => expect(await ask(next.trim())).toEqual(twice(200)));
  }, 240_000);

  test("an invitation stands in the outbox, and its link leads in", async () => {
    expect((await rowhouse("user", "invite", "acme", "bea@acme.example", "--name", "Bea")).code).toBe(0);
    const [mail] = (await rowhouse("mail", "list", "acme", "--json")).json<
      { id: string; to: string; text?: string }[]
    >();
    expect([mail?.to, mail?.text]).toEqual(["bea@acme.example", undefined]);
    const { stdout } = await rowhouse("mail", "show", mail!.id.slice(0, 8));
    const link = new URL(/https?:\S+/.exec(stdout)![0]);
    const client = supabase({ ...processes[1]! }, acme);
    const { user } = taken(
      await client.auth.verifyOtp({ token_hash: link.searchParams.get("token")!, type: "invite" }),
    );
    expect(user?.user_metadata).toEqual({ name: "Bea" });
  }, 240_000);

  test("mistakes are told, with an exit code", async () => {
    const outcomes = await Promise.all([
      rowhouse("user", "add", "acme", "not an address"),
      rowhouse("user", "add", "acme", "admin@acme.example"),
      rowhouse("user", "role", "acme", "admin@acme.example", "emperor"),
      rowhouse("user", "role", "acme", "nobody@acme.example", "viewer"),
      rowhouse("key", "create", "acme", "--name", "x"),
      rowhouse("key", "create", "acme", "--name", "x", "--scope", "customers=drop"),
      rowhouse("key", "revoke", "acme", "rh_live_nobody"),
      rowhouse("mail", "show", "zz"),
      rowhouse("user", "list", "no-such-tenant"),
    ]);
    expect(outcomes.map(({ code }) => code)).toEqual([1, 5, 1, 4, 2, 2, 4, 2, 4]);
    expect(outcomes.filter(({ stderr }) => stderr === "")).toEqual([]);
  }, 240_000);
});
