import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { testDatabase, type TestDatabase } from "../../harness.ts";
import { MEMBERS } from "../../members.ts";
import { testServer, type TestAnswer, type TestRequest, type TestServer } from "../server.ts";

let db: TestDatabase;
let server: TestServer;
const tokens = new Map<string, string>();
beforeAll(async () => {
  db = await testDatabase();
  server = await testServer(db);
  for (const role of ["owner", "admin", "manager", "member", "viewer"])
    tokens.set(role, await server.token("acme", role));
});
afterAll(async () => {
  await server?.close();
  await db?.close();
});

const PROFILE = { "accept-profile": "tenant", "content-profile": "tenant" };
const ask = (
  role: string,
  method: string,
  path: string,
  { headers, ...options }: TestRequest = {},
): Promise<TestAnswer> =>
  server.request("acme.localhost", `/rest/v1/${path}`, {
    method,
    token: tokens.get(role)!,
    headers: { ...PROFILE, ...headers },
    ...options,
  });
const codeOf = (answer: TestAnswer) => [answer.status, answer.json()["code"]];

describe("schema tenant, by the profile of its name", () => {
  test.each([
    "users",
    "settings",
    "locations",
    "roles",
    "permissions",
    "feature_flags",
    "subscription",
    "sessions",
    "api_keys",
    "one_time_links",
    "impersonations",
    "audit_events",
  ])("%s: an administrator reads it, and what is secret in it is not there", async (table) => {
    const answer = await ask("admin", "GET", `${table}?limit=1`);
    expect([answer.status, answer.headers["content-profile"]]).toEqual([200, "tenant"]);
    const [row] = answer.json<Record<string, unknown>[]>();
    expect(Object.keys(row!)).not.toEqual(
      expect.arrayContaining([expect.stringMatching(/^(tenant_id|hash|password)$/)]),
    );
  });

  test.each(["credentials", "refresh_tokens", "idempotency_keys", "nothing"])("%s is not there", async (table) => {
    expect(codeOf(await ask("owner", "GET", table))).toEqual([404, "PGRST205"]);
  });

  test.each(["api_keys?select=hash", "api_keys?hash=eq.x", "api_keys?order=hash", "one_time_links?select=hash"])(
    "%s names no column",
    async (path) => {
      expect(codeOf(await ask("owner", "GET", path))).toEqual([400, "42703"]);
    },
  );

  test.each(["sessions", "api_keys", "one_time_links", "impersonations", "audit_events"])(
    "%s is for owner and admin",
    async (table) => {
      expect((await ask("owner", "GET", table)).status).toBe(200);
      const answers = await Promise.all(["manager", "member", "viewer"].map((role) => ask(role, "GET", table)));
      expect(answers.map(codeOf)).toEqual(Array(3).fill([403, "RH206"]));
    },
  );

  test("embeds follow its foreign keys", async () => {
    const answer = await ask("admin", "GET", `sessions?select=id,users(email)&id=eq.${MEMBERS.session}`);
    expect(answer.json()).toEqual([{ id: MEMBERS.session, users: { email: "clerk@members.example" } }]);
  });

  test("an administrator writes settings, locations, flags, roles and permissions", async () => {
    const rows: [string, object][] = [
      ["settings", { name: "theme", value: { dark: true }, is_public: true }],
      ["locations", { code: "B2", name: "Branch", address: { city: "Graz" } }],
      ["feature_flags", { name: "new-till", is_enabled: true }],
      ["roles", { name: "auditor", description: "Reads all" }],
      ["permissions", { role: "auditor", table_name: "*", verb: "select" }],
    ];
    for (const [table, body] of rows) {
      const made = await ask("admin", "POST", table, { body, headers: { prefer: "return=representation" } });
      expect([table, made.status]).toEqual([table, 201]);
      expect(made.json<object[]>()[0]).toMatchObject(body);
      expect(codeOf(await ask("manager", "POST", table, { body }))).toEqual([403, "RH206"]);
    }
    tokens.set("auditor", await server.token("acme", "auditor"));
    expect((await ask("auditor", "GET", "customers?limit=1", { headers: { "accept-profile": "app" } })).status).toBe(
      200,
    );
    const upsert = await ask("admin", "POST", "settings?on_conflict=name", {
      body: { name: "theme", value: 7 },
      headers: { prefer: "resolution=merge-duplicates,return=representation" },
    });
    expect(upsert.json<object[]>()[0]).toMatchObject({ name: "theme", value: 7, is_public: true });
    expect((await ask("admin", "DELETE", "locations?code=eq.B2")).status).toBe(204);
  });

  test("an administrator gives roles and deactivates, and makes no owner", async () => {
    const user = `users?id=eq.${MEMBERS.user}`;
    expect((await ask("admin", "PATCH", user, { body: { role: "viewer", is_active: false } })).status).toBe(204);
    expect((await ask("admin", "PATCH", user, { body: { role: "member", is_active: true } })).status).toBe(204);
    const refused = await ask("admin", "PATCH", user, { body: { role: "owner" } });
    expect([codeOf(refused), refused.json()["message"]]).toEqual([
      [403, "RH206"],
      "The role admin may not make or change owners",
    ]);
    expect(codeOf(await ask("admin", "PATCH", user, { body: { email: "x@y.example" } }))).toEqual([403, "42501"]);
  });

  test("the last active owner stays, with its own code", async () => {
    await db.admin.query("update tenant.users set role = 'owner' where id = $1", [MEMBERS.user]);
    await db.admin.query("update tenant.users set role = 'admin' where role = 'owner' and id <> $1", [MEMBERS.user]);
    const refused = await ask("owner", "PATCH", `users?id=eq.${MEMBERS.user}`, { body: { role: "member" } });
    expect(codeOf(refused)).toEqual([409, "RH448"]);
    await db.admin.query("update tenant.users set role = 'member' where id = $1", [MEMBERS.user]);
  });

  test.each([
    ["POST", "subscription", { plan: "gold" }],
    ["PATCH", "subscription?plan=eq.standard", { plan: "gold" }],
    ["DELETE", "audit_events?id=not.is.null", undefined],
    ["PATCH", "audit_events?id=not.is.null", { actor: "x" }],
    ["POST", "audit_events", { action: "x", actor: "x", role: "x" }],
    ["PATCH", "sessions?id=not.is.null", { revoked_at: null }],
    ["POST", "api_keys", { name: "x" }],
    ["POST", "users", { email: "x@y.example" }],
    ["DELETE", "users?id=not.is.null", undefined],
  ])("%s %s is nobody's", async (method, path, body) => {
    expect(codeOf(await ask("owner", method, path, body === undefined ? {} : { body }))).toEqual([403, "42501"]);
  });
});

