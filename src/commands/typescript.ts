import { rename, writeFile } from "node:fs/promises";
import type { Command } from "commander";
import type { Catalog } from "../catalog/catalog.ts";
import { loadServed } from "../catalog/introspect.ts";
import { readNamedTypes } from "../catalog/named-type.ts";
import type { CatalogQuery } from "../catalog/query.ts";
import { queryRows } from "../db/query.ts";
import { RowhouseError } from "../errors.ts";
import { typescript } from "../rest/typescript.ts";
import { act, addExamples } from "./action.ts";
import { plural, type Output } from "./output.ts";
import { openSession } from "./session.ts";

interface TypesOptions {
  readonly schema?: string[];
  readonly out?: string;
}

/** In the order that was asked for; all without any. */
function choose(catalogs: ReadonlyMap<string, Catalog>, wanted: readonly string[] | undefined): Catalog[] {
  if (wanted === undefined) return [...catalogs.values()];
  return wanted.map((schema) => {
    const catalog = catalogs.get(schema);
    if (catalog !== undefined) return catalog;
    throw new RowhouseError("usage", {
      message: `The schema ${schema} is not served`,
      hint: `These are: ${[...catalogs.keys()].join(", ")}.`,
    });
  });
}

/** Whole or not at all: a bundler may be watching the file. */
async function write(path: string, text: string): Promise<void> {
  const draft = `${path}.${process.pid}.draft`;
  await writeFile(draft, text);
  await rename(draft, path);
}

async function run(out: Output, { schema, out: path }: TypesOptions): Promise<void> {
  await using session = await openSession("types");
  const query: CatalogQuery = (text, values) => queryRows(session.platform, { text, values });
  const role = "rowhouse_api";
  const { catalogs } = await loadServed(query, { role });
  const chosen = choose(catalogs, schema);
  const schemas = chosen.map((catalog) => catalog.schema);
  const text = typescript(chosen, await readNamedTypes(query, { schemas, role }));
  const counts = {
    schemas,
    relations: chosen.reduce((sum, { relations }) => sum + relations.size, 0),
    functions: chosen.reduce((sum, { routines }) => sum + routines.size, 0),
  };
  if (path === undefined) return out.answer({ ...counts, types: text }, text);
  await write(path, text);
  out.answer({ ...counts, path }, "");
  out.talk(`${path} has ${plural(counts.relations, "relation")} and ${plural(counts.functions, "function")}.`);
}

export function registerTypes(program: Command): void {
  const command = program
    .command("types")
    .description("write the TypeScript type of the database that supabase-js takes, as the API role sees it")
    .option("--schema <name...>", "these schemas alone, the first being the client's default")
    .option("--out <file>", "write to a file rather than to stdout")
    .action(act<TypesOptions>(run));
  addExamples(command, [
    ["rowhouse types > src/database.ts", "then createClient<Database>(url, key)"],
    ["rowhouse types --schema app --out src/database.ts", "replaced in one step, for what watches it"],
  ]);
}
