import { expect, test } from "vitest";
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
