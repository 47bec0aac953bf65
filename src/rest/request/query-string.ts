import { RowhouseError } from "../../errors.ts";

/** A `%` that begins no escape: it stands for itself, as in `like.%plan%` typed by hand (WHATWG URL, percent-decode). */
const LONE_PERCENT = /%(?![0-9a-f]{2})/gi;

function decode(text: string): string {
  if (!text.includes("%") && !text.includes("+")) return text;
  try {
    return decodeURIComponent(text.replaceAll("+", " ").replaceAll(LONE_PERCENT, "%25"));
  } catch (cause) {
    throw new RowhouseError("requestMalformed", {
      message: "The query string is not percent-encoded UTF-8",
      details: text.slice(0, 200),
      cause,
    });
  }
}

/**
 * Names and values in the order given, decoded. A parameter without `=` has none to say and is left out, as PostgREST does.
 * @throws RowhouseError requestMalformed
 */
export function splitQuery(query: string): [name: string, value: string][] {
  const params: [string, string][] = [];
  if (query === "") return params;
  for (const part of query.split("&")) {
    const at = part.indexOf("=");
    if (at < 1) continue;
    params.push([decode(part.slice(0, at)), decode(part.slice(at + 1))]);
  }
  return params;
}
