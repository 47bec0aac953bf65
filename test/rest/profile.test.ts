import { describe, expect, test } from "vitest";
import { answerRest } from "../../src/rest/answer.ts";
import { CATALOG, LIMITS, NOTHING_OWN, request, SETTINGS, TENANT, type Said } from "./fixture.ts";

const SCHEMAS = ["v1", "v2", `SPECIAL "@/\\#~_-`, "Größen"];

/** Several schemas of the same tables, over a database that only answers. */
function ask(url: string, said: Said = {}) {
  const catalogs = new Map(SCHEMAS.map((schema) => [schema, { ...CATALOG, schema }]));
  const context = {
    served: { catalogs, own: NOTHING_OWN, opensAnonymous: false, readsRequest: false, writesResponse: false },
    settings: SETTINGS,
    tenantId: TENANT,
    limits: LIMITS,
    basePath: "/rest/v1",
    run: () => Promise.resolve([{ rows: [["1", "[{}]", null, null, null, null]], rowCount: 1 }]),
  };
  // Settings that go before the statement: as many results as there are statements.
  const run = (_access: string, statements: readonly unknown[]) =>
    Promise.resolve(statements.map(() => ({ rows: [["1", "[{}]", null, null, null, null]], rowCount: 1 })));
  return answerRest(request(url, said), { ...context, run });
}
const profileOf = async (said: Said) => (await ask("/customers", said)).headers["content-profile"];

describe("several schemas", () => {
  test("reads name theirs by Accept-Profile, and the answer says which it is of", async () => {
    expect(await profileOf({})).toBe("v1");
    expect(await profileOf({ headers: { "accept-profile": "v2" } })).toBe("v2");
    expect(await profileOf({ headers: { "accept-profile": SCHEMAS[2]! } })).toBe(SCHEMAS[2]);
    // Node sends the characters of a header as bytes: these are UTF-8.
    const bytes = Buffer.from("Größen").toString("latin1");
    expect(await profileOf({ headers: { "accept-profile": "Größen" } })).toBe(bytes);
    // Not the header of writes, and not the schema that supabase-js asks for when nobody told it another.
    expect(await profileOf({ headers: { "content-profile": "v2" } })).toBe("v1");
    expect(await profileOf({ headers: { "accept-profile": "public" } })).toBe("v1");
  });

  test("writes by Content-Profile; an answer without a body says nothing", async () => {
    const headers = { "content-profile": "v2", prefer: "return=representation" };
    expect(await profileOf({ method: "DELETE", headers })).toBe("v2");
    expect(await profileOf({ method: "DELETE", headers: { "content-profile": "v2" } })).toBeUndefined();
  });

  test.each(["accept-profile", "content-profile"])(
    "an unknown one in %s is refused with all there are",
    async (name) => {
      const method = name === "accept-profile" ? "GET" : "POST";
      await expect(ask("/customers", { method, headers: { [name]: "v3" }, body: {} })).rejects.toMatchObject({
        code: "PGRST106",
        status: 406,
        message: "Invalid schema: v3",
        hint: `Only the following schemas are exposed: ${SCHEMAS.join(", ")}`,
      });
    },
  );
});
