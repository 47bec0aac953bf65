import type { Command } from "commander";
import { spreadStatus } from "../../tenant/spread.ts";
import { act, addExamples } from "../action.ts";
import type { Output } from "../output.ts";
import { openSession } from "../session.ts";

const setter = (command: string, status: "active" | "suspended") =>
  act<unknown, [string]>(async (out: Output, _options, slug) => {
    await using session = await openSession(command);
    const tenant = await spreadStatus(session, slug, status, session.actor);
    out.answer(tenant, `${tenant.slug}  ${tenant.status}`);
  });

export function registerSuspend(group: Command): void {
  const command = group
    .command("suspend <slug>")
    .description("refuse every request of the tenant from now on, whatever tokens they carry")
    .action(setter("tenant suspend", "suspended"));
  addExamples(command, [["rowhouse tenant suspend acme", "nothing is deleted; `tenant activate` takes it back"]]);
}

export function registerActivate(group: Command): void {
  const command = group
    .command("activate <slug>")
    .description("serve a suspended tenant again")
    .action(setter("tenant activate", "active"));
  addExamples(command, [["rowhouse tenant activate acme", "its tokens that have not expired work again"]]);
}
