import type { Command } from "commander";
import { setData, SETTINGS } from "../../auth/tenant-data.ts";
import { act, addExamples } from "../action.ts";
import type { Output } from "../output.ts";
import { openSession } from "../session.ts";
import { openTenantDesk } from "../tenant-desk.ts";
import { parseJson } from "./list.ts";

interface SetOptions {
  readonly public?: boolean;
}

async function set(out: Output, options: SetOptions, slug: string, name: string, text: string): Promise<void> {
  const value = parseJson(text, "The value");
  await using session = await openSession("setting set");
  await using place = await openTenantDesk(session, slug);
  const wanted = { value, isPublic: options.public };
  const setting = await setData(place.desk, place.actor, SETTINGS, name, wanted);
  out.answer(setting, `${setting.name}  ${JSON.stringify(setting.value)}${setting.isPublic ? "  public" : ""}`);
}

export function registerSettingSet(group: Command): void {
  const command = group
    .command("set <tenant> <name> <json>")
    .description("make a setting, or change it")
    .option("--public", "anybody may read it before sign-in, at /tenant.json")
    .option("--no-public", "members alone may read it")
    .action(act<SetOptions, [string, string, string]>(set));
  // Neither: as it is. Commander takes a --no- option for one that is on by default.
  command.setOptionValue("public", undefined);
  addExamples(command, [
    [`rowhouse setting set acme brand '{"name": "Acme", "color": "#0a7"}' --public`, "what front ends show"],
    [`rowhouse setting set acme auth '{"signup": true}'`, "whether anybody may sign up"],
  ]);
}
