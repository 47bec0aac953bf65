import { readFile } from "node:fs/promises";
import type { TestDatabase } from "../harness.ts";
import type { SETTINGS } from "./fixture.ts";
import { client, readCatalog, type Client } from "./served.ts";

const read = (name: string) => readFile(new URL(`guild/${name}.sql`, import.meta.url), "utf8");

/** Loads the guild's single-tenant schema as it stands, and lets the API role use it. */
export async function loadGuild(db: TestDatabase): Promise<void> {
  await db.admin.query(await read("schema"));
  await db.admin.query(await read("data"));
  await db.admin.query(`
    grant usage on schema guild to rowhouse_api;
    grant select, insert, update, delete on all tables in schema guild to rowhouse_api;
    grant execute on all functions in schema guild to rowhouse_api;
    analyze;
  `);
}

/** Speaks the dialect to the guild. */
export async function guildClient(db: TestDatabase, settings: Partial<typeof SETTINGS> = {}): Promise<Client> {
  return client(db, "acme", await readCatalog(db, "guild"), {}, settings);
}
