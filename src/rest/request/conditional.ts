import { RowhouseError } from "../../errors.ts";

/** `*`, or entity-tags without their quotes. */
export type EntityTags = "*" | readonly EntityTag[];

export interface EntityTag {
  readonly isWeak: boolean;
  /** What stands between the quotes. */
  readonly opaque: string;
}

/** The headers that make a request depend on what there is (RFC 9110, 13.1); null for one that was not sent. */
export interface Conditions {
  readonly ifMatch: EntityTags | null;
  readonly ifNoneMatch: EntityTags | null;
}

/** RFC 9110, 8.8.3. */
const TAG = /\s*(W\/)?"([\x21\x23-\x7e\x80-\xff]*)"\s*(?:,|$)/y;
export const NO_CONDITIONS: Conditions = { ifMatch: null, ifNoneMatch: null };

function parseTags(name: string, header: string | undefined): EntityTags | null {
  if (header === undefined) return null;
  if (header.trim() === "*") return "*";
  const tags: EntityTag[] = [];
  TAG.lastIndex = 0;
  while (TAG.lastIndex < header.length) {
    const found = TAG.exec(header);
    if (found === null) {
      throw new RowhouseError("preconditionInvalid", {
        message: `${name} is not a list of entity-tags`,
        hint: `Send the ETag of an answer as it came, in its quotes: ${name}: "…"`,
      });
    }
    tags.push({ isWeak: found[1] !== undefined, opaque: found[2] ?? "" });
  }
  return tags;
}

/** @throws RowhouseError preconditionInvalid */
export function parseConditions(headers: Readonly<Record<string, string | undefined>>): Conditions {
  const ifMatch = headers["if-match"];
  const ifNoneMatch = headers["if-none-match"];
  if (ifMatch === undefined && ifNoneMatch === undefined) return NO_CONDITIONS;
  return { ifMatch: parseTags("If-Match", ifMatch), ifNoneMatch: parseTags("If-None-Match", ifNoneMatch) };
}

/** The part of an entity-tag that is about the stored row, whatever is shown of it (see `response/etag.ts`). */
export function rowPart(opaque: string): string {
  return opaque.split(".", 1)[0] ?? "";
}

/** Strong comparison (RFC 9110, 8.8.3.2): what a weak tag stands for may have changed in the meantime. @returns digests of rows */
export function strongRows(tags: readonly EntityTag[]): readonly string[] {
  return tags.filter(({ isWeak }) => !isWeak).map(({ opaque }) => rowPart(opaque));
}
