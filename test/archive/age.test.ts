import { execFile, spawnSync } from "node:child_process";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Writable } from "node:stream";
import { promisify } from "node:util";
import { Decrypter, Encrypter, generateIdentity, identityToRecipient } from "age-encryption";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { encryptChunks, unlockSource } from "../../src/archive/age.ts";
import { exportTenant } from "../../src/archive/export.ts";
import { openArchive } from "../../src/archive/read.ts";
import { openSource } from "../../src/archive/source.ts";
import { verifyTables } from "../../src/archive/verify.ts";
import { openWorkspace, refusal, type Workspace } from "./workspace.ts";

const run = promisify(execFile);
const CHUNK = 64 * 1024;

let db: Workspace;
let identity: string;
let recipient: string;

beforeAll(async () => {
  db = await openWorkspace();
  identity = await generateIdentity();
  recipient = await identityToRecipient(identity);
});
afterAll(() => db.close());

async function encrypted(
  name: string,
  locks: { recipients?: string[]; passphrase?: string },
  slug = "globex",
): Promise<string> {
  const path = join(db.dir, name);
  await exportTenant(db.database, { slug }, { path, encrypt: locks, sign: true, overwrite: true });
  return path;
}

async function whole(path: string, keys: Parameters<typeof openArchive>[1]): Promise<string> {
  const archive = await openArchive(path, keys);
  try {
    await verifyTables(archive, {});
    return `${archive.manifest.tenant.slug} ${archive.encrypted}`;
  } finally {
    await archive.close();
  }
}

describe("an encrypted archive", () => {
  test("opens by any of the keys that it is for", async () => {
    const second = await generateIdentity();
    const path = await encrypted("two.rowhouse", { recipients: [recipient, await identityToRecipient(second)] });
    expect(await whole(path, { identities: [identity] })).toBe("globex true");
    expect(await whole(path, { identities: [await generateIdentity(), second] })).toBe("globex true");
    expect((await readFile(path)).includes("rowhouse-archive")).toBe(false);
  });

  test("opens by its passphrase", async () => {
    const path = await encrypted("phrase.rowhouse", { passphrase: "correct horse battery" });
    expect(await whole(path, { passphrase: "correct horse battery" })).toBe("globex true");
    await refusal("archiveLocked", openArchive(path, { passphrase: "wrong" }));
    await refusal("archiveLocked", openArchive(path, { identities: [identity] }));
  });

  test("opens by nothing else", async () => {
    const path = await encrypted("one.rowhouse", { recipients: [recipient] });
    await refusal("archiveLocked", openArchive(path));
    await refusal("archiveLocked", openArchive(path, { identities: [await generateIdentity()] }));
    await refusal("archiveLocked", openArchive(path, { passphrase: "x" }));
    const { message } = await refusal("archiveLocked", openArchive(path, { identities: ["AGE-SECRET-KEY-1OOPS"] }));
    expect(message).not.toContain("OOPS");
  });

  test("is refused where a byte was changed or the end is missing", async () => {
    const path = await encrypted("hurt.rowhouse", { recipients: [recipient] }, "acme");
    const good = await readFile(path);
    const start = good.indexOf("\n", good.indexOf("\n--- ") + 1) + 17;
    const hurt = async (bytes: Buffer) => {
      await writeFile(path, bytes);
      return whole(path, { identities: [identity] });
    };
    const flip = (at: number) =>
      Buffer.concat([good.subarray(0, at), Buffer.from([good[at]! ^ 1]), good.subarray(at + 1)]);
    for (const at of [start, start + 1000, start + CHUNK + 20, good.length - 20, good.length - 1])
      await refusal("archiveDamaged", hurt(flip(at)));
    await refusal("archiveLocked", hurt(flip(30))); // the recipient's stanza
    await refusal("archiveDamaged", hurt(flip(start - 5))); // the nonce
    for (const length of [start, start + 5, start + 16, start + CHUNK + 16, good.length - 1, start + 2 * (CHUNK + 16)])
      await refusal("archiveDamaged", hurt(good.subarray(0, length)));
    await refusal("archiveDamaged", hurt(Buffer.concat([good, Buffer.alloc(1)])));
    const [first, second] = [
      good.subarray(start, start + CHUNK + 16),
      good.subarray(start + CHUNK + 16, start + 2 * (CHUNK + 16)),
    ];
    const swapped = Buffer.concat([good.subarray(0, start), second, first, good.subarray(start + 2 * (CHUNK + 16))]);
    await refusal("archiveDamaged", hurt(swapped));
    expect(await hurt(good)).toBe("acme true");
  });

  test("is not written for what is no recipient", async () => {
    const path = join(db.dir, "never.rowhouse");
    for (const locks of [{ recipients: ["age1nonsense"] }, { recipients: [recipient], passphrase: "both" }]) {
      const work = exportTenant(db.database, { slug: "globex" }, { path, encrypt: locks });
      expect((await refusal("usage", work)).message).toContain("Can't encrypt for");
    }
  });

  test("opens with stock age and tar, by key and by nobody else's", async ({ skip }) => {
    skip(spawnSync("age", ["--version"]).status !== 0, "age is not installed here; the test by its library ran");
    const path = await encrypted("stock.rowhouse", { recipients: [recipient] });
    await writeFile(join(db.dir, "key.txt"), `# a comment\n${identity}\n`);
    const { stdout } = await run("sh", ["-c", `age -d -i key.txt ${path} | tar -t`], { cwd: db.dir });
    expect(stdout.trimEnd().split("\n").slice(-4)).toEqual([
      "restore.sql",
      "manifest.json",
      "manifest.sha256",
      "manifest.sig",
    ]);
  });

  test("is read when stock age made it", async ({ skip }) => {
    skip(spawnSync("age", ["--version"]).status !== 0, "age is not installed here; the test by its library ran");
    const plain = await db.archive("globex", "plain.rowhouse");
    await run("age", ["-r", recipient, "-o", join(db.dir, "by-age"), plain]);
    expect(await whole(join(db.dir, "by-age"), { identities: [identity] })).toBe("globex true");
  });
});

