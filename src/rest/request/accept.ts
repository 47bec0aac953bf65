/** A type of the `Accept` header, as far as the dialect tells them apart (PostgREST, Media Types). */
export type Accepted =
  /** One of {@link KNOWN}, or any other by the words that were sent. */
  | { readonly kind: "plain"; readonly name: string; readonly isKnown: boolean }
  | { readonly kind: "object"; readonly isStripped: boolean }
  | { readonly kind: "array"; readonly isStripped: true }
  | Plan;

/** The plan of what would answer `of`. */
export interface Plan {
  readonly kind: "plan";
  readonly of: Accepted;
  readonly format: "json" | "text";
  readonly options: readonly string[];
}

/** Types whose parameters, charset included, say nothing. */
const KNOWN: ReadonlySet<string> = new Set([
  "application/json",
  "application/geo+json",
  "application/openapi+json",
  "application/octet-stream",
  "application/x-www-form-urlencoded",
  "text/csv",
  "text/plain",
  "text/xml",
  "*/*",
]);
const OBJECT = "application/vnd.pgrst.object";
const ARRAY = "application/vnd.pgrst.array";
const PLAN = "application/vnd.pgrst.plan";
const PLAN_OPTIONS = ["analyze", "verbose", "settings", "buffers", "wal"];

const TYPE = /^[A-Za-z0-9.*]+\/[A-Za-z0-9.*+-]+/;
/** What follows the first parameter of another form counts for nothing: postgrest-js sends `options=;` when it has none. */
const PARAMETER = /\s*;\s*([A-Za-z0-9-]+)\s*=\s*(?:"([^"]*)"|([A-Za-z0-9|-]+))/y;

function readParameters(text: string, from: number): Map<string, string> {
  const found = new Map<string, string>();
  PARAMETER.lastIndex = from;
  for (let match = PARAMETER.exec(text); match !== null; match = PARAMETER.exec(text)) {
    found.set(match[1]!.toLowerCase(), match[2] ?? match[3] ?? "");
  }
  return found;
}

function readPlan(format: Plan["format"], parameters: ReadonlyMap<string, string>): Plan {
  const asked = parameters.get("options")?.split("|") ?? [];
  return {
    kind: "plan",
    of: readType(parameters.get("for") ?? "application/json"),
    format,
    options: PLAN_OPTIONS.filter((option) => asked.includes(option)),
  };
}

/** One media type with its parameters, in any case. */
export function readType(text: string): Accepted {
  const type = TYPE.exec(text)?.[0];
  if (type === undefined) return { kind: "plain", name: text, isKnown: false };
  const name = type.toLowerCase();
  if (KNOWN.has(name)) return { kind: "plain", name, isKnown: true };
  const parameters = readParameters(text, type.length);
  const isStripped = parameters.get("nulls") === "stripped";
  switch (name) {
    case OBJECT:
    case `${OBJECT}+json`:
      return { kind: "object", isStripped };
    case ARRAY:
    case `${ARRAY}+json`:
      return isStripped ? { kind: "array", isStripped } : JSON_TYPE;
    case PLAN:
    case `${PLAN}+text`:
      return readPlan("text", parameters);
    case `${PLAN}+json`:
      return readPlan("json", parameters);
    default:
      return { kind: "plain", name: text, isKnown: false };
  }
}

const JSON_TYPE: Accepted = { kind: "plain", name: "application/json", isKnown: true };
const ANY_TYPE: Accepted = { kind: "plain", name: "*/*", isKnown: true };
const ANY: readonly Accepted[] = [ANY_TYPE];
const ONLY_JSON: readonly Accepted[] = [JSON_TYPE];

interface Weighed {
  readonly type: Accepted;
  readonly quality: number;
  readonly precision: number;
}

const countOf = (text: string, char: string) => text.split(char).length - 1;

function weigh(part: string): Weighed {
  const text = part.replaceAll(" ", "");
  const at = text.indexOf(";q=");
  const said = at < 0 ? NaN : Number.parseFloat(text.slice(at + 3));
  return {
    type: readType(at < 0 ? text : text.slice(0, at)),
    quality: Number.isNaN(said) ? 1 : said,
    precision: countOf(text, ";") - countOf(text, "*"),
  };
}

/**
 * The types of the `Accept` header, the most wanted first: by quality, then by how exactly each is said, then as they stand. Without a
 * header anything is good.
 */
export function parseAccept(header: string | undefined): readonly Accepted[] {
  if (header === undefined || header === "" || header === "*/*") return ANY;
  if (header === "application/json") return ONLY_JSON;
  const weighed = header.split(",").map(weigh);
  const sorted = weighed.toSorted((a, b) => b.quality - a.quality || b.precision - a.precision);
  return sorted.map(({ type }) => type);
}

/** A media type as answers and refusals spell it. */
export function mimeOf(type: Accepted): string {
  switch (type.kind) {
    case "plain":
      return type.name;
    case "object":
    case "array":
      return `application/vnd.pgrst.${type.kind}+json${type.isStripped ? ";nulls=stripped" : ""}`;
    case "plan": {
      const options = type.options.length === 0 ? "" : `; options=${type.options.join("|")}`;
      return `${PLAN}+${type.format}; for="${mimeOf(type.of)}"${options}`;
    }
  }
}

/** The `Content-Type` header; bytes and what we don't know have no charset of ours. */
export function contentTypeOf(type: Accepted): string {
  const isBare = type.kind === "plain" && (!type.isKnown || type.name === "application/octet-stream");
  return isBare ? mimeOf(type) : `${mimeOf(type)}; charset=utf-8`;
}
