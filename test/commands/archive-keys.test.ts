import { execFile, spawnSync } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { generateIdentity, identityToRecipient } from "age-encryption";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { openSigner } from "../../src/archive/sign.ts";
import { openKeyring } from "../../src/db/keyring.ts";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { run, runOn, type Ended } from "./rowhouse.ts";

// Each test starts up to ten processes, and passphrases are slow on purpose.
vi.setConfig({ testTimeout: 600_000 });

let db: TestDatabase;
let folder: string;
let rowhouse: (...args: string[]) => Promise<Ended>;
const file = (name: string) => join(folder, name);
/** On a machine that knows neither database nor secret. */
const elsewhere = (...args: string[]) => run(args, { env: { ROWHOUSE_SECRET: "" } });

beforeAll(async () => {
  db = await testDatabase();
  folder = await mkdtemp(join(tmpdir(), "rowhouse-keys-"));
  rowhouse = runOn(db.url);
});
afterAll(async () => {
  await db.close();
  await rm(folder, { recursive: true });
});

test("a signed archive is verified by the public key, anywhere", async () => {
  const key = (await rowhouse("keys", "archive")).stdout.trim();
  expect(key).toMatch(/^ssh-ed25519 AAAA\S+$/);
  expect(await rowhouse("export", "globex", "-o", file("signed"), "--sign")).toMatchObject({ code: 0 });
  const demanded = await elsewhere("verify", file("signed"), "--key", key);
  expect(demanded).toMatchObject({ code: 0, stderr: expect.stringContaining("as demanded") });
  const known = await rowhouse("verify", file("signed"));
  expect(known).toMatchObject({ code: 0, stderr: expect.stringContaining("signed by this deployment") });
  const unknown = await elsewhere("verify", file("signed"), "--json");
  expect(unknown.json()).toMatchObject({ signature: { key, own: null, trusted: null } });
  const other = openSigner(openKeyring("another secret of others")).key.text;
  expect(await elsewhere("verify", file("signed"), "--key", other)).toMatchObject({ code: 1, stdout: "" });
  expect(await elsewhere("inspect", file("signed"), "--key", other)).toMatchObject({ code: 1, stdout: "" });
  expect(await elsewhere("verify", file("signed"), "--key", "ssh-rsa AAAA")).toMatchObject({ code: 2 });
});

test("inspect tells what is in an archive, and the same as JSON", async () => {
  await rowhouse("export", "acme", "-o", file("acme"));
  const { code, stdout } = await elsewhere("inspect", file("acme"));
  expect(code).toBe(0);
  expect(stdout).toMatch(/^tenant +acme \(Acme Corp\), active\n/);
  expect(stdout).toMatch(/\nfile +\S+ \S+, not encrypted, not signed\n/);
  expect(stdout).toMatch(/\nTABLE +ROWS +BYTES +PACKED\n[^]*app\.invoices +[\d,]+ /);
  const inspected = (await elsewhere("inspect", file("acme"), "--json")).json();
  const verified = (await elsewhere("verify", file("acme"), "--json")).json();
  expect(inspected["manifest"]).toEqual(verified["manifest"]);
  expect(inspected).toMatchObject({ encrypted: false, signature: null, rows: verified["rows"] });
  expect(await elsewhere("inspect", file("nothing"))).toMatchObject({ code: 4 });
});

test("an encrypted archive is opened by the identity's file", async () => {
  const identity = await generateIdentity();
  const recipient = await identityToRecipient(identity);
  await writeFile(file("key.txt"), `# created: today\n# public key: ${recipient}\n${identity}\n`);
  expect(await rowhouse("export", "globex", "-o", file("locked"), "--encrypt", recipient)).toMatchObject({ code: 0 });
  for (const command of ["verify", "inspect"]) {
    expect(await elsewhere(command, file("locked"))).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("--identity"),
    });
    expect(await elsewhere(command, file("locked"), "--identity", file("key.txt"))).toMatchObject({ code: 0 });
  }
  expect(await elsewhere("verify", file("locked"), "--identity", file("none"))).toMatchObject({ code: 4 });
  const restored = await rowhouse("restore", file("locked"), "--as", "globex-2", "--identity", file("key.txt"));
  expect(restored).toMatchObject({ code: 0 });
});

test("a passphrase comes from the settings, never from the arguments", async () => {
  const withPhrase = (phrase: string, ...args: string[]) =>
    run(args, { env: { DATABASE_URL: db.url, ARCHIVE_PASSPHRASE: phrase } });
  const exported = await withPhrase("correct horse", "export", "globex", "-o", file("phrase"), "--passphrase");
  expect(exported).toMatchObject({ code: 0 });
  expect(await withPhrase("correct horse", "verify", file("phrase"))).toMatchObject({ code: 0 });
  expect(await withPhrase("wrong", "verify", file("phrase"))).toMatchObject({ code: 1 });
  const unasked = await rowhouse("export", "globex", "-o", file("never"), "--passphrase");
  expect(unasked).toMatchObject({ code: 2, stderr: expect.stringContaining("ARCHIVE_PASSPHRASE") });
  await writeFile(file("phrase.txt"), "correct horse\n");
  const byFile = { env: { ROWHOUSE_SECRET: "", ARCHIVE_PASSPHRASE_FILE: file("phrase.txt") } };
  expect(await run(["inspect", file("phrase")], byFile)).toMatchObject({ code: 0 });
});

test("formats go to files, folders and pipes", async () => {
  for (const format of ["sql", "ndjson", "sqlite"])
    expect(await rowhouse("export", "globex", "--format", format, "-o", file(`globex.${format}`))).toMatchObject({
      code: 0,
    });
  const csv = (await rowhouse("export", "globex", "--format", "csv", "-o", file("globex-csv"), "--json")).json();
  expect(csv).toMatchObject({ format: "csv", path: file("globex-csv") });
  expect(await readdir(file("globex-csv"))).toContain("app.invoices.csv");
  const piped = await rowhouse("export", "globex", "--format", "ndjson", "-o", "-");
  expect(piped.stdout).toBe(await readFile(file("globex.ndjson"), "utf8"));
  expect(piped.stderr).toContain("to stdout");
  expect(await rowhouse("export", "globex", "--format", "xml")).toMatchObject({ code: 2 });
  expect(await rowhouse("export", "globex", "-o", "-", "--json")).toMatchObject({ code: 2, stdout: "" });
  expect(await rowhouse("export", "globex", "--format", "csv", "--sign")).toMatchObject({ code: 2 });
  const mode = (
    await promisify(execFile)("stat", ["-c", "%a", file("globex.sql"), file("globex.sqlite"), file("globex-csv")])
  ).stdout;
  expect(mode).toBe("600\n600\n700\n");
});

test("an archive in a pipe is the archive", async ({ skip }) => {
  skip(spawnSync("sh", ["-c", "command -v tar"]).status !== 0, "tar is not installed here");
  const cli = join(import.meta.dirname, "../../src/cli.ts");
  const line = `"${process.execPath}" "${cli}" export globex -q -o - | tar -tf - | tail -n 2`;
  const env = {
    PATH: process.env["PATH"] ?? "",
    NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"] ?? "",
    DATABASE_URL: db.url,
    ROWHOUSE_SECRET: "a-secret-for-tests-only",
  };
  const { stdout } = await promisify(execFile)("sh", ["-c", line], { env });
  expect(stdout).toBe("manifest.json\nmanifest.sha256\n");
});
