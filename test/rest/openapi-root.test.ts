import { describe, expect, test } from "vitest";
import { ask, CATALOG, refusal } from "./fixture.ts";

const OPENAPI = "application/openapi+json; charset=utf-8";

test.each([undefined, "*/*", "application/openapi+json", "application/json", "text/html, application/json;q=0.5"])(
  "the root answers OpenAPI 2.0 to Accept: %s",
  async (accept) => {
    const { answer } = await ask("/", { headers: accept === undefined ? {} : { accept } });
    expect([answer.status, answer.headers["content-type"]]).toEqual([200, OPENAPI]);
    const document = JSON.parse(String(answer.body)) as { swagger: string; basePath: string; paths: object };
    expect(document).toMatchObject({ swagger: "2.0", basePath: "/rest/v1" });
    expect(Object.keys(document.paths)).toEqual(["/", ...[...CATALOG.relations.keys()].map((name) => `/${name}`)]);
  },
);

test("HEAD has its headers alone", async () => {
  const { answer } = await ask("/", { method: "HEAD" });
  expect(answer).toMatchObject({ status: 200, headers: { "content-type": OPENAPI }, body: null });
});

test("the text is made once for a catalog", async () => {
  const [one, other] = [await ask("/"), await ask("/")];
  expect(one.answer.body).toBe(other.answer.body);
  const less = { ...CATALOG, relations: new Map([...CATALOG.relations].slice(0, 1)) };
  expect((await ask("/", { catalog: less })).answer.body).not.toBe(one.answer.body);
});

describe("a role that may do less", () => {
  const documentOf = async (allowed: object) => {
    const { answer, statement } = await ask("/", { row: [JSON.stringify(allowed)] });
    expect(statement.text).toBe("select platform.allowed_verbs()");
    return JSON.parse(String(answer.body)) as {
      paths: Record<string, object>;
      definitions: Record<string, { properties: Record<string, { description?: string }> }>;
    };
  };

  test("is told of no other relation, nor verb, nor key to what is left out", async () => {
    const { paths, definitions } = await documentOf({ "app.invoices": ["select", "insert"], "app.notes": ["update"] });
    expect(Object.keys(paths)).toEqual(["/", "/invoices", "/notes"]);
    expect(Object.keys(paths["/invoices"]!)).toEqual(["get", "post"]);
    expect(Object.keys(paths["/notes"]!)).toEqual(["patch"]);
    expect(Object.keys(definitions)).toEqual(["invoices", "notes"]);
    expect(JSON.stringify(definitions)).not.toContain("customers");
  });

  test("is told of nothing by an answer that names nothing", async () => {
    expect(Object.keys((await documentOf({})).paths)).toEqual(["/"]);
  });

  test("gets the same text as another that may the same", async () => {
    const row = [JSON.stringify({ "app.invoices": ["select"] })];
    const [one, other] = [await ask("/", { row }), await ask("/", { row: [...row] })];
    expect(one.answer.body).toBe(other.answer.body);
  });
});

test("OPTIONS tells the methods, others are refused", async () => {
  expect((await ask("/", { method: "OPTIONS" })).answer).toMatchObject({
    status: 200,
    headers: { allow: "OPTIONS,GET,HEAD" },
  });
  expect(await refusal("/", { method: "POST", body: {} })).toMatchObject({ code: "PGRST117", status: 405 });
});

test("other media types are refused", async () => {
  const { code, status, message } = await refusal("/", { headers: { accept: "text/csv" } });
  expect([code, status, message]).toEqual(["PGRST107", 406, "None of these media types are available: text/csv"]);
});

describe("as it is set", () => {
  const root = { spec: null, mode: "follow-privileges", tellsSecurity: false } as const;
  const row = [JSON.stringify({ "app.invoices": ["select"] })];
  const pathsOf = async (mode: "follow-privileges" | "ignore-privileges") => {
    const { answer, access } = await ask("/", { row, settings: { root: { ...root, mode } } });
    return [Object.keys((JSON.parse(String(answer.body)) as { paths: object }).paths).length, access];
  };

  test("all that is served, whatever the role may do, and to those alone whom the database lets in", async () => {
    expect(await pathsOf("follow-privileges")).toEqual([2, "read"]);
    expect(await pathsOf("ignore-privileges")).toEqual([CATALOG.relations.size + 1, "read"]);
  });

  test.each(["GET", "HEAD"])("nothing, to %s", async (method) => {
    const settings = { root: { ...root, mode: "disabled" } } as const;
    expect(await refusal("/", { method, settings })).toMatchObject({
      code: "PGRST126",
      status: 404,
      message: "Root endpoint metadata is disabled",
    });
  });

  test("that a token is wanted", async () => {
    const documentOf = async (tellsSecurity: boolean) =>
      JSON.parse(String((await ask("/", { settings: { root: { ...root, tellsSecurity } } })).answer.body)) as object;
    expect(await documentOf(true)).toMatchObject({
      security: [{ JWT: [] }],
      securityDefinitions: { JWT: { type: "apiKey", in: "header", name: "Authorization" } },
    });
    expect(Object.keys(await documentOf(false))).not.toContain("security");
  });
});
