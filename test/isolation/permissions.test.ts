import { afterAll, beforeAll, describe } from "vitest";
import { testDatabase } from "../harness.ts";
import { testAdmission } from "./admission-tests.ts";
import type { Arena } from "./arena.ts";
import { testEscalation } from "./escalation-tests.ts";
import { testPermissions } from "./permission-tests.ts";
import { testTrail } from "./trail-tests.ts";

let arena: Arena;
beforeAll(async () => {
  const db = await testDatabase();
  const [a, b] = [await db.scope("globex"), await db.scope("acme")];
  arena = { mode: "protected", database: db.database, admin: db.admin, a, b, close: () => db.close() };
});
afterAll(() => arena.close());

describe("with the protected setting", () => {
  describe("what a role may do", () => {
    testPermissions(() => arena);
  });
  describe("more than a role was given", () => {
    testEscalation(() => arena);
  });
  describe("who is admitted", () => {
    testAdmission(() => arena);
  });
  describe("who and when", () => {
    testTrail(() => arena);
  });
});
