import { Validator } from "@seriousme/openapi-schema-validator";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Catalog } from "../../src/catalog/catalog.ts";
import { openApiBody, openApiHead } from "../../src/rest/openapi.ts";
import { swagger } from "../../src/rest/swagger.ts";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { readSchema, serveGuild } from "../catalog/guild.ts";

type Json = Record<string, unknown>;

let db: TestDatabase;
let catalogs: Record<"app" | "guild", Catalog>;
beforeAll(async () => {
  db = await testDatabase();
  await serveGuild(db);
  catalogs = { app: await readSchema(db, "app"), guild: await readSchema(db, "guild") };
});
afterAll(() => db.close());

/** A copy without undefined, as it goes over the wire. */
const wire = (document: object) => JSON.parse(JSON.stringify(document)) as Json;
const dig = (node: unknown, ...path: string[]) =>
  path.reduce<unknown>((at, key) => (at as Json | undefined)?.[key], node) as Json | undefined;

describe("OpenAPI 3.1", () => {
  const info = { title: "Guild", server: "https://guild.example.com/rest/v1" };
  const make = (schema: "app" | "guild") =>
    wire({ ...openApiHead(info), ...openApiBody(catalogs[schema], ["app", "guild"]) });

  test.each(["app", "guild"] as const)("of %s is valid", async (schema) => {
    const result = await new Validator().validate(make(schema));
    expect(result.errors ?? null).toBeNull();
    expect(result.valid).toBe(true);
    expect(JSON.stringify(make(schema))).not.toContain("tenant_id");
  });

  test("a validator can tell", async () => {
    const broken = make("app");
    delete broken["info"];
    expect((await new Validator().validate(broken)).valid).toBe(false);
  });

  test("functions: bodies, parameters and answers", () => {
    const { paths } = make("guild");
    const body = (name: string) =>
      dig(paths, `/rpc/${name}`, "post", "requestBody", "content", "application/json", "schema");
    expect(body("add_them")).toMatchObject({
      properties: { a: { type: "integer" }, b: { type: "integer" } },
      required: ["a", "b"],
    });
    expect(dig(body("area"))?.["anyOf"]).toHaveLength(2);
    expect(Object.keys(dig(paths, "/rpc/echo_bytes", "post", "requestBody", "content")!)).toEqual([
      "application/octet-stream",
    ]);
    expect(dig(paths, "/rpc/open_ticket", "get")).toBeUndefined(); // it writes
    const content = (name: string) => dig(paths, `/rpc/${name}`, "post", "responses", "200", "content")!;
    expect(dig(content("list_members"), "application/json", "schema")).toEqual({
      type: "array",
      items: { $ref: "#/components/schemas/members" },
    });
    expect(Object.keys(content("page"))).toEqual(["text/html"]);
    expect(dig(paths, "/rpc/nothing", "post", "responses", "204")).toBeDefined();
    const parameters = dig(paths, "/rpc/sum_all", "get")?.["parameters"];
    expect(parameters).toContainEqual(expect.objectContaining({ name: "numbers", explode: true }));
  });

  test("columns: enums, defaults, lengths, what is only read, computed ones", () => {
    const properties = (name: string) => dig(make("guild"), "components", "schemas", name, "properties")!;
    expect(properties("members")).toMatchObject({
      rank: { type: "string", enum: ["apprentice", "journeyman", "master", "warden"], default: "apprentice" },
      fee: { type: "number", default: 0, description: "Yearly, in euros." },
      full_name: { readOnly: true },
      initials: { readOnly: true, type: ["string", "null"] },
    });
    expect(properties("swatches")).toMatchObject({ label: { maxLength: 40 } });
    expect(properties("crafts")).toMatchObject({ is_messy: { default: false } });
    expect(properties("samples")).toMatchObject({
      a_bit: { minLength: 4, maxLength: 4 },
      a_varchar: { maxLength: 10 },
    });
    expect(properties("members.insert")).not.toHaveProperty("initials");
  });

  test("which schema is meant is said where there are several, and media types where there are some", () => {
    const document = make("guild");
    const get = dig(document, "paths", "/halls", "get");
    expect(get?.["parameters"]).toContainEqual({ $ref: "#/components/parameters/acceptProfile" });
    expect(dig(document, "components", "parameters", "acceptProfile", "schema")?.["enum"]).toEqual(["app", "guild"]);
    expect(dig(get, "responses", "200")?.["$ref"]).toBe("#/components/responses/halls.rows");
    expect(dig(document, "components", "responses", "halls.rows", "content")).toHaveProperty(["text/html"]);
    const alone = wire(openApiBody(catalogs.guild, ["guild"]));
    expect(JSON.stringify(alone)).not.toContain("Accept-Profile");
  });
});