describe("reading in place", () => {
  /** Bytes that say where they are. */
  const content = (size: number) =>
    Buffer.from(Uint32Array.from({ length: Math.ceil(size / 4) }, (_, n) => n * 2654435761).buffer).subarray(0, size);

  test.each([1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 77])(
    "%i bytes, from anywhere to anywhere",
    async (size) => {
      const plain = content(size);
      const encrypter = new Encrypter();
      encrypter.addRecipient(recipient);
      const path = join(db.dir, "pieces");
      await writeFile(path, await encrypter.encrypt(plain));
      const source = await unlockSource(await openSource(path), { identities: [identity] });
      try {
        expect(source.size).toBe(size);
        for (const from of [0, 1, CHUNK - 1, CHUNK, 2 * CHUNK + 5, size - 1, size, size + 10])
          for (const length of [0, 1, CHUNK, CHUNK + 1, size])
            expect((await source.read(length, from)).equals(plain.subarray(from, from + length))).toBe(true);
      } finally {
        await source.close();
      }
    },
  );

  test("what we encrypt, the library decrypts", async () => {
    const plain = content(5 * CHUNK + 3);
    const pieces: Buffer[] = [];
    const chunks = (async function* () {
      for (let at = 0; at < plain.length; at += 1000) yield plain.subarray(at, at + 1000);
    })();
    for await (const piece of encryptChunks(chunks, { recipients: [recipient] })) pieces.push(piece);
    const decrypter = new Decrypter();
    decrypter.addIdentity(identity);
    expect(plain.equals(await decrypter.decrypt(Buffer.concat(pieces)))).toBe(true);
  });
});

test("other formats are encrypted as well, also into a pipe", async () => {
  const chunks: Buffer[] = [];
  const pipe = new Writable({ write: (chunk: Buffer, _encoding, done) => (chunks.push(chunk), done()) });
  const encrypt = { recipients: [recipient] };
  await exportTenant(db.database, { slug: "globex" }, { path: pipe, format: "ndjson", encrypt });
  const decrypter = new Decrypter();
  decrypter.addIdentity(identity);
  const [first] = (await decrypter.decrypt(Buffer.concat(chunks), "text")).split("\n", 1);
  expect(JSON.parse(first!)).toMatchObject({ table: expect.stringMatching(/^tenant\./) });
  const path = join(db.dir, "csv.tar.age");
  await exportTenant(db.database, { slug: "globex" }, { path, format: "csv", encrypt });
  const tar = Buffer.from(await decrypter.decrypt(await readFile(path)));
  expect(tar.toString("latin1", 257, 262)).toBe("ustar");
});

test("an encrypted export that is aborted leaves nothing, and a pipe that breaks ends it", async () => {
  const controller = new AbortController();
  const folder = join(db.dir, "aborted");
  await mkdir(folder);
  const encrypt = { recipients: [recipient] };
  const onProgress = ({ phase }: { phase: string }) => phase === "pack" && controller.abort(new Error("enough"));
  const options = { path: join(folder, "x"), encrypt, signal: controller.signal, onProgress };
  await expect(exportTenant(db.database, { slug: "acme" }, options)).rejects.toThrow("enough");
  expect(await readdir(folder)).toEqual([]);
  const path = new Writable({ write: (_chunk, _encoding, done) => done(new Error("no reader")) });
  await expect(exportTenant(db.database, { slug: "acme" }, { path, encrypt })).rejects.toThrow("no reader");
});
