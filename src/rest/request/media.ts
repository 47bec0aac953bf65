import { RowhouseError } from "../../errors.ts";

/** A shape that an answer can have. */
export interface Media {
  readonly contentType: string;
  /** The one row as an object, and a refusal when there is not exactly one. */
  readonly isSingle: boolean;
  /** SQL of the body over the rows `t` of the outermost query; always text. */
  readonly body: string;
}

const CSV_HEAD = `(select string_agg(k, ',') from json_object_keys((json_agg(t.*)->0)) k)`;
const CSV_ROWS = `string_agg(substring((t.*)::text, 2, length((t.*)::text) - 2), e'\\n')`;

const JSON_ARRAY: Media = {
  contentType: "application/json; charset=utf-8",
  isSingle: false,
  body: "coalesce(json_agg(t.*)::text, '[]')",
};
const STRIPPED_ARRAY: Media = {
  contentType: "application/vnd.pgrst.array+json;nulls=stripped; charset=utf-8",
  isSingle: false,
  body: "coalesce(json_strip_nulls(json_agg(t.*))::text, '[]')",
};
const OBJECT: Media = {
  contentType: "application/vnd.pgrst.object+json; charset=utf-8",
  isSingle: true,
  body: "coalesce((json_agg(t.*)->0)::text, 'null')",
};
const STRIPPED_OBJECT: Media = {
  contentType: "application/vnd.pgrst.object+json;nulls=stripped; charset=utf-8",
  isSingle: true,
  body: "coalesce(json_strip_nulls(json_agg(t.*)->0)::text, 'null')",
};
const CSV: Media = {
  contentType: "text/csv; charset=utf-8",
  isSingle: false,
  body: `coalesce(${CSV_HEAD}, '') || e'\\n' || coalesce(${CSV_ROWS}, '')`,
};

/** By media type without its parameters; `stripped` is what `nulls=stripped` makes of it. */
const PRODUCED: ReadonlyMap<string, { readonly plain: Media; readonly stripped?: Media }> = new Map([
  ["*/*", { plain: JSON_ARRAY }],
  ["application/*", { plain: JSON_ARRAY }],
  ["application/json", { plain: JSON_ARRAY }],
  ["application/vnd.pgrst.array", { plain: JSON_ARRAY, stripped: STRIPPED_ARRAY }],
  ["application/vnd.pgrst.array+json", { plain: JSON_ARRAY, stripped: STRIPPED_ARRAY }],
  ["application/vnd.pgrst.object", { plain: OBJECT, stripped: STRIPPED_OBJECT }],
  ["application/vnd.pgrst.object+json", { plain: OBJECT, stripped: STRIPPED_OBJECT }],
  ["text/csv", { plain: CSV }],
]);

interface Accepted {
  readonly type: string;
  readonly isStripped: boolean;
  readonly quality: number;
}

function readAccepted(part: string): Accepted {
  const [type = "", ...params] = part.split(";").map((piece) => piece.trim().toLowerCase());
  const quality = params.find((param) => param.startsWith("q="));
  return {
    type,
    isStripped: params.includes("nulls=stripped"),
    quality: quality === undefined ? 1 : Number(quality.slice(2)) || 0,
  };
}

/**
 * The first type of the `Accept` header, by quality, that an answer can have.
 * @throws RowhouseError mediaTypeUnsupported
 */
export function negotiateMedia(accept: string | undefined): Media {
  if (accept === undefined || accept === "" || accept === "*/*" || accept === "application/json") return JSON_ARRAY;
  const wanted = accept.split(",").map(readAccepted);
  for (const { type, isStripped, quality } of wanted.toSorted((a, b) => b.quality - a.quality)) {
    const produced = PRODUCED.get(type);
    if (produced === undefined || quality === 0) continue;
    return isStripped && produced.stripped !== undefined ? produced.stripped : produced.plain;
  }
  throw new RowhouseError("mediaTypeUnsupported", {
    message: `None of these media types are available: ${wanted.map(({ type }) => type).join(", ")}`,
  });
}
