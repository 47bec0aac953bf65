import type { Command } from "commander";
import { LOCATIONS, setData } from "../../auth/tenant-data.ts";
import { act, addExamples } from "../action.ts";
import type { Output } from "../output.ts";
import { openSession } from "../session.ts";
import { openTenantDesk } from "../tenant-desk.ts";
import { parseJson } from "./list.ts";

interface SetOptions {
  readonly name?: string;
  readonly address?: string;
  readonly active?: boolean;
}

async function set(out: Output, { name, address, active }: SetOptions, slug: string, code: string): Promise<void> {
  const wanted = {
    name,
    isActive: active,
    ...(address !== undefined && { address: parseJson(address, "The address") }),
  };
  await using session = await openSession("location set");
  await using place = await openTenantDesk(session, slug);
  const location = await setData(place.desk, place.actor, LOCATIONS, code, wanted);
  out.answer(location, `${location.code}  ${location.name}${location.isActive ? "" : "  inactive"}`);
}

export function registerLocationSet(group: Command): void {
  const command = group
    .command("set <tenant> <code>")
    .description("make a location, or change it")
    .option("--name <text>", "what it is called")
    .option("--address <json>", "an object, as the tenant wants it")
    .option("--active", "it counts for the plan's limit")
    .option("--no-active", "it is kept, and counts no more")
    .action(act<SetOptions, [string, string]>(set));
  // Neither: as it is. Commander takes a --no- option for one that is on by default.
  command.setOptionValue("active", undefined);
  addExamples(command, [
    [`rowhouse location set acme B2 --name Branch --address '{"city": "Graz"}'`, "made when it is not there"],
    ["rowhouse location set acme B2 --no-active", "closed"],
  ]);
}
