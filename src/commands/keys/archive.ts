import type { Command } from "commander";
import { openSigner } from "../../archive/sign.ts";
import { act, addExamples } from "../action.ts";
import type { Output } from "../output.ts";
import { openSession } from "../session.ts";

async function show(out: Output): Promise<void> {
  await using session = await openSession("keys archive");
  const { key } = openSigner(session.database.keyring);
  out.answer({ ...key, alg: "Ed25519" }, key.text);
  out.talk(`Fingerprint ${key.fingerprint}. Whoever has this line can check what this deployment signs.`);
}

export function registerKeysArchive(group: Command): void {
  const command = group
    .command("archive")
    .description("the public key of the deployment's archives and receipts, which its secret makes")
    .action(act(show));
  addExamples(command, [
    ["rowhouse keys archive > rowhouse.pub", "keep it where the archives are not"],
    ['rowhouse verify acme.rowhouse --key "$(cat rowhouse.pub)"', "refuses what another key signed, or nobody"],
  ]);
}
