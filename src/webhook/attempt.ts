import { readVersion } from "../config.ts";
import { RowhouseError } from "../errors.ts";
import type { CheckedAnswer, CheckedFetch } from "../net/checked-fetch.ts";
import type { ClaimedDelivery, Outcome } from "./delivery.ts";
import { renderEvent } from "./event.ts";
import { signHeaders } from "./signature.ts";

/** What receivers may take; the specification advises 15 to 30 seconds. */
const TIMEOUT_MS = 15_000;
const MAX_ANSWER_BYTES = 65_536;
const EXCERPT = 500;

/** PostgreSQL takes no NUL in text, and whoever reads it has a terminal. */
const excerptOf = (body: Buffer) =>
  body
    .toString("utf8")
    .slice(0, EXCERPT)
    .replaceAll(/[^\P{Cc}\n\t]/gu, " ");

function readRetryAfter(value: string | undefined): number | null {
  return value !== undefined && /^\d{1,9}$/.test(value) ? Number(value) : null;
}

/** 2xx is delivered, and nothing else: a redirect would lead to an address that nobody entered. Pure. */
export function judge({ status, headers, body }: CheckedAnswer): Outcome {
  const response = excerptOf(body);
  if (status >= 200 && status < 300) return { kind: "delivered", status, response };
  const isRedirect = status >= 300 && status < 400;
  const error = isRedirect ? `Redirects are not followed (${status})` : `The receiver answered ${status}`;
  return { kind: "failed", status, error, response, retryAfter: readRetryAfter(headers["retry-after"]) };
}

/** What to write down of an error, with the reason below it: `gave no answer: connect ECONNREFUSED …`. */
function reasonOf({ message, cause }: RowhouseError): string {
  const below = cause instanceof Error && cause.name !== "TimeoutError" ? cause.message : "";
  return below === "" || message.includes(below) ? message : `${message}: ${below}`;
}

/**
 * One try. Never rejects.
 * @param signal stops it
 * @param timeoutMs for the whole answer; 15 seconds when left out
 */
export async function attempt(
  fetch: CheckedFetch,
  delivery: ClaimedDelivery,
  signal: AbortSignal,
  timeoutMs = TIMEOUT_MS,
): Promise<Outcome> {
  const body = renderEvent(delivery);
  const timestamp = Math.floor(Date.now() / 1000);
  const headers = {
    "content-type": "application/json",
    "content-length": String(Buffer.byteLength(body)),
    "user-agent": `Rowhouse/${readVersion()}`,
    ...signHeaders({ id: delivery.eventId, timestamp, body }, delivery.secrets),
  };
  try {
    const request = { method: "POST", headers, body, maxBytes: MAX_ANSWER_BYTES, timeoutMs, signal };
    return judge(await fetch(delivery.url, request));
  } catch (error) {
    if (signal.aborted) return { kind: "stopped" };
    const reason = error instanceof RowhouseError ? reasonOf(error) : String(error);
    return { kind: "failed", status: null, error: reason, response: null, retryAfter: null };
  }
}
