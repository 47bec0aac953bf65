import type { Command } from "commander";
import { readEmail } from "../../auth/email.ts";
import { linkIdentity } from "../../auth/identities.ts";
import { findIssuer } from "../../tenant/issuers.ts";
import { act, addExamples } from "../action.ts";
import type { Output } from "../output.ts";
import { openSession } from "../session.ts";
import { openTenantDesk } from "../tenant-desk.ts";

type Names = [slug: string, issuer: string, email: string, subject: string];

async function link(out: Output, _options: unknown, ...[slug, name, email, subject]: Names): Promise<void> {
  await using session = await openSession("issuer link");
  await using place = await openTenantDesk(session, slug);
  const { issuer } = await findIssuer(session.platform, place.tenant.id, name);
  const linked = await linkIdentity(place.desk, place.actor, readEmail(email), { issuer, subject });
  out.answer({ tenant: slug, ...linked }, `${email}  ${subject}`);
}

export function registerIssuerLink(group: Command): void {
  const command = group
    .command("link <tenant> <issuer> <email> <subject>")
    .description("say which user a subject of the issuer is, where no verified e-mail address does")
    .action(act<unknown, Names>(link));
  addExamples(command, [
    [
      "rowhouse issuer link acme https://login.microsoftonline.com/…/v2.0 ann@acme.example AAAAAAAAAAAAAAAAAAAAAIkz",
      "the `sub` of her tokens",
    ],
  ]);
}
