import { z } from "zod";
import { readVersion } from "../../config.ts";
import { WEBHOOK_EVENTS } from "../../webhook/event.ts";
import { PLATFORM_PATH } from "../router.ts";
import type { Operation } from "./operation.ts";

const problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number(),
  code: z.string(),
  detail: z.string().nullable(),
  hint: z.string().nullable(),
  request_id: z.string(),
});

const PROBLEM = { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } };
const REFUSALS: Readonly<Record<string, string>> = {
  400: "The request does not fit its description",
  401: "The token is missing or not good",
  403: "The operator's role may not do this",
  404: "There is no such thing",
  409: "It does not go with what is there",
  default: "Another refusal; docs/reference/errors.md lists the codes",
};

/** Without the mark of the JSON Schema dialect: OpenAPI 3.1 has that one by default. */
function schemaOf(shape: z.ZodType, io: "input" | "output"): Record<string, unknown> {
  const { $schema: _, ...schema } = z.toJSONSchema(shape, { target: "draft-2020-12", io, unrepresentable: "any" });
  return schema;
}

const json = (shape: z.ZodType, io: "input" | "output") => ({ "application/json": { schema: schemaOf(shape, io) } });

function parametersOf({ method, path, query, permission }: Operation): unknown[] {
  const inPath = [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
  }));
  const shape = query === undefined ? {} : (schemaOf(query, "input") as { properties?: object; required?: string[] });
  const required = new Set("required" in shape ? shape.required : []);
  const inQuery = Object.entries(("properties" in shape ? shape.properties : undefined) ?? {}).map(
    ([name, schema]) => ({
      name,
      in: "query",
      required: required.has(name),
      schema: schema as unknown,
    }),
  );
  const key = { name: "Idempotency-Key", in: "header", required: false, schema: { type: "string", maxLength: 255 } };
  return [...inPath, ...inQuery, ...(method === "POST" && permission !== null ? [key] : [])];
}

function describe(operation: Operation): unknown {
  const { tag, summary, permission, status = 200, answer, body, query } = operation;
  const isPaged = query !== undefined && "after" in query.shape;
  const link = isPaged ? { headers: { Link: { schema: { type: "string" }, description: "rel=next (RFC 8288)" } } } : {};
  const refusals = Object.entries(REFUSALS).map(([code, description]) => [code, { description, content: PROBLEM }]);
  const parameters = parametersOf(operation);
  return {
    tags: [tag],
    summary,
    ...(permission !== null && permission !== "any" && { description: `Permission: ${permission}.` }),
    ...(permission === null && { security: [] }),
    ...(parameters.length > 0 && { parameters }),
    ...(body !== undefined && { requestBody: { required: true, content: json(body, "input") } }),
    responses: {
      [status]: { description: summary, ...link, ...(answer !== undefined && { content: json(answer, "output") }) },
      ...Object.fromEntries(refusals),
    },
  };
}

/** What is sent to webhooks; OpenAPI 3.1 has a place for it. */
function describeWebhooks(): Record<string, unknown> {
  const header = (name: string) => ({ name, in: "header", required: true, schema: { type: "string" } });
  const parameters = ["webhook-id", "webhook-timestamp", "webhook-signature"].map(header);
  const responses = { "2XX": { description: "Taken; anything else is sent again" } };
  const describeOne = (type: string, summary: string) => {
    const body = z.object({
      type: z.literal(type),
      timestamp: z.iso.datetime(),
      sequence: z.string(),
      data: z.looseObject({}),
    });
    return {
      post: {
        tags: ["Webhooks"],
        summary,
        security: [],
        parameters,
        requestBody: { content: json(body, "output") },
        responses,
      },
    };
  };
  return Object.fromEntries(
    Object.entries(WEBHOOK_EVENTS).map(([type, summary]) => [type, describeOne(type, summary)]),
  );
}

/** The platform API as OpenAPI 3.1, made of its operations. Pure. @param origin as `https://admin.example.com` */
export function describePlatform(operations: readonly Operation[], origin: string): object {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const operation of operations) {
    const path = operation.path.replaceAll(/:(\w+)/g, "{$1}");
    (paths[path] ??= {})[operation.method.toLowerCase()] = describe(operation);
  }
  return {
    openapi: "3.1.1",
    info: { title: "Rowhouse platform API", version: readVersion() },
    servers: [{ url: origin + PLATFORM_PATH }],
    security: [{ operator: [] }],
    paths,
    webhooks: describeWebhooks(),
    components: {
      schemas: { Problem: schemaOf(problem, "output") },
      securitySchemes: { operator: { type: "http", scheme: "bearer", description: "From POST /sessions" } },
    },
  };
}
