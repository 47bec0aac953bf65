import type { Command } from "commander";
import { approveDemo, declineDemo } from "../../demo/approve.ts";
import { RowhouseError } from "../../errors.ts";
import { originUnder } from "../../tenant/origin.ts";
import { act, addExamples } from "../action.ts";
import type { Output } from "../output.ts";
import { openSession } from "../session.ts";

interface ApproveOptions {
  readonly slug?: string;
  readonly plan?: string;
  readonly role?: string;
  readonly trialDays?: string;
  readonly note?: string;
}

function readDays(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^[1-9]\d{0,2}$/.test(text)) return Number(text);
  throw new RowhouseError("usage", { message: `--trial-days is a number of days, 1 to 999; not ${text}` });
}

async function approve(out: Output, { trialDays, ...options }: ApproveOptions, id: string): Promise<void> {
  const days = readDays(trialDays);
  await using session = await openSession("demo approve");
  const { platform: pool, database, config, actor } = session;
  const originOf = (slug: string) => originUnder(config, slug);
  const { slug, plan, role, note } = options;
  const approval = { slug, plan, role, note, trialDays: days };
  const { request, tenant } = await approveDemo({ pool, keyring: database.keyring, originOf }, id, approval, actor);
  const url = originOf(tenant.slug);
  out.answer({ request, tenant: { ...tenant, url } }, `${tenant.slug}  ${url}`);
  out.talk(
    config.SMTP_URL === undefined
      ? `The invitation for ${request.email} waits in the outbox: rowhouse mail list ${tenant.slug}`
      : `The invitation for ${request.email} goes out by ${"`rowhouse serve`"}.`,
  );
}

async function decline(out: Output, { note }: Pick<ApproveOptions, "note">, id: string): Promise<void> {
  await using session = await openSession("demo decline");
  const request = await declineDemo(session.platform, id, note, session.actor);
  out.answer(request, `declined  ${request.email}`);
}

export function registerDemoDecisions(group: Command): void {
  const approving = group
    .command("approve <id>")
    .description("tenant, subdomain, plan, first user, role and welcome e-mail in one step; again it changes nothing")
    .option("--slug <slug>", "subdomain (default: the one that was asked for, or one made of the company's name)")
    .option("--plan <name>", "plan (default: the default one)")
    .option("--role <name>", "membership role of the first user (default: owner)")
    .option("--trial-days <number>", "days until the trial ends (default: 14)")
    .option("--note <text>", "why, for other operators")
    .action(act<ApproveOptions, [string]>(approve));
  addExamples(approving, [
    ["rowhouse demo approve 7c9e6679-7425-40de-944b-e07fc1f90ae7 --slug print", "then they sign in"],
  ]);
  const declining = group
    .command("decline <id>")
    .description("decline it; nobody is told")
    .option("--note <text>", "why, for other operators")
    .action(act<Pick<ApproveOptions, "note">, [string]>(decline));
  addExamples(declining, [
    ["rowhouse demo decline 7c9e6679-7425-40de-944b-e07fc1f90ae7 --note 'A student'", "kept on the list"],
  ]);
}
