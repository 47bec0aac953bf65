import type { Command } from "commander";
import { listSigningKeys, type SigningKey } from "../../auth/keys.ts";
import { act, addExamples } from "../action.ts";
import { formatTable, type Output } from "../output.ts";
import { openSession } from "../session.ts";

/** Pure. */
function stateOf({ retiredAt, acceptedUntil }: SigningKey, now = new Date().toISOString()): string {
  if (retiredAt === null || acceptedUntil === null) return "signs";
  return acceptedUntil > now ? `accepted until ${acceptedUntil}` : "retired";
}

async function list(out: Output): Promise<void> {
  await using session = await openSession("keys list");
  const keys = await listSigningKeys(session.platform);
  const rows = keys.map((key) => [key.kid, key.alg, key.createdAt, stateOf(key)]);
  out.answer(keys, keys.length === 0 ? "" : formatTable(["KID", "ALG", "CREATED", "STATE"], rows));
  if (keys.length === 0) out.talk("No signing key yet; the first `rowhouse token` or `rowhouse serve` makes one.");
}

export function registerKeysList(group: Command): void {
  const command = group
    .command("list")
    .alias("ls")
    .description("the deployment's signing keys, without their private parts")
    .action(act(list));
  addExamples(command, [["rowhouse keys list", "which key signs, and which are still accepted"]]);
}
