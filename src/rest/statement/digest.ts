import type { Relation } from "../../catalog/catalog.ts";
import { shownColumns } from "./select.ts";

/** Bytes of a SHA-256 that make a digest of a row. */
const BYTES = 12;

/**
 * SQL of the digest of a row of `alias` as it is stored: of a list of its JSON with every column that requests see, as `select=*` answers
 * it. So the digest of such an answer can be told from its body (`response/etag.ts`), and costs the database nothing. Not hash_record(), to which
 * 1.0 and 1.00, or two spellings of one citext, are the same, and which json has none of.
 */
export function rowDigest(relation: Relation, alias: string): string {
  // `d.*` and not `d`: a column of that name would be taken instead.
  const row = `(select row_to_json(d.*)::text from (select ${shownColumns(relation, alias)}) d)`;
  return `encode(substring(sha256(convert_to('[' || ${row} || ']', 'UTF8')) for ${BYTES}), 'hex')`;
}

/** Hexadecimal digits of what {@link rowDigest} gives. */
export const DIGEST_LENGTH = 2 * BYTES;
