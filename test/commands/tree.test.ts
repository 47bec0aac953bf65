import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { leafCommands, program } from "../../scripts/reference-commands.ts";
import { examplesOf } from "../../src/commands/action.ts";
import { ROOT, run } from "./rowhouse.ts";

const page = readFileSync(join(ROOT, "docs/reference/commands.md"), "utf8");
const leaves = leafCommands(program).map((command) => ({
  command,
  name: `${command.parent?.parent == null ? "" : `${command.parent.name()} `}${command.name()}`,
}));

test("the commands are those of the design", () => {
  expect(leaves.map(({ name }) => name)).toEqual([
    "serve",
    "migrate",
    "tenant create",
    "tenant list",
    "tenant show",
    "tenant suspend",
    "tenant activate",
    "tenant rename",
    "tenant delete",
    "database add",
    "database list",
    "database test",
    "database remove",
    "domain add",
    "domain list",
    "domain verify",
    "domain recheck",
    "domain primary",
    "domain remove",
    "issuer add",
    "issuer list",
    "issuer update",
    "issuer remove",
    "issuer link",
    "issuer test",
    "plan list",
    "plan set",
    "plan remove",
    "plan assign",
    "demo list",
    "demo approve",
    "demo decline",
    "webhook add",
    "webhook list",
    "webhook update",
    "webhook remove",
    "webhook rotate",
    "webhook deliveries",
    "webhook redeliver",
    "webhook ping",
    "operator invite",
    "operator list",
    "operator role",
    "operator deactivate",
    "operator activate",
    "audit",
    "token",
    "keys list",
    "keys rotate",
    "keys secret",
    "keys archive",
    "user add",
    "user list",
    "user invite",
    "user deactivate",
    "user activate",
    "user role",
    "user password",
    "role list",
    "role show",
    "role create",
    "role grant",
    "role revoke",
    "role delete",
    "key create",
    "key list",
    "key rotate",
    "key revoke",
    "setting list",
    "setting set",
    "setting remove",
    "flag list",
    "flag set",
    "flag remove",
    "location list",
    "location set",
    "location remove",
    "mail list",
    "mail show",
    "mail resend",
    "types",
    "export",
    "verify",
    "inspect",
    "restore",
    "clone",
    "diff",
    "purge",
    "promote",
    "demote",
    "move",
    "moves list",
    "moves show",
    "moves resume",
    "moves abort",
    "moves rollback",
    "adopt",
    "check",
    "doctor",
  ]);
});

describe.each(leaves)("$name", ({ command, name }) => {
  test("has examples, which name it", () => {
    expect(examplesOf(command).length).toBeGreaterThan(0);
    expect(examplesOf(command).some(([line]) => line.includes(`rowhouse ${name}`))).toBe(true);
  });

  test("stands in docs/reference/commands.md with every option", () => {
    expect(page).toContain(`## \`rowhouse ${name}`);
    for (const { flags } of command.options) expect(page).toContain(`\`${flags}\``);
  });
});

test("--help goes to stdout, with Examples and the options that every command takes", async () => {
  const { code, stdout, stderr } = await run(["tenant", "create", "--help"]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toMatch(/^Usage: rowhouse tenant create \[options\] <slug>/);
  for (const part of ["--if-not-exists", "--json", "--quiet", "--no-color", "Examples:\n  $ rowhouse tenant create"]) {
    expect(stdout).toContain(part);
  }
});

test("--version prints the package's", async () => {
  const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { version: string };
  expect(await run(["--version"])).toMatchObject({ code: 0, stdout: `${version}\n`, stderr: "" });
});
