import { RowhouseError } from "../errors.ts";
import { isDeeper, MAX_DEPTH } from "../rest/request/json-body.ts";

/** PostgreSQL keeps neither U+0000 nor half a surrogate pair (manual, 8.14). */
const isStorable = (text: string) => !text.includes("\0") && text.isWellFormed();

/** To be called once it is known not to be nested deep: it recurses. */
function holdsUnstorable(value: unknown): boolean {
  if (typeof value === "string") return !isStorable(value);
  if (typeof value !== "object" || value === null) return false;
  return Object.entries(value).some(([name, member]) => !isStorable(name) || holdsUnstorable(member));
}

/**
 * What a body of JSON says, parsed once: what is checked is what is done (threats.md, H17). Whatever would break a reader further in, as
 * deep nesting (H22), is refused here.
 * @throws RowhouseError of the kind
 */
export function parseJson(bytes: Buffer, kind: "bodyInvalid" | "requestInvalid"): unknown {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString("utf8"));
  } catch (cause) {
    throw new RowhouseError(kind, { message: "The body is not JSON", cause });
  }
  if (isDeeper(value, MAX_DEPTH))
    throw new RowhouseError(kind, {
      message: "The body is nested too deep",
      details: `At most ${MAX_DEPTH} levels are accepted.`,
    });
  if (holdsUnstorable(value))
    throw new RowhouseError(kind, {
      message: "The body holds a null character, or half of a surrogate pair",
      hint: "No column can keep either.",
    });
  return value;
}