describe("OpenAPI 2.0", () => {
  const make = (schema: "app" | "guild") =>
    wire(swagger(catalogs[schema], { basePath: "/rest/v1", tellsSecurity: false }));

  test.each(["app", "guild"] as const)("of %s is valid", async (schema) => {
    const result = await new Validator().validate(make(schema));
    expect(result.errors ?? null).toBeNull();
    expect(JSON.stringify(make(schema))).not.toContain("tenant_id");
  });

  test("the schema's comment is its title", () => {
    expect(make("guild")["info"]).toMatchObject({ title: "The guild: members, what they make, and for whom." });
    expect(make("app")).toMatchObject({ swagger: "2.0", basePath: "/rest/v1", info: { title: "PostgREST API" } });
  });

  test("keys are noted in descriptions", () => {
    const property = (table: string, name: string) => dig(make("guild"), "definitions", table, "properties", name);
    expect(property("members", "id")).toEqual({
      description: "Note:\nThis is a Primary Key.<pk/>",
      format: "int64",
      type: "integer",
    });
    expect(property("members", "fee")).toEqual({
      default: 0,
      description: "Yearly, in euros.",
      format: "numeric",
      type: "number",
    });
    expect(property("open_commissions", "customer_id")?.["description"]).toBe(
      "Note:\nThis is a Foreign Key to `customers.id`.<fk table='customers' column='id'/>",
    );
    expect(property("commissions", "master_id")?.["description"]).toContain("`members.id`");
    expect(property("members", "rank")).toEqual({
      default: "apprentice",
      enum: ["apprentice", "journeyman", "master", "warden"],
      format: "guild.rank",
      type: "string",
    });
    expect(property("addresses", "country")).toEqual({
      default: "NL",
      maxLength: 2,
      format: "character",
      type: "string",
    });
    expect(property("crafts", "colors")).toEqual({ format: "text[]", type: "array", items: { type: "string" } });
    expect(dig(make("guild"), "definitions", "crafts")?.["required"]).toEqual(["code", "name", "is_messy", "colors"]);
    expect(dig(make("guild"), "definitions", "active_members")?.["required"]).toBeUndefined();
  });

  test("operations refer to parameters by name", () => {
    const { paths } = make("guild");
    const refs = (list: unknown) => (list as { $ref: string }[]).map(({ $ref }) => $ref.replace("#/parameters/", ""));
    expect(refs(dig(paths, "/holidays", "get")?.["parameters"])).toEqual([
      "rowFilter.holidays.day",
      "select",
      "order",
      "range",
      "rangeUnit",
      "offset",
      "limit",
      "preferCount",
    ]);
    expect(refs(dig(paths, "/holidays", "post")?.["parameters"])).toEqual(["body.holidays", "select", "preferPost"]);
    expect(Object.keys(dig(paths, "/commission_totals")!)).toEqual(["get"]);
    expect(dig(paths, "/members", "get")?.["summary"]).toBe("Everyone who is or was a member.");
  });

  test("functions: arguments in the query and in the body", () => {
    const { paths } = make("guild");
    expect(dig(paths, "/rpc/sum_all", "get")?.["parameters"]).toEqual([
      {
        name: "numbers",
        in: "query",
        required: true,
        type: "array",
        collectionFormat: "multi",
        items: { type: "integer", format: "int32" },
      },
    ]);
    expect(dig(paths, "/rpc/by_ranks", "get")?.["parameters"]).toEqual([
      { name: "ranks", in: "query", required: true, type: "string", format: "rank[]" },
    ]);
    expect(dig(paths, "/rpc/by_ranks", "post", "parameters", "0", "schema")?.["properties"]).toEqual({
      ranks: { type: "array", format: "rank[]", items: { type: "string" } },
    });
    expect(dig(paths, "/rpc/open_ticket", "get")).toBeUndefined();
    expect(dig(paths, "/rpc/open_ticket", "post", "parameters", "0", "schema")).toEqual({
      required: ["subject"],
      properties: { subject: { format: "text", type: "string" }, priority: { format: "int32", type: "integer" } },
      type: "object",
    });
    expect(dig(paths, "/rpc/add_them", "post")).toMatchObject({
      tags: ["(rpc) add_them"],
      summary: "The sum of two numbers.",
    });
  });
});
