import { createInterface } from "node:readline/promises";
import type { Command } from "commander";
import { RowhouseError } from "../../errors.ts";
import { eraseTenant, openErasurePlace, type ErasurePlace, type SignedReceipt } from "../../archive/erase.ts";
import { assertNew, writeReceipt } from "../../archive/receipt.ts";
import { countTenantRows, type TableCount } from "../../tenant/delete.ts";
import { act, addExamples } from "../action.ts";
import { formatTable, plural, type Output } from "../output.ts";
import { formatReceipt } from "../receipt.ts";
import { openSession, type Session } from "../session.ts";

interface DeleteOptions {
  readonly yes?: boolean;
  readonly confirm?: string;
  readonly receipt?: string;
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

/** Shows what goes, asks, and deletes. */
async function erase(
  out: Output,
  session: Session,
  options: DeleteOptions,
  slug: string,
  place: ErasurePlace,
): Promise<SignedReceipt> {
  const { database, actor } = session;
  const before = await countTenantRows(place.pool, database.keyring, slug).catch((error: unknown) => {
    // A deletion that was cut off between the two databases: its rows are gone, the registry's entry is left.
    if (!place.isHome && error instanceof RowhouseError && error.kind === "tenantUnknown") return [];
    throw error;
  });
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
  return eraseTenant(session, place, slug, actor);
}

async function remove(out: Output, options: DeleteOptions, slug: string): Promise<void> {
  await using session = await openSession("tenant delete");
  if (options.receipt !== undefined) await assertNew(options.receipt);
  await using place = await openErasurePlace(session, slug);
  const { receipt, text, signature, fingerprint } = await erase(out, session, options, slug, place);
  const { rows, tables } = receipt;
  out.answer(
    { slug, rows, tables, receipt, signature },
    `deleted ${slug}  ${plural(rows, "row")}\n${formatReceipt(receipt, fingerprint)}`,
  );
  if (options.receipt === undefined) return;
  await writeReceipt(options.receipt, text);
  out.talk(`The receipt is in ${options.receipt}; \`rowhouse verify ${options.receipt}\` checks it.`);
}

export function registerDelete(group: Command): void {
  const command = group
    .command("delete <slug>")
    .description("remove a tenant and every row of it; asks for the slug on a terminal")
    .option("--confirm <slug>", "the slug once more, where there is no terminal to ask on")
    .option("-y, --yes", "don't ask")
    .option("--receipt <file>", "write a signed receipt of what was deleted, which `rowhouse verify` accepts")
    .action(act<DeleteOptions, [string]>(remove));
  addExamples(command, [
    ["rowhouse tenant delete acme", "shows what goes, asks for the slug, deletes in one transaction"],
    ["rowhouse tenant delete acme --confirm acme", "without a terminal"],
    ["rowhouse tenant delete acme --confirm acme --receipt acme.receipt.json", "and keep the proof"],
  ]);
}