describe("audit_events", () => {
  const audit = (role: string, path = "audit_events", headers = {}) =>
    server.get("acme.localhost", `/rest/v1/${path}`, { token: tokens.get(role)!, headers });

  test("is there under every profile, with its filters, orders and pages", async () => {
    await server.request("acme.localhost", "/rest/v1/customers", {
      method: "POST",
      token: tokens.get("manager")!,
      body: { number: "audited", name: "Audited" },
      headers: { "x-request-id": "trace-7" },
    });
    const answer = await audit(
      "admin",
      "audit_events?action=eq.customers.created&order=at.desc&limit=1&select=action,role,after",
    );
    expect(answer.status).toBe(200);
    expect(answer.json()).toMatchObject([
      { action: "customers.created", role: "manager", after: { number: "audited" } },
    ]);
    const counted = await audit("owner", "audit_events?limit=1", { prefer: "count=exact", "accept-profile": "app" });
    expect([counted.status, counted.headers["content-profile"]]).toEqual([206, "tenant"]);
  });

  test("is for administrators", async () => {
    expect(codeOf(await audit("manager"))).toEqual([403, "RH206"]);
  });

  test("shows nothing of another tenant", async () => {
    const token = await server.token("globex", "owner");
    const answer = await server.get("globex.localhost", "/rest/v1/audit_events?after->>number=eq.audited", { token });
    expect(answer.json()).toEqual([]);
  });
});

