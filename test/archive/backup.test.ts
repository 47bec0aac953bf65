import { copyFile, mkdir, readdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { backUpTenants, backupName, type Backup, type BackupOptions } from "../../src/archive/backup.ts";
import { verifyArchive } from "../../src/archive/verify.ts";
import { listTenants } from "../../src/tenant/change.ts";
import type { Tenant } from "../../src/tenant/tenant.ts";
import { openWorkspace, refusal, type Workspace } from "./workspace.ts";

let db: Workspace;
let dir: string;
let count = 0;
let globex: string;
let initech: string;
beforeAll(async () => {
  db = await openWorkspace();
  globex = await db.archive("globex");
  initech = await db.archive("initech");
});
beforeEach(async () => {
  dir = join(db.dir, `backups-${++count}`);
  await mkdir(dir);
});
afterAll(() => db.close());

const backUp = (tenants: readonly Tenant[], options: Partial<BackupOptions> = {}) =>
  backUpTenants(tenants, { dir, databaseOf: () => db.database, ...options });
const files = async () => (await readdir(dir)).toSorted();
const nameOf = ({ path }: Backup) => path.slice(dir.length + 1);

test("a name says whose it is and from when, and sorts by time", () => {
  expect(backupName("acme", new Date("2026-11-21T09:32:40.123Z"))).toBe("acme-20261121T093240Z.rowhouse");
});

describe("every tenant", () => {
  test("gets an archive of its own, several side by side", async () => {
    const tenants = await listTenants(db.platform);
    const done: string[] = [];
    const backups = await backUp(tenants, { atOnce: 3, onDone: ({ tenant }) => done.push(tenant.slug) });
    expect(backups.map(({ tenant }) => tenant.slug)).toEqual(["acme", "globex", "initech"]);
    expect(done.toSorted()).toEqual(["acme", "globex", "initech"]);
    expect(await files()).toEqual(backups.map(nameOf));
    for (const { tenant, path, manifest, verified, bytes } of backups) {
      expect(await verifyArchive(path)).toEqual(manifest);
      expect(manifest?.tenant.id).toBe(tenant.id);
      expect({ verified, isLarge: bytes > 1000 }).toEqual({ verified: true, isLarge: true });
    }
  });

  test("never more than so many at once", async () => {
    let [running, most] = [0, 0];
    const databaseOf = () => {
      most = Math.max(most, ++running);
      return db.database;
    };
    await backUp(await listTenants(db.platform), { atOnce: 1, databaseOf, onDone: () => running-- });
    expect(most).toBe(1);
  });

  test("a failure of one is told, and the others go on", async () => {
    const [acme, ...rest] = await listTenants(db.platform);
    const gone = { ...acme!, slug: "nobody" };
    const backups = await backUp([gone, ...rest], { keep: 1 });
    expect(backups.map(({ manifest }) => manifest !== null)).toEqual([false, true, true]);
    expect(backups[0]!.error).toMatchObject({ kind: "tenantUnknown" });
    expect(await files()).toEqual(backups.slice(1).map(nameOf));
  });

  test("an interruption ends all of them, and leaves no half file", async () => {
    const controller = new AbortController();
    const reason = new Error("enough");
    const onProgress = () => controller.abort(reason);
    await expect(backUp(await listTenants(db.platform), { signal: controller.signal, onProgress })).rejects.toBe(
      reason,
    );
    expect(await files()).toEqual([]);
  });
});

describe("keeping the newest", () => {
  const old = (slug: string, day: number, suffix = ".rowhouse") =>
    `${slug}-202601${String(day).padStart(2, "0")}T000000Z${suffix}`;

  test("removes the older archives of that tenant, and nothing else", async () => {
    for (const day of [1, 2, 3, 4]) await copyFile(globex, join(dir, old("globex", day)));
    const others = [
      "globex.rowhouse",
      "globex-2026.rowhouse",
      old("globex", 1, ".rowhouse.old"),
      `my-${old("globex", 1)}`,
      old("globex-2", 1),
      "notes.txt",
    ];
    for (const name of others) await copyFile(globex, join(dir, name));
    await copyFile(initech, join(dir, old("globex", 5))); // named like ours, of another tenant by its manifest
    await writeFile(join(dir, old("globex", 6)), "no archive");
    await copyFile(initech, join(dir, old("initech", 1)));
    await symlink(globex, join(dir, old("globex", 7)));
    await mkdir(join(dir, old("globex", 8)));
    const [backup] = await backUp([await db.tenant("globex")], { keep: 3 });
    expect(backup!.removed).toEqual([old("globex", 2), old("globex", 1)]);
    const kept = [3, 4, 5, 6, 7, 8].map((day) => old("globex", day));
    expect(await files()).toEqual([...others, ...kept, old("initech", 1), nameOf(backup!)].toSorted());
  });

  test("removes nothing that is newer than the new one", async () => {
    const future = "globex-29990101T000000Z.rowhouse";
    await copyFile(globex, join(dir, future));
    const [backup] = await backUp([await db.tenant("globex")], { keep: 1 });
    expect(backup!.removed).toEqual([]);
    expect(await files()).toEqual([nameOf(backup!), future].toSorted());
  });

  test("removes nothing when the export fails", async () => {
    await copyFile(globex, join(dir, old("globex", 1)));
    const databaseOf = () => Promise.reject(new Error("no database today"));
    const [backup] = await backUp([await db.tenant("globex")], { keep: 1, databaseOf });
    expect(backup).toMatchObject({ manifest: null, removed: [], error: { message: "no database today" } });
    expect(await files()).toEqual([old("globex", 1)]);
  });

  test("wants archives that it can read again", async () => {
    const globexNow = [await db.tenant("globex")];
    await refusal("usage", backUp(globexNow, { keep: 0 }));
    await refusal("usage", backUp(globexNow, { keep: 1, format: "ndjson" }));
    const recipients = ["age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqsn0h9a"];
    await refusal("usage", backUp(globexNow, { keep: 1, encrypt: { recipients } }));
    expect(await files()).toEqual([]);
  });

  test("works with encrypted ones where their key is there", async () => {
    const keyed = async () => {
      const identity = await generateX25519Identity();
      return { encrypt: { recipients: [await identityToRecipient(identity)] }, keys: { identities: [identity] } };
    };
    const [own, other] = [await keyed(), await keyed()];
    const [first] = await backUp([await db.tenant("globex")], own);
    const aged = old("globex", 9);
    await copyFile(first!.path, join(dir, aged));
    await copyFile(first!.path, join(dir, old("globex", 8)));
    const [second] = await backUp([await db.tenant("globex")], { ...other, keep: 1 });
    expect(second).toMatchObject({ removed: [], verified: true });
    const [third] = await backUp([await db.tenant("globex")], { ...own, keep: 2 });
    expect(third!.removed).toEqual([aged, old("globex", 8)]);
    expect(await files()).toEqual([first!, second!, third!].map(nameOf).toSorted());
  });
});
