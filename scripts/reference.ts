/**
 * Writes the parts of docs/reference that stand in the code: error codes, settings and commands. With --check it only says whether they
 * are fresh, and exits 1 when they are not. Prevents a code or setting that nobody documented.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { settings } from "../src/config.ts";
import { ERRORS } from "../src/errors.ts";
import { commandSections } from "./reference-commands.ts";

const DOCS = join(import.meta.dirname, "../docs/reference");

function errorTable(): string {
  const rows = Object.values(ERRORS)
    .toSorted((a, b) => a.code.localeCompare(b.code))
    .map(({ code, status, exit, title }) => `| \`${code}\` | ${status} | ${exit} | ${title} |`);
  return ["| code | HTTP status | exit code | meaning |", "|---|---|---|---|", ...rows].join("\n");
}

function settingTable(): string {
  const empty = settings.parse({});
  const rows = Object.entries(settings.shape).map(([name, schema]) => {
    const value = empty[name as keyof typeof empty];
    const initial = value === undefined || (Array.isArray(value) && value.length === 0) ? "" : `\`${String(value)}\``;
    return `| \`${name}\` | ${initial} | ${schema.description ?? ""} |`;
  });
  return ["| setting | default | meaning |", "|---|---|---|", ...rows].join("\n");
}

const TABLES = { "errors.md": errorTable, "configuration.md": settingTable, "commands.md": commandSections };

/** The page with what stands between its two markers replaced. */
export function withTable(page: string, table: string): string {
  const [head, rest] = page.split("<!-- table -->");
  const tail = rest?.split("<!-- end -->")[1];
  if (head === undefined || tail === undefined) throw new Error("The page lacks <!-- table --> … <!-- end -->");
  return `${head}<!-- table -->\n${table}\n<!-- end -->${tail}`;
}

/** Pages whose table is not what the code says. */
export function stalePages(): string[] {
  return Object.entries(TABLES)
    .filter(([file, table]) => {
      const page = readFileSync(join(DOCS, file), "utf8");
      return page !== withTable(page, table());
    })
    .map(([file]) => file);
}

function writePages(): void {
  for (const [file, table] of Object.entries(TABLES)) {
    const path = join(DOCS, file);
    writeFileSync(path, withTable(readFileSync(path, "utf8"), table()));
  }
}

if (import.meta.main) {
  if (process.argv.includes("--check")) {
    const stale = stalePages();
    for (const file of stale) console.error(`docs/reference/${file} is not fresh: run node scripts/reference.ts`);
    process.exitCode = stale.length === 0 ? 0 : 1;
  } else {
    writePages();
  }
}
