import { join } from "node:path";
import { writeFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { replaceRows } from "../../src/archive/replace.ts";
import { restoreArchive } from "../../src/archive/restore.ts";
import { joinParts, readParts, withManifest } from "./forge.ts";
import { openWorkspace, refusal, type Workspace } from "./workspace.ts";

let db: Workspace;
let path: string;
beforeAll(async () => {
  db = await openWorkspace();
  await db.admin.query(`set role rowhouse_owner;
    create table app.notes (tenant_id uuid not null, id serial, body text, primary key (tenant_id, id));
    select platform.protect_table('app.notes'); reset role`);
  await db.admin.query(
    "insert into app.notes (tenant_id, id, body) select $1, n, 'note' from generate_series(1, 9) n",
    [(await db.tenant("globex")).id],
  );
  path = await db.archive("globex");
});
afterAll(() => db.close());

const lastValue = async () => (await db.admin.query("select last_value from app.notes_id_seq")).rows[0];

/** The archive with another highest id than its rows have. */
async function forged(highest: string): Promise<string> {
  const parts = withManifest(await readParts(path), ({ tables }) => {
    tables.find(({ name }) => name === "notes")!.maxima["id"] = highest;
  });
  const file = join(db.dir, "forged.rowhouse");
  await writeFile(file, joinParts(parts));
  return file;
}

test("a number that would use up the sequence of all tenants is refused, in the manifest or in a row", async () => {
  const before = await lastValue();
  const error = await refusal(
    "archiveSchema",
    restoreArchive(db.database, await forged("2147483000"), { as: "greedy" }),
  );
  expect(error.message).toContain("for every tenant");
  await db.admin.query("update app.notes set id = 2147483647 where id = 9");
  const greedy = await db.archive("globex", "greedy.rowhouse");
  await refusal("archiveSchema", restoreArchive(db.database, greedy, { as: "greedy" }));
  await refusal("archiveSchema", replaceRows(db.database, greedy, { as: "acme", only: ["notes"] }));
  await db.admin.query("update app.notes set id = 9 where id = 2147483647");
  expect(await lastValue()).toEqual(before);
});

test("a manifest that lies about the highest number is refused before the tenant opens", async () => {
  const before = await lastValue();
  const error = await refusal("archiveSchema", restoreArchive(db.database, await forged("1000000"), { as: "liar" }));
  expect(error.message).toContain("highest id");
  expect(await lastValue()).toEqual(before);
});

test("an honest one moves the sequence beyond its rows", async () => {
  await restoreArchive(db.database, path, { as: "honest" });
  expect(await lastValue()).toEqual({ last_value: "9" });
});
