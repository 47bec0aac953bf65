import { parse } from "libpg-query";
import type { Catalog } from "../../../src/catalog/catalog.ts";

/** A value that the generator sends and no catalog has: where it stands in a statement's text, a value was written and not bound. */
export const MARKER = "fuzz7f3a";

const STATEMENTS = new Set(["SelectStmt", "InsertStmt", "UpdateStmt", "DeleteStmt"]);
/** Functions that generated SQL may call, besides those of the app's catalog. */
const FUNCTIONS = new Set(
  `count sum avg max min coalesce json_agg jsonb_agg array_agg row_to_json to_jsonb to_json json_build_array json_build_object json_object_keys
   json_array_elements json_to_record json_to_recordset json_strip_nulls json_populate_record string_agg substring length concat to_tsvector
   to_tsquery plainto_tsquery phraseto_tsquery websearch_to_tsquery nextval gen_random_uuid now refuse nullif pg_typeof octet_length
   hash_record_extended hashtextextended encode convert_to convert_from sha256 unnest xmlagg array_to_json json_array_length like_escape decode
   st_asgeojson jsonb_array_elements jsonb_to_record jsonb_to_recordset jsonb_populate_record current_tenant current_principal set_request left replace regexp_replace lower to_char textcat`.split(
    /\s+/,
  ),
);

interface Found {
  readonly statements: string[];
  readonly tables: { schema: string | undefined; name: string; alias: string | undefined }[];
  readonly functions: string[];
  readonly constants: string[];
  readonly ctes: Set<string>;
}

type Node = Readonly<Record<string, unknown>>;

function collect(node: unknown, found: Found): void {
  if (Array.isArray(node)) {
    for (const each of node) collect(each, found);
    return;
  }
  if (typeof node !== "object" || node === null) return;
  for (const [key, value] of Object.entries(node as Node)) {
    const own = value as Node;
    if (key === "RangeVar" || (key === "relation" && typeof own?.["relname"] === "string")) {
      const alias = own["alias"] as { aliasname?: string } | undefined;
      found.tables.push({
        schema: own["schemaname"] as string | undefined,
        name: own["relname"] as string,
        alias: alias?.aliasname,
      });
    } else if (key === "FuncCall") {
      const names = own["funcname"] as { String: { sval: string } }[];
      found.functions.push(names.at(-1)!.String.sval);
    } else if (key === "CommonTableExpr") found.ctes.add(own["ctename"] as string);
    else if (key === "A_Const") found.constants.push(JSON.stringify(own));
    collect(value, found);
  }
}

/**
 * What is wrong with the text of a generated statement: more than one, of another kind, of another schema, without its tenant, or
 * with a client's value in it. Empty when nothing is.
 */
export async function faultsOf(text: string, catalog: Catalog): Promise<string[]> {
  const tree = (await parse(text)) as { stmts: { stmt: Node }[] };
  const found: Found = {
    statements: tree.stmts.map(({ stmt }) => Object.keys(stmt)[0]!),
    tables: [],
    functions: [],
    constants: [],
    ctes: new Set(),
  };
  collect(tree.stmts, found);
  const faults: string[] = [];
  if (found.statements.length !== 1) faults.push(`${found.statements.length} statements`);
  for (const kind of found.statements) if (!STATEMENTS.has(kind)) faults.push(`statement ${kind}`);
  for (const { schema, name, alias } of found.tables) {
    if (schema === undefined && found.ctes.has(name)) continue;
    if (text.includes(`"${name}" ${alias} where false)`)) continue; // an update without columns reads nothing
    const relation = schema === catalog.schema ? catalog.relations.get(name) : undefined;
    if (relation === undefined) faults.push(`table ${schema}.${name}`);
    else if (
      relation.hasTenant &&
      alias !== undefined &&
      !text.includes(`${alias}.tenant_id = `) &&
      !text.startsWith("insert") &&
      !text.includes(`(insert into "${schema}"."${name}" ${alias}`) &&
      !text.includes(`insert into "${schema}"."${name}" as ${alias}`)
    )
      faults.push(`table ${name} ${alias} without its tenant`);
  }
  for (const name of found.functions)
    if (!FUNCTIONS.has(name) && !catalog.routines.has(name)) faults.push(`function ${name}`);
  for (const constant of found.constants) if (constant.includes(MARKER)) faults.push(`constant ${constant}`);
  return faults;
}
