import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { exportTenant } from "../../src/archive/export.ts";
import { openArchive } from "../../src/archive/read.ts";
import { restoreArchive } from "../../src/archive/restore.ts";
import { openSigner } from "../../src/archive/sign.ts";
import { openKeyring } from "../../src/db/keyring.ts";
import { readParts, withManifest, writeParts, type Part } from "./forge.ts";
import { openWorkspace, refusal, type Workspace } from "./workspace.ts";

let db: Workspace;
let own: string;
let path: string;
let parts: Part[];
const stranger = openSigner(openKeyring("somebody else entirely"));

beforeAll(async () => {
  db = await openWorkspace();
  own = openSigner(db.database.keyring).key.text;
  path = join(db.dir, "signed.rowhouse");
  await exportTenant(db.database, { slug: "globex" }, { path, sign: true });
  parts = await readParts(path);
});
afterAll(() => db.close());

async function signatureOf(file: string, publicKeys: string[] = []) {
  const archive = await openArchive(file, { publicKeys });
  await archive.close();
  return archive.signature;
}

const forged = (name: string, made: readonly Part[]) => writeParts(join(db.dir, name), made);

describe("a signed archive", () => {
  test("ends in the signature, and says whose it is", async () => {
    expect(parts.at(-1)!.name).toBe("manifest.sig");
    expect(await signatureOf(path)).toMatchObject({ key: { text: own }, trusted: null });
    expect(await signatureOf(path, [own])).toMatchObject({ trusted: true });
    await refusal("signatureInvalid", signatureOf(path, [stranger.key.text]));
  });

  test("is none any more when its manifest was changed, whatever the digest", async () => {
    const changed = withManifest(parts, (manifest) => (manifest.tenant.name = "Other"));
    const { message } = await refusal("signatureInvalid", signatureOf(await forged("changed", changed)));
    expect(message).toContain("not of this content");
  });

  test("passes for unsigned without its signature, so a wanted key refuses it", async () => {
    const stripped = await forged("stripped", parts.slice(0, -1));
    expect(await signatureOf(stripped)).toBeNull();
    await refusal("signatureInvalid", signatureOf(stripped, [own]));
  });

  test("is a stranger's when a stranger signs what he changed", async () => {
    const changed = withManifest(parts, (manifest) => (manifest.tenant.name = "Other"));
    const manifest = changed.find(({ name }) => name === "manifest.json")!.data;
    const data = stranger.sign(manifest, "rowhouse-archive");
    const file = await forged("stranger", [...changed.slice(0, -1), { name: "manifest.sig", data }]);
    expect(await signatureOf(file)).toMatchObject({ key: { text: stranger.key.text } });
    await refusal("signatureInvalid", signatureOf(file, [own]));
  });

  test("is damaged where the signature stands elsewhere, or twice", async () => {
    const [signature, rest] = [parts.at(-1)!, parts.slice(0, -1)];
    const damage = async (name: string, made: readonly Part[]) =>
      (await refusal("archiveDamaged", signatureOf(await forged(name, made)))).details;
    expect(await damage("first", [signature, ...rest])).toBe(parts.find(({ name }) => name.startsWith("data/"))!.name);
    expect(await damage("middle", rest.toSpliced(-1, 0, signature))).toBe("manifest.json");
    expect(await damage("twice", [...parts, signature])).toBe("manifest.sig");
  });

  test("covers restore.sql", async () => {
    const edit = (part: Part) =>
      part.name === "restore.sql"
        ? { ...part, data: Buffer.concat([part.data, Buffer.from("drop table x;\n")]) }
        : part;
    const { details } = await refusal("archiveDamaged", signatureOf(await forged("script", parts.map(edit))));
    expect(details).toBe("restore.sql");
  });

  test("is restored only by the key that is wanted", async () => {
    const keys = (key: string) => ({ as: "globex-signed", keys: { publicKeys: [key] } });
    await refusal("signatureInvalid", restoreArchive(db.database, path, keys(stranger.key.text)));
    expect((await restoreArchive(db.database, path, keys(own))).created).toBe(true);
  });
});

test("what has no way to the tenant is named in the manifest", async () => {
  const lines = [
    "create table app.rates (id int primary key, percent int)",
    "create materialized view app.totals as select 1 as one",
    "create schema extra",
    "create table extra.notes (tenant_id uuid, note text)",
    "create table extra.countries (code text)",
    "create extension file_fdw",
    "create server files foreign data wrapper file_fdw",
    "create foreign table app.prices (line text) server files options (filename '/dev/null')",
    "alter table app.customers add column photo oid",
  ];
  // file_fdw comes with the server's contrib modules, which the embedded one lacks.
  const { rows } = await db.admin.query("select from pg_available_extensions where name = 'file_fdw'");
  const possible = lines.filter((line) => rows.length > 0 || !/file_fdw|foreign/.test(line));
  for (const line of possible) await db.admin.query(line);
  const { omitted } = await exportTenant(db.database, { slug: "globex" }, { path: join(db.dir, "omitted.rowhouse") });
  const wanted = ["app.customers.photo", "app.prices", "app.rates", "app.totals", "extra.notes"];
  expect(omitted.map(({ relation }) => relation)).toEqual(
    wanted.filter((relation) => rows.length > 0 || relation !== "app.prices"),
  );
  expect(omitted.find(({ relation }) => relation === "app.rates")!.why).toContain("no tenant_id");
});
