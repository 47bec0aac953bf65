import type { IncomingMessage } from "node:http";
import type { Denials } from "../../audit/denials.ts";
import { recordEvent } from "../../audit/events.ts";
import { readCredentials } from "../../auth/credentials.ts";
import {
  beginKeyed,
  dropKey,
  holdKey,
  keepAnswer,
  type KeyedRequest,
  type StoredAnswer,
} from "../../auth/idempotency.ts";
import { OPERATOR_PERMISSIONS, type OperatorPermission } from "../../auth/operator-permissions.ts";
import { authenticateOperator, type AuthenticatedOperator } from "../../auth/operator-sessions.ts";
import { actorOf } from "../../auth/operators.ts";
import type { ConnectionPool } from "../../db/connections.ts";
import { RowhouseError } from "../../errors.ts";
import type { Readiness } from "../readiness.ts";
import type { RequestContext } from "../request-state.ts";
import { PLATFORM_PATH } from "../router.ts";
import { MethodRefused, openMatcher, type Match } from "./match.ts";
import type { Answer, Call, Operation } from "./operation.ts";
import { readJson, readQuery } from "./read.ts";

export interface PlatformServing {
  readonly operations: readonly Operation[];
  /** Connections of rowhouse_platform. */
  readonly pool: ConnectionPool;
  readonly readiness: Readiness;
  readonly denials: Denials;
  /** Of whoever sent the request. */
  readonly addressOf: (request: IncomingMessage) => string | null;
  readonly onError: (error: unknown) => void;
}

const KEY = /^[\x21-\x7e]{1,255}$/;

/** @throws RowhouseError operatorUnauthorized */
async function identify(ctx: RequestContext, pool: ConnectionPool): Promise<AuthenticatedOperator> {
  const { authorization } = ctx.req.headers;
  const given = authorization === undefined ? null : readCredentials({ authorization: [authorization] });
  return authenticateOperator(pool, given?.token ?? null);
}

/** @throws RowhouseError operatorDenied */
function permit({ operator }: AuthenticatedOperator, permission: OperatorPermission | "any"): void {
  if (permission === "any" || OPERATOR_PERMISSIONS[operator.role].has(permission)) return;
  throw new RowhouseError("operatorDenied", {
    message: `The role ${operator.role} may not do this`,
    details: `Missing permission: ${permission}`,
    hint: "An operator with the role owner can give you another role.",
  });
}

/** What is sent, as text: the same for a client that repeats its request. */
function render(ctx: RequestContext, { status = 200, path }: Operation, answer: Answer): StoredAnswer {
  const headers: Record<string, string> = {};
  if (answer.next !== undefined) {
    const query = new URLSearchParams(ctx.querystring);
    query.set("after", answer.next);
    headers["Link"] = `<${ctx.path}?${query}>; rel="next"`; // RFC 8288
  }
  if (answer.location !== undefined) headers["Location"] = PLATFORM_PATH + answer.location;
  if (answer.body !== undefined)
    headers["Content-Type"] = path === "/openapi.json" ? "application/openapi+json" : "application/json";
  const body = answer.body === undefined ? "" : JSON.stringify(answer.body);
  return { status: answer.status ?? status, headers, body };
}

function send(ctx: RequestContext, { status, headers, body }: StoredAnswer): void {
  ctx.status = status;
  if (body !== "") ctx.body = body;
  ctx.set(headers);
}

/** The answer as it is kept: what is shown once is null in it. */
function withoutSecrets(answer: StoredAnswer, secrets: readonly string[] | undefined): StoredAnswer {
  if (secrets === undefined || answer.body === "") return answer;
  const hidden = Object.fromEntries(secrets.map((name) => [name, null]));
  return { ...answer, body: JSON.stringify({ ...(JSON.parse(answer.body) as object), ...hidden }) };
}

function keyOf(ctx: RequestContext, operatorId: string, digest: Buffer): KeyedRequest | null {
  const key = ctx.req.headers["idempotency-key"];
  if (key === undefined || ctx.method !== "POST") return null;
  // The draft's syntax is a quoted string (RFC 9651); many clients send the bare word.
  const bare = typeof key === "string" ? key.trim().replace(/^"(.*)"$/, "$1") : "";
  if (!KEY.test(bare))
    throw new RowhouseError("requestInvalid", { message: "The Idempotency-Key is not 1 to 255 printable characters" });
  return { operatorId, key: bare, digest };
}

