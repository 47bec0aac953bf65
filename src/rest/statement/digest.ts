import type { Column, Relation } from "../../catalog/catalog.ts";
import { quote } from "./writer.ts";

/** Types of `pg_catalog` without a binary form (`pg_type.typsend`). */
const TEXT_ONLY: ReadonlySet<string> = new Set(["aclitem", "gtsvector"]);

/**
 * Built-in types by their binary form, which no setting of the session changes; others by their text, since a type may have no other form,
 * and an enum's would hold the OID of one database.
 */
function digested({ name, castType }: Column, alias: string): string {
  const value = `${alias}.${quote(name)}`;
  const isBuiltIn = !castType.includes(".") && !castType.includes('"') && !TEXT_ONLY.has(castType);
  return isBuiltIn ? value : `${value}::text`;
}

/**
 * SQL of the digest of a row of `alias` as it is stored: every column that requests see, whether or not it is selected. By its bytes and not
 * by hash_record(), to which 1.0 and 1.00, or two spellings of one citext, are the same, and which json has none of.
 */
export function rowDigest({ columns }: Pick<Relation, "columns">, alias: string): string {
  const list = [...columns.values()].map((column) => digested(column, alias));
  return `encode(substring(sha256(record_send(row(${list.join(", ")}))) for 12), 'hex')`;
}
