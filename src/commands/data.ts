import type { Command } from "commander";
import { addExamples } from "./action.ts";
import { registerFlagSet } from "./data/flag.ts";
import { registerList, registerRemove } from "./data/list.ts";
import { registerLocationSet } from "./data/location.ts";
import { registerSettingSet } from "./data/setting.ts";
import { FEATURE_FLAGS, LOCATIONS, SETTINGS } from "../auth/tenant-data.ts";

export function registerSetting(program: Command): void {
  const group = program.command("setting").description("settings and branding of a tenant: list, set, remove");
  registerList(
    group,
    SETTINGS,
    "settings",
    ({ name, value, isPublic }) => [name, isPublic ? "public" : "", JSON.stringify(value)],
    ["NAME", "SEEN", "VALUE"],
  );
  registerSettingSet(group);
  registerRemove(group, SETTINGS, "theme");
  addExamples(group, [[`rowhouse setting set acme brand '{"color": "#0a7"}' --public`, "see /tenant.json"]]);
}

export function registerFlag(program: Command): void {
  const group = program.command("flag").description("feature flags of a tenant: list, set, remove");
  registerList(
    group,
    FEATURE_FLAGS,
    "feature flags",
    ({ name, isEnabled, payload }) => [name, isEnabled ? "on" : "off", JSON.stringify(payload)],
    ["NAME", "STATE", "PAYLOAD"],
  );
  registerFlagSet(group);
  registerRemove(group, FEATURE_FLAGS, "beta");
  addExamples(group, [["rowhouse flag set acme beta on", "its users see it at /rest/v1/feature_flags"]]);
}

export function registerLocation(program: Command): void {
  const group = program.command("location").description("locations of a tenant: list, set, remove");
  registerList(
    group,
    LOCATIONS,
    "locations",
    ({ code, name, isActive, address }) => [code, name, isActive ? "" : "inactive", JSON.stringify(address)],
    ["CODE", "NAME", "STATE", "ADDRESS"],
  );
  registerLocationSet(group);
  registerRemove(group, LOCATIONS, "B2");
  addExamples(group, [["rowhouse location set acme B2 --name 'Branch, Graz'", "made, or changed when it is there"]]);
}