describe("the description", () => {
  interface Described {
    readonly paths: Record<string, Record<string, unknown>>;
  }
  const rootOf = async (role: string, profile = "app") =>
    (await ask(role, "GET", "", { headers: { "accept-profile": profile } })).json<Described>().paths;
  const openapiOf = async (role: string | null, query = "") => {
    const token = role === null ? {} : { token: tokens.get(role)! };
    return server.get("acme.localhost", `/openapi.json${query}`, token);
  };
  const verbsOf = async (role: string | null, query = "") =>
    Object.entries((await openapiOf(role, query)).json<Described>().paths).map(
      ([path, item]) =>
        `${path} ${Object.keys(item)
          .filter((key) => key !== "description")
          .join(",")}`,
    );

  test("has of relations and verbs what the role may", async () => {
    expect(Object.keys((await rootOf("viewer"))["/customers"]!)).toEqual(["get"]);
    expect(Object.keys((await rootOf("member"))["/customers"]!)).toEqual(["get", "post", "patch"]);
    expect(Object.keys((await rootOf("manager"))["/customers"]!)).toEqual(["get", "post", "delete", "patch"]);
    expect(await verbsOf("viewer")).toContain("/customers get");
    expect(await verbsOf("admin")).toContain("/customers get,post,patch,put,delete");
    expect(await verbsOf(null)).toContain("/customers get,post,patch,put,delete");
  });

  test("of a role of the tenant's own, with a view when its tables may be read", async () => {
    const { id } = await db.tenant("acme");
    await db.admin.query("insert into tenant.roles (tenant_id, name) values ($1, 'seller')", [id]);
    const give = (table: string) =>
      db.admin.query(
        "insert into tenant.permissions (tenant_id, role, table_name, verb) values ($1, 'seller', $2, 'select')",
        [id, table],
      );
    await give("invoices");
    tokens.set("seller", await server.token("acme", "seller"));
    expect(await verbsOf("seller")).toEqual(["/invoices get"]);
    await give("invoice_items");
    expect(await verbsOf("seller")).toEqual(["/invoice_items get", "/invoice_totals get", "/invoices get"]);
    expect(
      (await ask("seller", "GET", "invoice_totals?limit=1", { headers: { "accept-profile": "app" } })).status,
    ).toBe(200);
  });

  test("of schema tenant", async () => {
    const admins = await rootOf("admin", "tenant");
    const members = await rootOf("member", "tenant");
    expect(Object.keys(admins["/users"]!)).toEqual(["get", "patch"]);
    expect(Object.keys(admins["/settings"]!)).toEqual(["get", "post", "delete", "patch"]);
    expect(Object.keys(members)).toEqual([
      "/",
      "/feature_flags",
      "/locations",
      "/permissions",
      "/roles",
      "/settings",
      "/subscription",
      "/users",
    ]);
    expect(Object.keys(members["/settings"]!)).toEqual(["get"]);
    expect((await openapiOf("admin", "?schema=tenant")).text).not.toMatch(/"(hash|password|tenant_id)"/);
  });

  test("with a token is nobody else's to keep, and changes with the role", async () => {
    const [viewers, admins, anybodys] = [await openapiOf("viewer"), await openapiOf("admin"), await openapiOf(null)];
    expect([viewers, admins, anybodys].map(({ headers }) => headers["cache-control"])).toEqual([
      "private, no-cache",
      "private, no-cache",
      "public, max-age=60",
    ]);
    expect(viewers.headers["etag"]).not.toBe(admins.headers["etag"]);
    const again = await server.get("acme.localhost", "/openapi.json", {
      token: tokens.get("viewer")!,
      headers: { "if-none-match": viewers.headers["etag"]! },
    });
    expect(again.status).toBe(304);
    expect((await server.get("acme.localhost", "/openapi.json", { token: "not.a.token" })).status).toBe(401);
  });
});
