import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { serveGuild } from "../catalog/guild.ts";
import { SALES, testDatabase, type TestDatabase } from "../harness.ts";
import { ROOT, runOn, type Ended } from "./rowhouse.ts";

let db: TestDatabase;
let folder: string;
let rowhouse: (...args: string[]) => Promise<Ended>;
beforeAll(async () => {
  db = await testDatabase();
  await serveGuild(db);
  rowhouse = runOn(db.url, { ROWHOUSE_APP: SALES });
  folder = await mkdtemp(join(tmpdir(), "rowhouse-types-"));
  await symlink(join(ROOT, "node_modules"), join(folder, "node_modules"));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  await db.close();
});

const OPTIONS = ["--noEmit", "--strict", "--skipLibCheck", "--target", "esnext", "--module", "nodenext"];

/** What the compiler says of a program beside `database.ts`; empty when it compiles. */
async function compile(program: string): Promise<string> {
  await writeFile(join(folder, "package.json"), '{ "type": "module" }');
  await writeFile(join(folder, "program.ts"), program);
  const tsc = join(ROOT, "node_modules/.bin/tsc");
  const args = [...OPTIONS, "--allowImportingTsExtensions", "program.ts"];
  return new Promise((resolve, reject) => {
    execFile(tsc, args, { cwd: folder }, (error, stdout, stderr) => {
      if (error !== null && typeof error.code !== "number") reject(error);
      else resolve(stdout + stderr);
    });
  });
}

const HEAD = `
import { createClient } from "@supabase/supabase-js";
import { Constants, type Database, type Enums, type Tables, type TablesInsert } from "./database.ts";
const app = createClient<Database, "app">("http://acme.localhost", "key", { db: { schema: "app" } });
const guild = createClient<Database, "guild">("http://acme.localhost", "key", { db: { schema: "guild" } });
`;

const RIGHT = `${HEAD}
export async function read() {
  const { data } = await app.from("invoices").select("id, number, customers(name)").eq("number", "2026-7").single();
  const name: string | undefined = data?.customers.name;
  const members = await guild.from("members").select("id, rank, skills, profile, initials, halls(city)");
  const rank: "apprentice" | "journeyman" | "master" | "warden" | undefined = members.data?.[0]?.rank;
  const skills: string[] | undefined = members.data?.[0]?.skills;
  const city: string | null | undefined = members.data?.[0]?.halls?.city;
  const view = await guild.from("senior_members").select("full_name, halls(name)");
  const led = await guild.from("members").select("id, workshops_led(name)");
  const workshop: string | undefined = led.data?.[0]?.workshops_led[0]?.name;
  const odd = await guild.from("Mixed Case").select("*");
  return [name, rank, skills, city, view, workshop, odd.data?.[0]?.["Some Value"]];
}
export async function write(row: TablesInsert<"members", "guild">) {
  await guild.from("members").insert({ email: "a@b", first_name: "A", last_name: "B", rank: "master" });
  await guild.from("members").update({ fee: 3 }).eq("id", 1);
  await guild.from("member_cards").insert({ email: "a@b", name: "A B" });
  return guild.from("members").insert(row).select("id").single();
}
export async function call() {
  const sum = await guild.rpc("add_them", { a: 1, b: 2 });
  const number: number | null = sum.data;
  const list = await guild.rpc("list_members").select("id, email");
  const one = await guild.rpc("area", { width: 2, height: 3 });
  const totals = await guild.rpc("month_totals", { year: 2026 });
  const month: number | undefined = totals.data?.[0]?.month;
  await guild.rpc("open_ticket", { subject: "Leak" });
  return [number, list.data?.[0]?.email, one, month];
}
export const invoice = (row: Tables<"invoices">) => row.id;
export const member = (row: Tables<"members", "guild">) => row.email;
export const size = (row: Database["guild"]["CompositeTypes"]["dimensions"]) => row["depth in cm"];
export const ranks: readonly string[] = Constants.guild.Enums.rank;
export type State = Database["guild"]["Enums"]["commission_state"];
export const none = (name: Enums<never>) => name;
`;

test("is what supabase-js takes: the right names compile", async () => {
  const { code, stderr } = await rowhouse("types", "--out", join(folder, "database.ts"));
  expect([code, stderr]).toEqual([0, expect.stringMatching(/database\.ts has \d+ relations and \d+ functions\./)]);
  expect(await compile(RIGHT)).toBe("");
}, 300_000);

const WRONG: Readonly<Record<string, string>> = {
  "a column that is not there": `app.from("invoices").update({ numbr: 1 });`,
  tenant_id: `app.from("invoices").insert({ tenant_id: "x", customer_id: "y" });`,
  "a relation that is not there": `app.from("invoyces").select();`,
  "one of another schema": `app.from("members").select();`,
  "a generated column": `guild.from("members").update({ full_name: "A B" });`,
  "an enum's unknown label": `guild.from("members").update({ rank: "king" });`,
  "a missing column that has no default": `guild.from("members").insert({ email: "a@b" });`,
  "a view that can't be written": `guild.from("commission_totals").insert({ id: 1 });`,
  "a function that is not there": `guild.rpc("subtract_them", { a: 1, b: 2 });`,
  "a wrong argument": `guild.rpc("add_them", { a: "one", b: 2 });`,
  "a selected column that is not there": `async () => { const { data } = await app.from("invoices").select("numbr"); data?.[0]?.numbr.toFixed(); };`,
};

test("wrong ones do not", async () => {
  const lines = Object.values(WRONG).map((line, n) => `export const tried${n} = ${line}`);
  const said = await compile(HEAD.trim() + "\n" + lines.join("\n"));
  const before = HEAD.trim().split("\n").length;
  const refused = new Set([...said.matchAll(/^program\.ts\((\d+),/gm)].map(([, line]) => Number(line) - before - 1));
  expect(Object.keys(WRONG).filter((_, n) => !refused.has(n))).toEqual([]);
  expect([...refused].filter((n) => n < 0)).toEqual([]);
}, 300_000);

test("one schema alone needs no name, and tenant_id is in none of it", async () => {
  const { code, stdout } = await rowhouse("types", "--schema", "app");
  expect(code).toBe(0);
  await writeFile(join(folder, "app.ts"), stdout);
  const alone = `
import { createClient } from "@supabase/supabase-js";
import type { Database, Tables } from "./app.ts";
const client = createClient<Database>("http://acme.localhost", "key");
export const { data } = await client.from("invoices").select("id, customers(name)").limit(1);
export const name: string | undefined = data?.[0]?.customers.name;
export const row = (invoice: Tables<"invoices">): string => invoice.id;
`;
  expect(await compile(alone)).toBe("");
  expect(await compile(alone.replace("invoices", "invoyces"))).not.toBe("");
  expect(stdout).toContain("export type Database = {");
  expect(stdout).not.toMatch(/tenant_id|guild/);
  expect(await readFile(join(folder, "database.ts"), "utf8")).not.toContain("tenant_id");
  const { json } = await rowhouse("types", "--schema", "guild", "--json");
  expect(json()).toMatchObject({ schemas: ["guild"], types: expect.stringContaining("Größen") });
  const unknown = await rowhouse("types", "--schema", "nothing");
  expect([unknown.code, unknown.stderr]).toEqual([2, expect.stringContaining("These are: app, guild.")]);
}, 300_000);
