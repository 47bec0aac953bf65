import type { Command } from "commander";
import { openTokenSecrets, removeTokenSecret, setTokenSecret } from "../../auth/secrets.ts";
import { RowhouseError } from "../../errors.ts";
import { findTenant } from "../../tenant/change.ts";
import { act, addExamples } from "../action.ts";
import type { Output } from "../output.ts";
import { openSession, type Session } from "../session.ts";

interface SecretOptions {
  readonly rotate?: boolean;
  readonly remove?: boolean;
}

async function refuseIfSet({ platform }: Session, slug: string): Promise<void> {
  const { id } = await findTenant(platform, slug);
  if ((await openTokenSecrets(platform).find(id)) === undefined) return;
  throw new RowhouseError("usage", {
    message: `${slug} has a secret already, and it was shown once only`,
    hint: "--rotate replaces it, --remove removes it; what it signed is refused from then on.",
  });
}

async function secret(out: Output, options: SecretOptions, slug: string): Promise<void> {
  if (options.rotate === true && options.remove === true)
    throw new RowhouseError("usage", { message: "--rotate and --remove exclude each other" });
  await using session = await openSession("keys secret");
  if (options.remove === true) {
    const removed = await removeTokenSecret(session.platform, slug, session.actor);
    out.answer({ tenant: slug, removed }, removed ? `removed  ${slug}` : "");
    if (!removed) out.talk(`${slug} has no secret.`);
    return;
  }
  if (options.rotate !== true) await refuseIfSet(session, slug);
  const made = await setTokenSecret(session.platform, slug, session.actor);
  out.talk(`Shown once. Tokens: alg ${made.alg}, iss ${made.issuer}, tenant ${made.tenantId}, and aud, sub, iat, exp.`);
  out.answer({ tenant: slug, ...made, audience: session.config.TOKEN_AUDIENCE }, made.secret);
}

export function registerSecret(group: Command): void {
  const command = group
    .command("secret <slug>")
    .description("give a tenant an HS256 secret, by which its own backend signs tokens for itself alone")
    .option("--rotate", "replace the one that it has")
    .option("--remove", "remove the one that it has")
    .action(act<SecretOptions, [string]>(secret));
  addExamples(command, [
    ["rowhouse keys secret acme", "prints the secret alone on stdout, this once"],
    ["rowhouse keys secret acme --json", "and the claims that a token must carry"],
    ["rowhouse keys secret acme --remove", "what it signed is refused from now on"],
  ]);
}
