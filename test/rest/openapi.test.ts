import { expect, test } from "vitest";
import { componentName } from "../../src/rest/openapi-schema.ts";
import { openApiBody, openApiHead } from "../../src/rest/openapi.ts";
import { CATALOG, relation } from "./fixture.ts";

const info = { title: "Acme", server: "https://acme.example.com/rest/v1" };
interface Document {
  paths: Record<string, Record<string, { parameters: { name?: string; $ref?: string }[] }>>;
  components: {
    schemas: Record<string, { required?: string[]; properties: Record<string, object> }>;
    parameters: object;
  };
  openapi: string;
}
const document = { ...openApiHead(info), ...openApiBody(CATALOG, ["app"]) } as unknown as Document;

test("says what each role may do, and names no tenant_id", () => {
  expect(document.openapi).toBe("3.1.0");
  expect(Object.keys(document.paths["/customers"]!)).toEqual(["get", "post", "patch", "put", "delete"]);
  expect(Object.keys(document.paths["/countries"]!)).toEqual(["get"]);
  expect(JSON.stringify(document)).not.toContain("tenant_id");
});

test("entity-tags, cursors and idempotency keys stand where they count, and are described", () => {
  const takes = (method: string) => JSON.stringify(document.paths["/customers"]![method]!.parameters);
  const among = (key: string) =>
    ["get", "post", "patch", "put", "delete"].filter((method) => takes(method).includes(`/${key}"`));
  expect(among("cursor")).toEqual(["get"]);
  expect(among("ifNoneMatch")).toEqual(["get"]);
  expect(among("ifMatch")).toEqual(["patch", "put", "delete"]);
  expect(among("idempotencyKey")).toEqual(["post", "patch"]);
  for (const key of ["cursor", "ifNoneMatch", "ifMatch", "idempotencyKey"])
    expect(document.components.parameters).toHaveProperty(key);
});

test("rows, inserts and changes have schemas of their own", () => {
  const { schemas } = document.components;
  expect(schemas["invoices"]).toMatchObject({
    required: ["id", "customer_id", "total"],
    properties: { total: { type: "integer", format: "int64", readOnly: true } },
  });
  expect(schemas["invoices.insert"]?.required).toEqual(["customer_id"]);
  expect(schemas["invoices.insert"]?.properties).not.toHaveProperty("total");
  expect(schemas["invoices.update"]?.required).toBeUndefined();
  expect(schemas["customers"]?.properties).toMatchObject({
    city: { type: ["string", "null"] },
    tags: { type: "array", items: { type: "string" } },
    id: { type: "string", format: "uuid" },
    settings: {},
  });
});

test("every reference leads somewhere", () => {
  const paths = [...JSON.stringify(document).matchAll(/"#\/([^"]+)"/g)].map(([, path]) => path!.split("/"));
  const follow = (path: string[]) =>
    path.reduce<unknown>((node, key) => (node as Record<string, unknown> | undefined)?.[key], document);
  expect(paths.length).toBeGreaterThan(100);
  expect(paths.filter((path) => follow(path) === undefined)).toEqual([]);
});

test("names of any letters have a component and a path", () => {
  const odd = relation("Größe/2", ["id uuid"]);
  const { paths, components } = openApiBody({ ...CATALOG, relations: new Map([[odd.name, odd]]) }, [
    "app",
  ]) as unknown as Document;
  expect(Object.keys(paths)).toEqual(["/Gr%C3%B6%C3%9Fe%2F2"]);
  for (const name of Object.keys(components.schemas)) expect(name).toMatch(/^[a-zA-Z0-9._-]+$/);
  expect(componentName("a.b")).not.toBe(componentName("a_b"));
});
