import type { Command } from "commander";
import { addExamples } from "./action.ts";
import { registerIssuerAdd, registerIssuerUpdate } from "./issuer/add.ts";
import { registerIssuerLink } from "./issuer/link.ts";
import { registerIssuerList } from "./issuer/list.ts";
import { registerIssuerRemove } from "./issuer/remove.ts";
import { registerIssuerTest } from "./issuer/test.ts";

export function registerIssuer(program: Command): void {
  const group = program
    .command("issuer")
    .description("identity providers that sign tokens for one tenant: add, list, update, remove, link, test");
  for (const register of [
    registerIssuerAdd,
    registerIssuerList,
    registerIssuerUpdate,
    registerIssuerRemove,
    registerIssuerLink,
    registerIssuerTest,
  ])
    register(group);
  addExamples(group, [
    [
      "rowhouse issuer add acme https://acme.eu.auth0.com/ --audience https://api.example.com",
      "its key set is looked up",
    ],
  ]);
}
