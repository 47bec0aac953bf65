import type { Catalog, Parameter, Returns, Routine } from "../catalog/catalog.ts";
import { parameter, type Json } from "./openapi-parameter.ts";
import { profileParameter, type Described } from "./openapi-paths.ts";
import { READ_FAILURES, rowsContent, WRITE_FAILURES } from "./openapi-response.ts";
import { rowSchema, schemaRef, valueSchema } from "./openapi-schema.ts";

/** The tag of all functions. */
export const ROUTINES = "rpc";

/** What the body is when a function's one parameter has no name. */
const WHOLE_BODY: ReadonlyMap<string, string> = new Map([
  ["json", "application/json"],
  ["jsonb", "application/json"],
  ["text", "text/plain"],
  ["xml", "text/xml"],
  ["bytea", "application/octet-stream"],
]);

function rowsOf({ relation, isServed }: Extract<Returns, { kind: "rows" }>, { schema }: Catalog): Json {
  return isServed && relation.schema === schema ? schemaRef(relation.name) : rowSchema(relation);
}

function contentOf(returns: Exclude<Returns, { kind: "void" }>, catalog: Catalog): Json {
  if (returns.kind === "rows") {
    const items = rowsOf(returns, catalog);
    return returns.isSet ? rowsContent(items) : { "application/json": { schema: items } };
  }
  const { mediaType, castType, isSet } = returns;
  if (mediaType !== null)
    return { [mediaType === "*/*" ? "application/octet-stream" : mediaType]: { schema: { type: "string" } } };
  const value = valueSchema(castType);
  return { "application/json": { schema: isSet ? { type: "array", items: value } : value } };
}

function responsesOf({ returns, volatility }: Routine, catalog: Catalog): Json {
  const failures = volatility === "volatile" ? WRITE_FAILURES : READ_FAILURES;
  if (returns.kind === "void") return { 204: { description: "Done." }, ...failures };
  return { 200: { description: "What it returns.", content: contentOf(returns, catalog) }, ...failures };
}

function argumentsSchema({ parameters, comment }: Routine): Json {
  const required = parameters.filter(({ isRequired }) => isRequired).map(({ name }) => name);
  return {
    type: "object",
    ...(comment !== null && { description: comment }),
    properties: Object.fromEntries(parameters.map(({ name, castType }) => [name, valueSchema(castType)])),
    ...(required.length > 0 && { required }),
  };
}

/** Overloads differ in their bodies: one of them has to fit. */
function bodyOf(overloads: readonly Routine[]): Json {
  const [unnamed] = overloads.flatMap(({ parameters }) => parameters.filter(({ name }) => name === ""));
  const named = overloads.filter(({ parameters }) => parameters.every(({ name }) => name !== "")).map(argumentsSchema);
  const content: Record<string, Json> = {};
  if (named.length > 0) content["application/json"] = { schema: named.length > 1 ? { anyOf: named } : named[0] };
  if (unnamed !== undefined)
    content[WHOLE_BODY.get(unnamed.type) ?? "application/json"] ??= { schema: valueSchema(unnamed.castType) };
  return { required: overloads.every(({ parameters }) => parameters.some(({ isRequired }) => isRequired)), content };
}

function queryParameter({ name, castType, isVariadic }: Parameter, required: boolean): Json {
  const schema = valueSchema(castType);
  const isArray = schema["type"] === "array";
  return {
    name,
    in: "query",
    required,
    ...(isArray && isVariadic && { description: "May be given several times.", style: "form", explode: true }),
    ...(isArray && !isVariadic && { description: "In braces: `{a,b}`." }),
    schema: isArray && !isVariadic ? { type: "string" } : schema,
  };
}

/** Those of all overloads; required is what every one of them wants. */
function queryParameters(overloads: readonly Routine[]): Json[] {
  const all = overloads.flatMap(({ parameters }) => parameters).filter(({ name }) => name !== "");
  return [...Map.groupBy(all, ({ name }) => name).values()].map((same) =>
    queryParameter(same[0]!, same.length === overloads.length && same.every(({ isRequired }) => isRequired)),
  );
}

/** The operations of the functions of one name. Those that may write are called by POST alone. */
export function routinePath(overloads: readonly Routine[], described: Described): Json {
  const [first] = overloads;
  if (first === undefined) return {};
  const { name, comment } = first;
  const ofRows = overloads.some(({ returns }) => returns.kind === "rows");
  const shaping = ofRows ? ["select", "order", "limit", "offset"].map(parameter) : [];
  const operation = {
    summary: `Call ${name}`,
    ...(comment !== null && { description: comment }),
    tags: [ROUTINES],
    responses: responsesOf(first, described.catalog),
  };
  const readable = overloads.filter(({ volatility }) => volatility !== "volatile");
  const get = {
    ...operation,
    parameters: [
      ...queryParameters(readable),
      ...shaping.filter(
        ({ $ref }) =>
          !readable.some(({ parameters }) => parameters.some((each) => String($ref).endsWith(`/${each.name}`))),
      ),
      parameter("preferRead"),
      ...profileParameter(described, "acceptProfile"),
    ],
  };
  const post = {
    ...operation,
    parameters: [
      ...shaping,
      ...["preferRead", "idempotencyKey"].map(parameter),
      ...profileParameter(described, "contentProfile"),
    ],
    requestBody: bodyOf(overloads),
  };
  return { ...(readable.length > 0 && { get }), post };
}
