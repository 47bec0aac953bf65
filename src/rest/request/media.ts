import { contentTypeOf, type Accepted, type Plan } from "./accept.ts";

/** A shape that an answer can have. */
export interface Media {
  readonly contentType: string;
  /** The one row as an object, and a refusal when there is not exactly one. */
  readonly isSingle: boolean;
  /** SQL of the body over the rows `t` of the outermost query; always text. {@link decodeBody} makes the answer's of it. */
  readonly body: string;
  /** Whether an app's own function makes the body, which may then be bytes. */
  readonly isRaw: boolean;
  /** Whether the body is JSON of the rows with all their keys: a list of objects, or one object. */
  readonly isPlainJson: boolean;
  /** Whether that function takes rows of the relation itself: then `t` has one column, {@link WHOLE_ROW}, and each of its values is such a row. */
  readonly takesRow: boolean;
  /** Not the answer but how it would be found. */
  readonly plan: Plan | null;
}

/** What there is to make a body of: rows, one row, one value, or one value a row. A value is column `pgrst_scalar` of `t`. */
export type Shape = "rows" | "row" | "scalar" | "scalars";

export const WHOLE_ROW = `"rowhouse row"`;
const VALUE = `t."pgrst_scalar"`;

const ARRAY_OF: Readonly<Record<Shape, string>> = {
  rows: "json_agg(t.*)",
  row: "json_agg(t.*)->0",
  scalar: `json_agg(${VALUE})->0`,
  scalars: `json_agg(${VALUE})`,
};
const NOTHING: Readonly<Record<Shape, string>> = { rows: "[]", row: "null", scalar: "null", scalars: "[]" };

function jsonBody(shape: Shape, isStripped: boolean): string {
  const json = ARRAY_OF[shape];
  const whole = isStripped ? `json_strip_nulls(${json})` : json.endsWith(")") ? json : `(${json})`;
  return `coalesce(${whole}::text, '${NOTHING[shape]}')`;
}

function objectBody(shape: Shape, isStripped: boolean): string {
  return jsonBody(shape === "scalar" ? "scalar" : "row", isStripped);
}

const CSV_HEAD = `(select string_agg(k, ',') from json_object_keys((json_agg(t.*)->0)) k)`;
const CSV_ROWS = `string_agg(substring((t.*)::text, 2, length((t.*)::text) - 2), e'\\n')`;
const CSV_BODY = `coalesce(${CSV_HEAD}, '') || e'\\n' || coalesce(${CSV_ROWS}, '')`;

/** PostGIS's function, wherever the search path finds it. Without PostGIS there is none, and PostgreSQL says so: 42883. */
const GEOJSON_BODY = `json_build_object('type', 'FeatureCollection', 'features', coalesce(json_agg(st_asgeojson(t.*)::json), '[]'))::text`;

/** Bodies that every relation and function has, by media type. */
const BUILT_IN: ReadonlyMap<string, (shape: Shape) => string> = new Map([
  ["*/*", (shape: Shape) => jsonBody(shape, false)],
  ["application/json", (shape: Shape) => jsonBody(shape, false)],
  ["text/csv", () => CSV_BODY],
  ["application/geo+json", () => GEOJSON_BODY],
]);

const JSON_TYPE: Accepted = { kind: "plain", name: "application/json", isKnown: true };

function media(type: Accepted, body: string): Media {
  return {
    contentType: contentTypeOf(type),
    isSingle: type.kind === "object",
    body,
    isRaw: false,
    isPlainJson: isJson(type) || (type.kind === "object" && !type.isStripped),
    takesRow: false,
    plan: null,
  };
}

function isJson(type: Accepted): boolean {
  return type.kind === "plain" && type.name === "application/json";
}

function makeBuiltIn(type: Accepted, shape: Shape): Media | undefined {
  switch (type.kind) {
    case "object":
      return media(type, objectBody(shape, type.isStripped));
    case "array":
      return media(type, jsonBody(shape, true));
    case "plain": {
      const body = BUILT_IN.get(type.name);
      return body && media(type.name === "*/*" ? JSON_TYPE : type, body(shape));
    }
    case "plan":
      return undefined;
  }
}

const made = new Map<string, Media>();

/** What Rowhouse itself makes of a type; undefined when that takes a function of the app. */
export function builtIn(type: Accepted, shape: Shape): Media | undefined {
  if (type.kind !== "plain") return makeBuiltIn(type, shape);
  const key = `${shape} ${type.name}`;
  let found = made.get(key);
  if (found === undefined && (found = makeBuiltIn(type, shape)) !== undefined) made.set(key, found);
  return found;
}

/**
 * A body that the app's own function or aggregate makes. Its type is a domain over anything: whether that is bytea can be asked only of the
 * value, so the first letter tells.
 */
export function rawMedia(type: Accepted, value: string, takesRow: boolean): Media {
  const isBytes = `(select typbasetype from pg_type where oid = pg_typeof(${value})::oid) = 'bytea'::regtype::oid`;
  const body = `case when ${isBytes} then 'b' else 't' end || (${value})::text`;
  return { ...media(type, body), isSingle: false, isRaw: true, isPlainJson: false, takesRow };
}

/** The one value of a function. */
export const SCALAR_VALUE = `(array_agg(${VALUE}))[1]`;

/** What `aggregate` makes of the rows: of values, of rows as selected, or of rows as the relation has them. */
export function aggregateValue(aggregate: string, shape: Shape, takesRow: boolean): string {
  if (shape === "scalar") return `${aggregate}(${VALUE})`;
  return `${aggregate}(${takesRow ? `t.${WHOLE_ROW}` : "t.*"})`;
}

/** @param text that SQL of {@link Media.body} answered */
export function decodeBody({ isRaw }: Media, text: string | null): string | Buffer {
  if (!isRaw || text === null) return text ?? "";
  // Text of a bytea: \x and hexadecimal digits (PostgreSQL manual, 8.4.1).
  return text.startsWith("b\\x") ? Buffer.from(text.slice(3), "hex") : text.slice(1);
}
