import type { Catalog, Column } from "../catalog/catalog.ts";
import { isDatabaseError } from "../db/transaction.ts";
import type { WriteTarget } from "./target/write-target.ts";

type Row = Readonly<Record<string, unknown>>;

const TEXT = /^(?:text|character varying(?:\(\d+\))?)$/;
const INTEGER = /^(?:smallint|integer|bigint)$/;
const PLAIN_INTEGER = /^(?:0|-?[1-9]\d*)$/;
const PLAIN_UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i;

/** A value as PostgreSQL writes it; undefined where only PostgreSQL knows how, or would take its default. */
function written(value: unknown, { type, labels, representation }: Column): string | undefined {
  if (representation !== null) return undefined;
  if (typeof value === "boolean") return type === "boolean" ? (value ? "t" : "f") : undefined;
  if (Number.isSafeInteger(value)) return INTEGER.test(type) ? String(value) : undefined;
  if (typeof value !== "string") return undefined;
  if (TEXT.test(type) || labels !== null) return value;
  if (INTEGER.test(type)) return PLAIN_INTEGER.test(value) ? value : undefined;
  return type === "uuid" && PLAIN_UUID.test(value) ? value.toLowerCase() : undefined;
}

/** The one row of the body, which is all that an update takes of it. */
function rowOf({ verb, json, rowCount }: WriteTarget): Row | undefined {
  if (json === null || (verb === "insert" && rowCount !== 1)) return undefined;
  return (JSON.parse(json) as Row[])[0];
}

/** `Key (a, b)=(1, x)`, if the body has all of it. */
function keyOf(names: readonly string[], target: WriteTarget): string | undefined {
  const row = rowOf(target);
  const values = names.map((name) => {
    const column = target.columns.find((each) => each.name === name);
    return row === undefined || column === undefined ? undefined : written(row[name], column);
  });
  if (names.length === 0 || values.includes(undefined)) return undefined;
  return `Key (${names.join(", ")})=(${values.join(", ")})`;
}

const NOT_PRESENT = /^Key is not present in /;

/**
 * An error of a key with the values that the request itself brought for it. PostgreSQL tells none of them to roles under row-level
 * security (BuildIndexValueDescription, RI_ReportViolation); what is in other rows stays untold. Changes the error's DETAIL and
 * nothing else.
 * @param error whatever a write failed with
 */
export function tellKey(error: unknown, target: WriteTarget, { foreignKeys }: Catalog): void {
  if (!isDatabaseError(error)) return;
  const { schema, name, uniqueKeys } = target.read.relation;
  if (error.schema !== schema || error.table !== name) return;
  const { code, constraint = "", detail = "" } = error;
  if (code === "23505" && detail === "") {
    const key = keyOf(uniqueKeys.get(constraint) ?? [], target);
    if (key !== undefined) error.detail = `${key} already exists.`;
  } else if (code === "23503" && NOT_PRESENT.test(detail)) {
    const found = foreignKeys.find((each) => each.name === constraint && each.from === name);
    const key = keyOf(found?.columns ?? [], target);
    if (key !== undefined) error.detail = detail.replace(NOT_PRESENT, () => `${key} is not present in `);
  }
}
