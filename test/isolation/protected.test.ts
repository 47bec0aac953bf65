import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { testDatabase } from "../harness.ts";
import { plantMarker, type Arena } from "./arena.ts";
import { testAttacks } from "./attack-tests.ts";
import { testMatrix } from "./matrix-tests.ts";
import { testSessions } from "./session-tests.ts";

let arena: Arena;
beforeAll(async () => {
  const db = await testDatabase();
  const [a, b] = [await db.scope("globex"), await db.scope("acme")];
  await plantMarker(db.admin, b);
  arena = { mode: "protected", database: db.database, admin: db.admin, a, b, close: () => db.close() };
});
afterAll(() => arena.close());

describe("with the protected setting", () => {
  test("is what a superuser's migrate chose", async () => {
    const { rows } = await arena.admin.query(
      "select has_parameter_privilege('rowhouse_owner', 'backtrace_functions', 'set') as granted",
    );
    expect(rows).toEqual([{ granted: true }]);
  });
  describe("every table and verb", () => {
    testMatrix(() => arena);
  });
  describe("attacks", () => {
    testAttacks(() => arena);
  });
  describe("sessions", () => {
    testSessions(() => arena);
  });
});
