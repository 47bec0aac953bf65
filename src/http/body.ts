import type { IncomingMessage } from "node:http";
import getRawBody, { type RawBodyError } from "raw-body";
import { RowhouseError } from "../errors.ts";

function tooLarge(limit: number): RowhouseError {
  return new RowhouseError("bodyTooLarge", {
    details: `At most ${limit} bytes`,
    hint: "Send the rows in several requests.",
  });
}

/** Whether a body comes at all (RFC 9112 6.3). */
function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || (headers["content-length"] ?? "0") !== "0";
}

/**
 * @param limit bytes
 * @returns the body as sent; null without one
 * @throws RowhouseError bodyTooLarge, bodyInvalid when it breaks off
 */
export function readBody(request: IncomingMessage, limit: number): Promise<Buffer> | null {
  return hasBody(request) ? takeBody(request, limit) : null;
}

async function takeBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  const length = request.headers["content-length"];
  if (Number(length) > limit) throw tooLarge(limit);
  try {
    return await getRawBody(request, { length, limit });
  } catch (error) {
    const { type } = error as RawBodyError;
    if (type === "entity.too.large") throw tooLarge(limit);
    throw new RowhouseError("bodyInvalid", { message: "The request body broke off", cause: error });
  }
}
