import type { Routine, Table } from "./schema.ts";

/** What was changed in a function's body, and why. */
export interface Mended {
  readonly source: string;
  readonly changes: readonly string[];
}

const WORD = String.raw`(?:"(?:[^"]|"")+"|[\p{L}_][\p{L}\p{N}_$]*)`;
const RELATION = String.raw`(${WORD}(?:\.${WORD})?)`;

/** After a lone relation: nothing that could bring more columns. */
const LONE = String.raw`(?=\s*(?:;|\)|$|(?:where|order|limit|offset|group|for)\b))`;
/** What may stand behind a relation and is no name for it. */
const NO_ALIAS = String.raw`(?!(?:where|order|limit|offset|group|for|fetch|having|window|union|except|intersect|join|inner|left|right|full|cross|natural|on|using|tablesample)\b)`;
const ALIAS = String.raw`(\s+(?:as\s+)?${NO_ALIAS}${WORD})?`;
const STAR = new RegExp(String.raw`\bselect(\s+)\*(\s+from\s+)${RELATION}${ALIAS}${LONE}`, "giu");
const LISTED = new RegExp(String.raw`\bselect(\s+)([^()*;']+?)(\s+from\s+)${RELATION}(?![\p{L}\p{N}_$."])`, "giu");
const CONFLICT = /\bon\s+conflict\s*\((?!\s*tenant_id\b)/gi;
const SET_CONFIG = /\b(perform|select)\s+(?:pg_catalog\.)?set_config\s*\(/gi;

/** Tables by the names that a body may use for them; a bare name that two schemas have is no name. */
function namesOf(tables: readonly Table[]): ReadonlyMap<string, Table> {
  const names = new Map<string, Table | null>();
  for (const table of tables) {
    names.set(table.identifier, table);
    names.set(table.bareIdentifier, names.has(table.bareIdentifier) ? null : table);
  }
  return new Map([...names].flatMap(([name, table]) => (table === null ? [] : [[name, table] as const])));
}

const keyOf = (relation: string) =>
  relation.replaceAll(/"(?:[^"]|"")+"|[^".]+/g, (part) => (part.startsWith('"') ? part : part.toLowerCase()));

/** The arguments of a call, as text; null where the parentheses do not close. `at` is behind the opening one. */
function readArguments(text: string, at: number): { readonly list: string[]; readonly end: number } | null {
  const list: string[] = [];
  let depth = 0;
  let start = at;
  for (let here = at; here < text.length; here++) {
    const character = text[here]!;
    if (character === "'" || character === '"') {
      here = text.indexOf(character, here + 1);
      if (here < 0) return null;
    } else if (character === "(" || character === "[") depth++;
    else if ((character === ")" && depth > 0) || character === "]") depth--;
    else if (character === ")") return { list: [...list, text.slice(start, here).trim()], end: here + 1 };
    else if (character === "," && depth === 0) {
      list.push(text.slice(start, here).trim());
      start = here + 1;
    }
  }
  return null;
}

const NAME = /^'([a-z_]\w*\.[a-z_][\w.]*)'$/i;

/** Requests may not call set_config(), and may SET LOCAL: the same for a setting of the transaction, when the call stands alone. */
function settleSettings(source: string, language: string): string {
  let settled = "";
  let from = 0;
  for (const match of source.matchAll(SET_CONFIG)) {
    const call = readArguments(source, match.index + match[0].length);
    const [name = "", value = "", isLocal = ""] = call?.list ?? [];
    const setting = NAME.exec(name)?.[1];
    if (
      call === null ||
      setting === undefined ||
      isLocal.toLowerCase() !== "true" ||
      !/^\s*;/.test(source.slice(call.end))
    )
      continue;
    const isPerform = match[1]!.toLowerCase() === "perform";
    const isText = /^'(?:[^']|'')*'$/.test(value);
    const statement = isText
      ? `set local "${setting}" = ${value}`
      : isPerform && language === "plpgsql"
        ? `execute pg_catalog.format('set local "${setting}" = %L', coalesce(${value}, ''))`
        : null;
    if (statement === null) continue;
    settled += source.slice(from, match.index) + statement;
    from = call.end;
  }
  return settled + source.slice(from);
}

/** What stands before the first column of a list: the others may need it as well, where tables are joined. */
const QUALIFIER = new RegExp(String.raw`^\s*((?:${WORD}\.)+)`, "u");
const LAST_WORD = new RegExp(String.raw`${WORD}$`, "u");

/** Rows of a table that are listed column by column lack the new ones, which come last. */
function completeRows(
  source: string,
  table: Table,
  names: ReadonlyMap<string, Table>,
  added: readonly string[],
): string {
  return source.replaceAll(LISTED, (whole, gap: string, list: string, from: string, relation: string) => {
    const isWhole = names.get(keyOf(relation)) === table && list.split(",").length === table.columns.length;
    const [, qualifier = ""] = QUALIFIER.exec(list) ?? [];
    const more = added.map((column) => qualifier + column).join(", ");
    return isWhole ? `${whole.slice(0, "select".length)}${gap}${list}, ${more}${from}${relation}` : whole;
  });
}

/**
 * Columns that a star stood for, in a function whose result has those and no more. Each says whose it is: in PL/pgSQL its bare name is the
 * result's own column as well, and 42702.
 */
function spellOut(source: string, names: ReadonlyMap<string, Table>): string {
  return source.replaceAll(STAR, (whole, gap: string, from: string, relation: string, alias = "") => {
    const table = names.get(keyOf(relation));
    if (table === undefined || table.columns.length === 0) return whole;
    const [qualifier = ""] = LAST_WORD.exec(alias === "" ? relation : alias) ?? [];
    const list = table.columns.map((column) => `${qualifier}.${column}`).join(", ");
    return `${whole.slice(0, "select".length)}${gap}${list}${from}${relation}${alias}`;
  });
}

const READS = new RegExp(String.raw`\b(?:from|join|update|into)\s+(?:only\s+)?${RELATION}`, "giu");

/** Whether the body names one of the tables where rows are read or written, if only by a name that several of them have. Pure. */
export function readsTables({ source }: Pick<Routine, "source">, tables: readonly Table[]): boolean {
  const names = new Set(tables.flatMap(({ identifier, bareIdentifier }) => [identifier, bareIdentifier]));
  return [...source.matchAll(READS)].some(([, relation]) => names.has(keyOf(relation!)));
}

/**
 * Mends what is sure to break in a body of SQL or PL/pgSQL once the tables have tenant_id. Text alone is looked at: a form that is
 * not known stays as it is. Pure.
 * @param tables those that get tenant_id
 */
export function mendBody(routine: Routine, tables: readonly Table[]): Mended {
  const names = namesOf(tables);
  const changes: string[] = [];
  let { source } = routine;
  const take = (mended: string, change: string) => {
    if (mended !== source) changes.push(change);
    source = mended;
  };
  take(settleSettings(source, routine.language), "set_config() became set local");
  take(
    source.replaceAll(CONFLICT, (found) => `${found}tenant_id, `),
    "on conflict names tenant_id, too",
  );
  const table = tables.find(({ identifier }) => identifier === routine.returnsRowsOf);
  if (table !== undefined) {
    const added = ["tenant_id", ...(table.hasPrimaryKey ? [] : ["tenant_row_id"])];
    take(
      completeRows(source, table, names, added),
      `the rows of ${table.identifier} that it lists have ${added.join(", ")}`,
    );
  } else if (routine.returnsRecord || routine.returnsColumns) {
    take(spellOut(source, names), "* became the columns that it stood for");
  }
  return { source, changes };
}
