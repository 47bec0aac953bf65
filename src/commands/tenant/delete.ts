import { createInterface } from "node:readline/promises";
import type { Command } from "commander";
import { RowhouseError } from "../../errors.ts";
import { countTenantRows, deleteTenant, type TableCount } from "../../tenant/delete.ts";
import { act, addExamples } from "../action.ts";
import { formatTable, plural, type Output } from "../output.ts";
import { openSession } from "../session.ts";

interface DeleteOptions {
  readonly yes?: boolean;
  readonly confirm?: string;
}

const totalOf = (tables: readonly TableCount[]) => tables.reduce((sum, { rows }) => sum + rows, 0);

async function askForSlug(slug: string): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return (await terminal.question(`Type the slug to delete ${slug}: `)).trim();
  } finally {
    terminal.close();
  }
}

/** @throws RowhouseError confirmationMissing */
async function confirm(slug: string, { yes, confirm: typed }: DeleteOptions): Promise<void> {
  if (yes === true || typed === slug) return;
  const mayAsk = typed === undefined && process.stdin.isTTY && process.stderr.isTTY;
  const answer = mayAsk ? await askForSlug(slug) : typed;
  if (answer === slug) return;
  throw new RowhouseError("confirmationMissing", {
    message:
      answer === undefined
        ? `Deleting ${slug} wants to be confirmed`
        : `${JSON.stringify(answer)} is not ${slug}; nothing was deleted`,
    hint: `Add --confirm ${slug}, or --yes. \`rowhouse export ${slug} -o ${slug}.rowhouse\` keeps a copy first.`,
  });
}

async function remove(out: Output, options: DeleteOptions, slug: string): Promise<void> {
  await using session = await openSession("tenant delete");
  const { platform, database, actor } = session;
  const before = await countTenantRows(platform, database.keyring, slug);
  out.talk(
    `This removes ${slug}: ${plural(totalOf(before), "row")} in ${plural(before.filter(({ rows }) => rows > 0).length, "table")}.`,
  );
  out.talk(
    formatTable(
      ["TABLE", "ROWS"],
      before.map(({ table, rows }) => [table, rows]),
    ),
  );
  await confirm(slug, options);
  const removed = await deleteTenant(platform, database.keyring, slug, actor);
  out.answer({ slug, rows: totalOf(removed), tables: removed }, `deleted ${slug}  ${plural(totalOf(removed), "row")}`);
}

export function registerDelete(group: Command): void {
  const command = group
    .command("delete <slug>")
    .description("remove a tenant and every row of it; asks for the slug on a terminal")
    .option("--confirm <slug>", "the slug once more, where there is no terminal to ask on")
    .option("-y, --yes", "don't ask")
    .action(act<DeleteOptions, [string]>(remove));
  addExamples(command, [
    ["rowhouse tenant delete acme", "shows what goes, asks for the slug, deletes in one transaction"],
    ["rowhouse tenant delete acme --confirm acme", "without a terminal"],
  ]);
}
