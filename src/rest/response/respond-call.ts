import type { StatementResult } from "../../db/statement.ts";
import type { CallRequest } from "../request/call.ts";
import { decodeBody } from "../request/media.ts";
import { appliedPreferences } from "../request/preferences.ts";
import type { CallTarget } from "../target/resolve-call.ts";
import { warningHeader } from "../target/warnings.ts";
import { readTotal } from "./content-range.ts";
import { respondPlan } from "./plan.ts";
import { respondRange, type RestAnswer } from "./response.ts";

const KEPT = new Set(["maxAffected"] as const);

/** A function that returns no set has one result, whatever the filters leave of it (PostgREST, pageCountSelectF). */
function countOf({ shape }: CallTarget, counted: string | null | undefined): number {
  return shape === "rows" || shape === "scalars" ? Number(counted) : 1;
}

/**
 * What a call answers.
 * @param result of the statement that `renderCall` made
 */
export function respondCall(request: CallRequest, target: CallTarget, result: StatementResult): RestAnswer {
  const { range, preferences, wantsBody } = request;
  const { media, routine, read } = target;
  if (media.plan !== null) return respondPlan(media, result);
  const [row = []] = result.rows;
  const total = readTotal(row[2], null, 0);
  const { status, contentRange, refusal } = respondRange(range.offset, countOf(target, row[0]), total);
  const headers: Record<string, string> = { "content-range": contentRange };
  const applied = appliedPreferences(preferences, KEPT);
  if (applied !== undefined) headers["preference-applied"] = applied;
  if (routine.returns.kind === "void") return { status: 204, headers, body: null };
  const warning = warningHeader(read);
  if (warning !== undefined) headers["warning"] = warning;
  headers["content-type"] = refusal === null ? media.contentType : "application/json; charset=utf-8";
  return { status, headers, body: wantsBody ? (refusal ?? decodeBody(media, row[1] ?? null)) : null };
}
