import { afterAll, beforeAll, expect, test } from "vitest";
import type { Relation } from "../../src/catalog/catalog.ts";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { guildClient, loadGuild } from "./guild-client.ts";
import { readCatalog, type Client } from "./served.ts";

type Row = Readonly<Record<string, unknown>>;

let db: TestDatabase;
let guild: Client;
let relations: Relation[];

beforeAll(async () => {
  db = await testDatabase();
  await loadGuild(db);
  guild = await guildClient(db);
  relations = [...(await readCatalog(db, "guild")).relations.values()];
});
afterAll(() => db.close());

/** Its rows have keys that a client may give. */
const isKeyed = ({ primaryKey, columns }: Relation) =>
  primaryKey.length > 0 && primaryKey.every((name) => columns.get(name)?.generated === false);
const isWritable = ({ verbs }: Relation) => verbs.has("insert") && verbs.has("update");

/** Column names may hold anything: in quotes, and in percents. */
const named = (name: string) => encodeURIComponent(`"${name.replaceAll(/["\\]/g, "\\$&")}"`);
const path = ({ name }: Relation) => `/${encodeURIComponent(name)}`;

function filterFor({ primaryKey }: Relation, row: Row): string {
  const parts = primaryKey.map((name) => {
    const value = row[name];
    return `${named(name)}=eq.${encodeURIComponent(typeof value === "string" ? value : JSON.stringify(value))}`;
  });
  return parts.join("&");
}

/** `select` of what may be given of a row. */
function writable({ columns }: Relation): string {
  const names = [...columns.values()].filter(({ generated }) => !generated).map(({ name }) => named(name));
  return `select=${names.join(",")}`;
}

/** A few rows of it, as text since a number may have more digits than JavaScript's. */
async function some(relation: Relation): Promise<{ readonly text: string; readonly rows: readonly Row[] }> {
  const { text, json } = await guild("GET", `${path(relation)}?limit=5&${writable(relation)}`);
  return { text: text ?? "", rows: json as Row[] };
}

const OBJECT = "application/vnd.pgrst.object+json";

test("every row of every table can be put back as it was read", async () => {
  const tried = new Set<string>();
  for (const relation of relations.filter((each) => each.kind === "table" && isKeyed(each))) {
    for (const row of (await some(relation)).rows) {
      const url = `${path(relation)}?${filterFor(relation, row)}&${writable(relation)}`;
      const { text } = await guild("GET", url, { headers: { accept: OBJECT } });
      const answer = await guild("PUT", url, {
        body: text ?? "",
        headers: { accept: OBJECT, prefer: "return=representation" },
      });
      expect({ url, status: answer.status, text: answer.text }).toEqual({ url, status: 200, text });
      tried.add(relation.name);
    }
  }
  expect(tried.size).toBeGreaterThan(30);
});

test("every row of every table is merged with itself", async () => {
  const headers = { prefer: "return=representation,resolution=merge-duplicates" };
  for (const relation of relations.filter((each) => each.kind === "table" && isKeyed(each))) {
    const { text } = await some(relation);
    const answer = await guild("POST", `${path(relation)}?${writable(relation)}`, { body: text, headers });
    expect({ of: relation.name, status: answer.status, text: answer.text }).toEqual({
      of: relation.name,
      status: 200,
      text,
    });
  }
});

test("every relation that can be written takes an empty change", async () => {
  for (const relation of relations.filter(isWritable)) {
    const answer = await guild("PATCH", path(relation), { body: {}, headers: { prefer: "return=representation" } });
    expect({ of: relation.name, status: answer.status, json: answer.json }).toEqual({
      of: relation.name,
      status: 200,
      json: [],
    });
  }
});

test("every relationship can be embedded in what was written, by whatever few columns are selected", async () => {
  const { foreignKeys } = await readCatalog(db, "guild");
  const writable = new Map(relations.filter(isWritable).map((each) => [each.name, each]));
  const embeds = foreignKeys.flatMap(({ from, to, name }) => [
    { from, to, hint: name },
    { from: to, to: from, hint: name },
    // Two keys of one table join the tables that they lead to.
    ...foreignKeys
      .filter((other) => other.from === from && other.to !== to)
      .map((other) => ({ from: to, to: other.to, hint: from })),
  ]);
  let found = 0;
  for (const { from, to, hint } of embeds) {
    const relation = writable.get(from);
    if (relation === undefined) continue;
    const embed = `${encodeURIComponent(to)}!${encodeURIComponent(hint)}`;
    for (const select of [
      `${embed}(*)`,
      `a:${embed}!inner()`,
      `...${embed}(*)`,
      `x:${named([...relation.columns.keys()][0]!)},${embed}(*)`,
    ]) {
      const url = `${path(relation)}?select=${select}`;
      const answer = await guild("PATCH", url, { body: {}, headers: { prefer: "return=representation" } });
      const code = (answer.json as { code?: string }).code ?? "";
      expect({ url, status: answer.status, code }).toEqual({
        url,
        status: expect.toBeOneOf([200, 300, 400]),
        code: expect.stringMatching(/^$|PGRST/),
      });
      if (answer.status === 200) found += 1;
    }
  }
  expect(found).toBeGreaterThan(100);
});

test("every Location leads to the row", async () => {
  const tried = new Set<string>();
  for (const relation of relations.filter((each) => isWritable(each) && isKeyed(each))) {
    const [row] = (await some(relation)).rows;
    if (row === undefined) continue;
    const filter = `${filterFor(relation, row)}&${writable(relation)}`;
    const { text } = await guild("GET", `${path(relation)}?${filter}`);
    // A row that others refer to stays.
    if ((await guild("DELETE", `${path(relation)}?${filter}`)).status !== 204) continue;
    const said = { body: text ?? "", headers: { prefer: "return=headers-only" } };
    const made = await guild("POST", path(relation), said);
    expect({ of: relation.name, status: made.status, json: made.json }).toEqual({
      of: relation.name,
      status: 201,
      json: null,
    });
    const url = `${made.headers["location"]!.slice("/rest/v1".length)}&${writable(relation)}`;
    expect({ url, text: (await guild("GET", url)).text }).toEqual({ url, text });
    tried.add(relation.name);
  }
  expect(tried.size).toBeGreaterThan(5);
});
