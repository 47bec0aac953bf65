import { text } from "node:stream/consumers";
import type { Command } from "commander";
import { testIssuer, type IssuerReport } from "../../auth/test-issuer.ts";
import { findTenant } from "../../tenant/change.ts";
import { act, addExamples } from "../action.ts";
import { formatFacts, formatTable, type Output } from "../output.ts";
import { openSession } from "../session.ts";
import { registrarOf } from "./registrar.ts";

interface TestOptions {
  readonly tokenStdin?: boolean;
}

/** Pure. */
function describe({ keys, principal }: IssuerReport): string {
  const rows = keys.map(({ kid, kty, alg }) => [kid ?? "", kty, alg ?? ""]);
  const table = rows.length === 0 ? "" : formatTable(["KEY", "TYPE", "ALGORITHM"], rows);
  if (principal === null) return table;
  const { id, role, expiresAt, identity } = principal;
  const who = formatFacts([
    ["principal", id],
    ["role", identity === undefined ? role : "the user's"],
    ["e-mail", identity === undefined ? "" : (identity.email ?? "none that is verified")],
    ["expires", new Date(expiresAt * 1000).toISOString()],
  ]);
  return table === "" ? who : `${table.trimEnd()}\n\n${who}`;
}

async function test(out: Output, { tokenStdin }: TestOptions, slug: string, name: string): Promise<void> {
  const token = tokenStdin === true ? (await text(process.stdin)).trim() : null;
  await using session = await openSession("issuer test");
  const { id } = await findTenant(session.platform, slug);
  const report = await testIssuer(registrarOf(session), id, name, token);
  out.answer({ tenant: slug, ...report }, describe(report));
  if (report.issuer.kind === "jwks") out.talk("Its keys can be had.");
  if (token !== null) out.talk("The token is good.");
}

export function registerIssuerTest(group: Command): void {
  const command = group
    .command("test <tenant> <issuer>")
    .description("fetch an issuer's keys now, and try a token")
    .option("--token-stdin", "read a token from stdin, and say what it comes to or why it is refused")
    .action(act<TestOptions, [string, string]>(test));
  addExamples(command, [
    ["rowhouse issuer test acme https://accounts.google.com", "whether its key set can be had from here"],
    ["rowhouse issuer test acme https://accounts.google.com --token-stdin < token", "who it would be"],
  ]);
}
