import { afterAll, beforeAll, expect, test } from "vitest";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { openOperator, type TestOperator } from "./operator.ts";
import { testServer, type TestServer } from "./server.ts";

let db: TestDatabase;
let server: TestServer;
let owner: TestOperator;
beforeAll(async () => {
  db = await testDatabase();
  server = await testServer(db);
  owner = await openOperator(db, server);
});
afterAll(async () => {
  await server?.close();
  await db?.close();
});

const ROLES = "/tenants/acme/roles";

test("operators make roles, which count at the next request", async () => {
  const made = await owner.request("POST", ROLES, { name: "seller", description: "Sells" });
  expect([made.status, made.json()]).toMatchObject([201, { name: "seller", permissions: [], users: 0 }]);
  const token = await server.token("acme", "seller");
  const read = () => server.get("acme.localhost", "/rest/v1/customers?limit=1", { token });
  expect((await read()).status).toBe(403);
  const granted = await owner.request("POST", `${ROLES}/seller/permissions`, {
    table: "customers",
    verbs: ["select", "update"],
  });
  expect(granted.json()["permissions"]).toEqual([{ table: "customers", verbs: ["select", "update"] }]);
  expect((await read()).status).toBe(200);
  const left = await owner.request("DELETE", `${ROLES}/seller/permissions/customers?verbs=update`);
  expect(left.json()["permissions"]).toEqual([{ table: "customers", verbs: ["select"] }]);
  expect((await owner.get(`${ROLES}/seller`)).json()).toMatchObject(left.json());
  await owner.request("DELETE", `${ROLES}/seller/permissions/customers`);
  expect((await read()).status).toBe(403);
  expect((await owner.request("DELETE", `${ROLES}/seller`)).status).toBe(204);
  expect((await owner.get(ROLES)).json<{ name: string }[]>().map(({ name }) => name)).toEqual(["clerk"]);
});

test.each<[string, string, object | undefined, number, string]>([
  ["POST", ROLES, { name: "clerk" }, 409, "RH447"],
  ["POST", ROLES, { name: "owner" }, 409, "RH447"],
  ["POST", `${ROLES}/clerk/permissions`, { table: "nothing", verbs: ["select"] }, 404, "PGRST205"],
  ["POST", `${ROLES}/clerk/permissions`, { table: "customers", verbs: ["truncate"] }, 400, "RH118"],
  ["POST", `${ROLES}/owner/permissions`, { table: "customers", verbs: ["select"] }, 400, "RH431"],
  ["DELETE", `${ROLES}/nobody`, undefined, 400, "RH431"],
  ["GET", "/tenants/nowhere/roles", undefined, 404, "RH102"],
])("%s %s %j is refused", async (method, path, body, status, code) => {
  const answer = await owner.request(method, path, body);
  expect([answer.status, answer.json()["code"]]).toEqual([status, code]);
});

test("who may only read makes none, and the events name the operator", async () => {
  const reader = await owner.invite("reader@ops.example", "read-only");
  expect((await reader.get(ROLES)).status).toBe(200);
  expect((await reader.request("POST", ROLES, { name: "x" })).status).toBe(403);
  const { rows } = await db.admin.query<{ actor: string }>(
    "select distinct actor from tenant.audit_events where action like 'roles.%' or action like 'permissions.%'",
  );
  expect(rows).toEqual([{ actor: expect.stringMatching(/^operator:/) as unknown }]);
});
