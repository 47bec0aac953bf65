import type { Column } from "../../catalog/catalog.ts";
import { DELETED_AT } from "../target/soft-delete.ts";
import type { Conflict, WriteTarget } from "../target/write-target.ts";
import { renderBodyRows } from "./body-rows.ts";
import { rowDigest } from "./digest.ts";
import { ownTests, renderCondition } from "./rows.ts";
import { arrayLiteral, quote, where, type Writer } from "./writer.ts";

const list = (columns: readonly Column[]): string => columns.map(({ name }) => quote(name)).join(", ");

/** A tenant's keys all begin with it. */
function renderConflict(
  { columns, isMerge }: Conflict,
  { read, columns: written, keepsDeleted }: WriteTarget,
  alias: string,
): string {
  const key = [...(read.relation.hasTenant ? ["tenant_id"] : []), ...columns.map(({ name }) => quote(name))];
  const sets = written.map(({ name }) => `${quote(name)} = excluded.${quote(name)}`);
  // A row that is deleted stays as it is, and the statement is refused for it.
  const isLeft = keepsDeleted ? ` where ${alias}.${quote(DELETED_AT)} is null` : "";
  const action = isMerge && sets.length > 0 ? `do update set ${sets.join(", ")}${isLeft}` : "do nothing";
  return ` on conflict (${key.join(", ")}) ${action}`;
}

/** tenant_id is never among the columns: its default is the tenant that the transaction entered. */
function renderInsert(writer: Writer, target: WriteTarget, alias: string): string {
  const { columns, conflict, read, isPut, rowCount } = target;
  const into = `insert into ${writer.table(read.relation)} as ${alias}`;
  // No row is in nobody's way, also where PostgreSQL knows of no key: one of a view without tenant_id.
  const onConflict = conflict === null || rowCount === 0 ? "" : renderConflict(conflict, target, alias);
  if (columns.length === 0)
    return `${into} select from json_array_elements(${writer.bind(target.json)}::json)${onConflict}`;
  const values = columns.map(({ name }) => `r.${quote(name)}`).join(", ");
  const rows = renderBodyRows(writer, target);
  const tests = isPut ? read.where.map((condition) => renderCondition(writer, condition, "r")) : [];
  return `${into} (${list(columns)}) select ${values} from ${rows}${where(tests)}${onConflict}`;
}

/** What picks the rows that are changed. A row that another transaction has just changed is tested again as it is then (manual, 13.2.1). */
function changedTests(writer: Writer, { read, precondition }: WriteTarget, alias: string): (string | undefined)[] {
  const tests = ownTests(writer, read, alias);
  if (precondition?.kind !== "match" || precondition.rows === "*") return tests;
  return [
    ...tests,
    `${rowDigest(read.relation, alias)} = any(${writer.bind(arrayLiteral(precondition.rows))}::text[])`,
  ];
}

function renderUpdate(writer: Writer, target: WriteTarget, alias: string): string {
  const sets = target.columns.map(({ name }) => `${quote(name)} = r.${quote(name)}`).join(", ");
  const tests = changedTests(writer, target, alias);
  // The row of a PUT is the one that its filters name, as well in the body.
  if (target.isPut) tests.push(...target.read.where.map((condition) => renderCondition(writer, condition, "r")));
  // A list of several updates from its first row.
  const body = `(select * from ${renderBodyRows(writer, target)} limit 1) as r`;
  return `update ${writer.table(target.read.relation)} ${alias} set ${sets} from ${body}${where(tests)}`;
}

function renderDelete(writer: Writer, target: WriteTarget, alias: string): string {
  const table = `${writer.table(target.read.relation)} ${alias}`;
  const tests = where(changedTests(writer, target, alias));
  return target.keepsDeleted
    ? `update ${table} set ${quote(DELETED_AT)} = now()${tests}`
    : `delete from ${table}${tests}`;
}

/** Whether there is nothing to change: an update that gives no column. */
export function isNoChange({ verb, columns }: WriteTarget): boolean {
  return verb === "update" && columns.length === 0;
}

/**
 * The command that changes the rows, without its RETURNING.
 * @param alias of the changed table
 */
export function renderChange(writer: Writer, target: WriteTarget, alias: string): string {
  if (target.verb === "insert") return renderInsert(writer, target, alias);
  return target.verb === "update" ? renderUpdate(writer, target, alias) : renderDelete(writer, target, alias);
}
