import type { Catalog } from "../catalog/catalog.ts";
import type { Statement, StatementResult } from "../db/statement.ts";
import { RowhouseError } from "../errors.ts";
import { parseRequest, type ApiRequest, type RestRequest } from "./request/request.ts";
import { respondOptions, respondRead, respondWrite, type RestAnswer } from "./response/response.ts";
import { renderRead } from "./statement/read.ts";
import type { WriteShape } from "./statement/refusal.ts";
import { renderWrite } from "./statement/write.ts";
import type { WriterOptions } from "./statement/writer.ts";
import { findRelation } from "./target/names.ts";
import { resolveRead } from "./target/resolve.ts";
import { resolveWrite } from "./target/resolve-write.ts";

export type { RestRequest } from "./request/request.ts";
export type { RestAnswer } from "./response/response.ts";

export interface RestLimits {
  /** Rows of one answer, and of one embed in it. */
  readonly maxRows: number;
  /** Rows of one body. */
  readonly maxInsertRows: number;
  readonly maxEmbeds: number;
  /** Embeds within embeds. */
  readonly maxDepth: number;
}

export interface RestContext {
  readonly catalog: Catalog;
  readonly tenantId: string;
  readonly limits: RestLimits;
  /** Runs in the tenant's context, in one round trip and one transaction. */
  readonly run: (access: "read" | "write", statements: readonly Statement[]) => Promise<StatementResult[]>;
  /** False only in the test which proves that row-level security alone decides. */
  readonly explicitTenant?: boolean;
  /** `/rest/v1`, for `Location`. */
  readonly basePath: string;
}

/** The schema that supabase-js asks for when nobody told it another. */
const DEFAULT_PROFILE = "public";

function checkProfile({ method, headers }: RestRequest, { schema }: Catalog): void {
  const profile = headers[method === "GET" || method === "HEAD" ? "accept-profile" : "content-profile"];
  if (profile === undefined || profile === schema || profile === DEFAULT_PROFILE) return;
  throw new RowhouseError("profileUnknown", {
    message: `Invalid schema: ${profile}`,
    hint: `Only the following schemas are exposed: ${schema}`,
  });
}

function relationName([first, ...rest]: readonly string[]): string {
  if (first === undefined || first === "") {
    throw new RowhouseError("featureUnsupported", {
      message: "The root of the API does not answer yet",
      hint: "Its description is at /openapi.json.",
    });
  }
  if (first === "rpc" && rest.length === 1) {
    throw new RowhouseError("featureUnsupported", { message: "Calling functions (/rpc) is not supported yet" });
  }
  if (rest.length > 0) throw new RowhouseError("pathInvalid", { message: "Invalid path specified in request URL" });
  return first;
}

async function runOne({ run }: RestContext, access: "read" | "write", statement: Statement): Promise<StatementResult> {
  const [result] = await run(access, [statement]);
  if (result === undefined) throw new RowhouseError("internal");
  return result;
}

function writerOptions({ catalog, tenantId, explicitTenant }: RestContext): WriterOptions {
  return { schema: catalog.schema, tenantId, isExplicit: explicitTenant !== false };
}

async function answerRead(request: ApiRequest, context: RestContext): Promise<RestAnswer> {
  const { catalog, limits } = context;
  const target = resolveRead(request, catalog, limits);
  // A planner's estimate would tell of other tenants' rows: planned and estimated are answered exactly (threats.md, 5).
  const wantsTotal = request.preferences.count !== null;
  const shape = { media: request.media, wantsBody: request.wantsBody, wantsTotal, maxRows: limits.maxRows };
  return respondRead(request, await runOne(context, "read", renderRead(target, shape, writerOptions(context))));
}

function writeShape({ media, preferences, verb }: ApiRequest, limits: RestLimits): WriteShape {
  const isLocated = preferences.return === "headers-only" && verb === "insert";
  return {
    media,
    answers: preferences.return === "representation" ? "body" : isLocated ? "location" : "count",
    maxAffected: preferences.handling === "strict" ? preferences.maxAffected : null,
    maxRows: Math.max(limits.maxRows, limits.maxInsertRows),
  };
}

async function answerWrite(request: ApiRequest, context: RestContext): Promise<RestAnswer> {
  const target = resolveWrite(request, context.catalog, context.limits);
  const statement = renderWrite(target, writeShape(request, context.limits), writerOptions(context));
  return respondWrite(request, target, await runOne(context, "write", statement), context.basePath);
}

/**
 * One request of the dialect, from its bytes to its answer: request → target → statement → response, each a value; the database is asked
 * once, at the end.
 * @throws RowhouseError of the stages 1 (`PGRST1xx`, `RH1xx`) and 2 (`PGRST2xx`); DatabaseError. {@link restError} makes answers of them.
 */
export async function answerRest(request: RestRequest, context: RestContext): Promise<RestAnswer> {
  const name = relationName(request.path);
  checkProfile(request, context.catalog);
  if (request.method === "OPTIONS") return respondOptions(findRelation(context.catalog, name).verbs);
  const parsed = parseRequest(request, name, context.limits.maxInsertRows);
  return parsed.verb === "read" ? answerRead(parsed, context) : answerWrite(parsed, context);
}
