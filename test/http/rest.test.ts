import { afterAll, beforeAll, expect, test } from "vitest";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { testServer, type TestServer } from "./server.ts";

let db: TestDatabase;
let server: TestServer;
beforeAll(async () => {
  db = await testDatabase();
  server = await testServer(db);
});
afterAll(async () => {
  await server?.close();
  await db?.close();
});

test("a tenant's token reads that tenant's rows at its own address", async () => {
  const answer = await server.get("acme.localhost", "/rest/v1/customers?limit=2", { token: await server.token("acme") });
  console.log(answer.status, answer.headers, answer.text, server.log);
  expect(answer.status).toBe(200);
  expect(answer.json<unknown[]>()).toHaveLength(2);
});
