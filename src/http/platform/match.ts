import { RowhouseError } from "../../errors.ts";
import { listMethods, PLATFORM_PATH } from "../router.ts";
import type { Operation } from "./operation.ts";

export interface Match {
  readonly operation: Operation;
  readonly params: Readonly<Record<string, string>>;
}

interface Pattern {
  readonly segments: readonly string[];
  readonly byMethod: Map<string, Operation>;
}

function decode(segment: string): string {
  let text: string;
  try {
    text = decodeURIComponent(segment);
  } catch (cause) {
    throw new RowhouseError("requestInvalid", { message: "The path has a percent sign that encodes nothing", cause });
  }
  if (!text.includes("\0")) return text;
  throw new RowhouseError("requestInvalid", { message: "The path holds a null character" });
}

/** The parameters, if the path fits the pattern: as many segments, and the same ones where the pattern names them. Pure. */
function fit(pattern: readonly string[], segments: readonly string[]): Record<string, string> | null {
  if (pattern.length !== segments.length) return null;
  const params: Record<string, string> = {};
  for (const [index, wanted] of pattern.entries()) {
    const segment = segments[index]!;
    if (!wanted.startsWith(":")) {
      if (wanted !== segment) return null;
    } else {
      params[wanted.slice(1)] = decode(segment);
    }
  }
  return params;
}

/** A method that the path does not take: the answer says which it does (RFC 9110 15.5.6). */
export class MethodRefused extends RowhouseError {
  readonly allow: string;

  constructor(allow: string) {
    super("methodUnsupported", { hint: `It takes ${allow}.` });
    this.allow = allow;
  }
}

/**
 * Which operation a request is. Patterns without parameters come before those with some.
 * @returns a function of method and path, which throws RowhouseError routeUnknown, methodUnsupported, requestInvalid
 */
export function openMatcher(operations: readonly Operation[]): (method: string, path: string) => Match {
  const patterns = new Map<string, Pattern>();
  for (const operation of operations) {
    const known = patterns.get(operation.path) ?? { segments: operation.path.split("/").slice(1), byMethod: new Map() };
    known.byMethod.set(operation.method, operation);
    patterns.set(operation.path, known);
  }
  const variable = (path: string) => Number(path.includes("/:"));
  const ordered = [...patterns].toSorted(([a], [b]) => variable(a) - variable(b)).map(([, pattern]) => pattern);
  return (method, path) => {
    const segments = path.slice(PLATFORM_PATH.length).split("/").slice(1);
    for (const { segments: wanted, byMethod } of ordered) {
      const params = fit(wanted, segments);
      if (params === null) continue;
      const operation = byMethod.get(method === "HEAD" ? "GET" : method);
      if (operation !== undefined) return { operation, params };
      throw new MethodRefused(listMethods(byMethod.keys()));
    }
    throw new RowhouseError("routeUnknown", { hint: `What there is: ${PLATFORM_PATH}/openapi.json.` });
  };
}