/** Runs what an Idempotency-Key names once. Only what took place is kept: a refusal may turn out otherwise next time. */
async function runOnce(
  { pool, onError }: PlatformServing,
  request: KeyedRequest,
  { secrets }: Operation,
  run: () => Promise<StoredAnswer>,
): Promise<StoredAnswer> {
  const before = await beginKeyed(pool, request);
  if (before !== null) return { ...before, headers: { ...before.headers, "Idempotent-Replayed": "true" } };
  const endHold = holdKey(pool, request, onError);
  try {
    const answer = await run();
    // It took place: its answer is given all the same.
    await keepAnswer(pool, request, withoutSecrets(answer, secrets)).catch(onError);
    return answer;
  } catch (error) {
    await dropKey(pool, request).catch(() => {}); // it lapses by itself
    throw error;
  } finally {
    endHold();
  }
}

async function answerCall(
  ctx: RequestContext,
  serving: PlatformServing,
  { operation, params }: Match,
  known: AuthenticatedOperator | null,
): Promise<void> {
  const query = readQuery(ctx, operation.query);
  const { body, digest } = await readJson(ctx, operation.body);
  const call: Call = {
    params,
    query,
    body,
    operator: known?.operator ?? null,
    sessionId: known?.sessionId ?? null,
    actor: ctx.state.actor,
    visitor: { address: serving.addressOf(ctx.req), userAgent: ctx.req.headers["user-agent"] ?? null },
    requestId: ctx.state.requestId,
  };
  const run = async () => render(ctx, operation, await operation.handle(call));
  const keyed = known === null ? null : keyOf(ctx, known.operator.id, digest);
  send(ctx, keyed === null ? await run() : await runOnce(serving, keyed, operation, run));
}

/** Every use is noted (threats.md, H27): who, which operation, which tenant it names, and what came of it. */
async function note(
  { pool, denials }: PlatformServing,
  ctx: RequestContext,
  match: Match,
  error: unknown,
): Promise<void> {
  const { actor, requestId, route } = ctx.state;
  const { tenant } = match.params;
  const details = { method: ctx.method, route, ...(tenant !== undefined && { tenant: tenant.slice(0, 100) }) };
  const event = { action: "operator.request", actor, requestId };
  if (error === null)
    return recordEvent(pool, { ...event, outcome: "success", details: { ...details, status: ctx.status } });
  const { code } = error instanceof RowhouseError ? error : { code: "RH900" };
  // Of strangers, too, no more than so many are written: what they send costs them nothing.
  const isDenied = error instanceof RowhouseError && (error.status === 401 || error.status === 403);
  if (isDenied || !actor.startsWith("operator:")) return denials.record({ ...event, details: { ...details, code } });
  return recordEvent(pool, { ...event, outcome: "failure", details: { ...details, code } });
}

/** `/platform/v1/…` on the admin host: which operation, who asks and may they, what is in the request, once, and a note of it. */
export function servePlatform(serving: PlatformServing): (ctx: RequestContext) => Promise<void> {
  const match = openMatcher(serving.operations);
  const { pool } = serving;
  return async (ctx) => {
    await serving.readiness.admit();
    let found: Match;
    try {
      found = match(ctx.method, ctx.path);
    } catch (error) {
      if (error instanceof MethodRefused) ctx.set("Allow", error.allow);
      throw error;
    }
    const { permission, path } = found.operation;
    ctx.state.route = PLATFORM_PATH + path;
    let failure: unknown = null;
    try {
      const known = permission === null ? null : await identify(ctx, pool);
      if (known !== null) ctx.state.actor = actorOf(known.operator);
      if (known !== null && permission !== null) permit(known, permission);
      await answerCall(ctx, serving, found, known);
    } catch (error) {
      failure = error;
      if (error instanceof RowhouseError && error.kind === "operatorUnauthorized")
        ctx.set("WWW-Authenticate", 'Bearer realm="rowhouse platform"'); // RFC 6750 3
      throw error;
    } finally {
      if (permission !== null || failure !== null) await note(serving, ctx, found, failure).catch(serving.onError);
    }
  };
}
