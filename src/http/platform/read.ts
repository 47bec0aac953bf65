import { createHash } from "node:crypto";
import type { z } from "zod";
import { RowhouseError } from "../../errors.ts";
import { readBody } from "../body.ts";
import { parseJson } from "../json.ts";
import type { RequestContext } from "../request-state.ts";

const MAX_BODY_BYTES = 262_144;

function refuse(where: string, error: z.ZodError): RowhouseError {
  const details = error.issues
    .map(({ path, message }) => (path.length === 0 ? message : `${path.join(".")}: ${message}`))
    .join("; ");
  return new RowhouseError("requestInvalid", {
    message: `The ${where} does not fit its description`,
    details,
    hint: "The description is at /platform/v1/openapi.json.",
  });
}

/** @throws RowhouseError requestInvalid */
export function readQuery(ctx: RequestContext, schema: z.ZodObject | undefined): unknown {
  const params = new URLSearchParams(ctx.querystring);
  const names = [...params.keys()];
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined)
    throw new RowhouseError("requestInvalid", {
      message: `The query names ${JSON.stringify(twice.slice(0, 50))} twice`,
    });
  if ([...params.values()].some((value) => value.includes("\0")))
    throw new RowhouseError("requestInvalid", { message: "The query holds a null character" });
  if (schema === undefined) return {};
  const parsed = schema.strict().safeParse(Object.fromEntries(params));
  if (parsed.success) return parsed.data;
  throw refuse("query", parsed.error);
}

export interface ReadBody {
  readonly body: unknown;
  /** SHA-256 of method, path and body, by which a repeated request is known. */
  readonly digest: Buffer;
}

/**
 * The body as its schema has it. Only JSON, and only when it says so: a form of another site can't send that unasked (CWE-352).
 * @throws RowhouseError requestInvalid, bodyTooLarge
 */
export async function readJson(ctx: RequestContext, schema: z.ZodType | undefined): Promise<ReadBody> {
  const bytes = (await readBody(ctx.req, MAX_BODY_BYTES)) ?? Buffer.alloc(0);
  const digest = createHash("sha256").update(`${ctx.method} ${ctx.path}\n`).update(bytes).digest();
  if (bytes.length > 0 && !/^application\/(?:[\w.+-]+\+)?json *(;|$)/i.test(ctx.get("Content-Type")))
    throw new RowhouseError("requestInvalid", { message: "The body is not of type application/json" });
  if (schema === undefined) return { body: undefined, digest };
  const parsed = schema.safeParse(bytes.length === 0 ? {} : parseJson(bytes, "requestInvalid"));
  if (!parsed.success) throw refuse("body", parsed.error);
  return { body: parsed.data, digest };
}
