import type { Command } from "commander";
import { rotateSigningKey } from "../../auth/keys.ts";
import { RowhouseError } from "../../errors.ts";
import { act, addExamples } from "../action.ts";
import { parseDuration } from "../duration.ts";
import type { Output } from "../output.ts";
import { openSession } from "../session.ts";

interface RotateOptions {
  readonly alg?: string;
  readonly acceptFor?: string;
}

function checkAlg(alg: string | undefined): "EdDSA" | "ES256" | undefined {
  if (alg === undefined || alg === "EdDSA" || alg === "ES256") return alg;
  throw new RowhouseError("usage", { message: `--alg is EdDSA or ES256, not ${alg}` });
}

async function rotate(out: Output, { alg, acceptFor }: RotateOptions): Promise<void> {
  const wanted = {
    alg: checkAlg(alg),
    acceptForSeconds: acceptFor === undefined ? undefined : parseDuration("--accept-for", acceptFor),
  };
  await using session = await openSession("keys rotate");
  const key = await rotateSigningKey(session.platform, wanted, session.actor);
  out.answer(key, `${key.kid}  ${key.alg}`);
  out.talk("Running servers sign with it from now on.");
}

export function registerRotate(group: Command): void {
  const command = group
    .command("rotate")
    .description("make a new signing key; the old one signs no more, and its tokens are accepted for a while")
    .option("--alg <name>", "EdDSA or ES256 (default: EdDSA)")
    .option(
      "--accept-for <duration>",
      "how long tokens of the old key stay good; 0s for a key that leaked (default: 7d)",
    )
    .action(act<RotateOptions>(rotate));
  addExamples(command, [
    ["rowhouse keys rotate", "locks nobody out: no token lives longer than the old key is accepted"],
    ["rowhouse keys rotate --accept-for 0s", "every token signed so far is refused from now on"],
  ]);
}
