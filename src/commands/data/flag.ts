import type { Command } from "commander";
import { FEATURE_FLAGS, setData } from "../../auth/tenant-data.ts";
import { RowhouseError } from "../../errors.ts";
import { act, addExamples } from "../action.ts";
import type { Output } from "../output.ts";
import { openSession } from "../session.ts";
import { openTenantDesk } from "../tenant-desk.ts";
import { parseJson } from "./list.ts";

interface SetOptions {
  readonly payload?: string;
}

/** @throws RowhouseError usage */
function parseState(state: string): boolean {
  if (state === "on" || state === "off") return state === "on";
  throw new RowhouseError("usage", {
    message: `A flag is on or off; not ${state}`,
    hint: "rowhouse flag set acme beta on",
  });
}

async function set(out: Output, { payload }: SetOptions, slug: string, name: string, state: string): Promise<void> {
  const wanted = {
    isEnabled: parseState(state),
    ...(payload !== undefined && { payload: parseJson(payload, "The payload") }),
  };
  await using session = await openSession("flag set");
  await using place = await openTenantDesk(session, slug);
  const flag = await setData(place.desk, place.actor, FEATURE_FLAGS, name, wanted);
  out.answer(flag, `${flag.name}  ${flag.isEnabled ? "on" : "off"}`);
}

export function registerFlagSet(group: Command): void {
  const command = group
    .command("set <tenant> <name> <on|off>")
    .description("switch a feature on or off for a tenant")
    .option("--payload <json>", "what the feature wants to know besides")
    .action(act<SetOptions, [string, string, string]>(set));
  addExamples(command, [
    ["rowhouse flag set acme beta on", "made when it is not there"],
    [`rowhouse flag set acme new-till on --payload '{"share": 0.5}'`, "facts for the app go along"],
  ]);
}
