import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { demandSignature, openSigner, parsePublicKey, readSignature } from "../../src/archive/sign.ts";
import { openKeyring } from "../../src/db/keyring.ts";
import { refusal } from "./workspace.ts";

const signer = openSigner(openKeyring("a-secret-for-tests-only"));
const other = openSigner(openKeyring("another-secret-for-tests"));
const content = Buffer.from('{"any":"thing"}\n');

test("a deployment signs, and always with the same key", () => {
  const signature = signer.sign(content, "rowhouse-archive");
  expect(readSignature(content, signature, "rowhouse-archive")).toEqual(signer.key);
  expect(openSigner(openKeyring("a-secret-for-tests-only")).key).toEqual(signer.key);
  expect(other.key.text).not.toBe(signer.key.text);
  expect(parsePublicKey(`${signer.key.text} of rowhouse\n`)).toEqual(signer.key);
});

test("a signature of something else is none", async () => {
  const signature = signer.sign(content, "rowhouse-archive");
  const read = (bytes: Buffer, text: Buffer, kind: "rowhouse-archive" | "rowhouse-receipt" = "rowhouse-archive") =>
    refusal(
      "signatureInvalid",
      Promise.resolve().then(() => readSignature(bytes, text, kind)),
    );
  await read(Buffer.from('{"any":"thinG"}\n'), signature);
  expect((await read(content, signature, "rowhouse-receipt")).message).toMatch(/one of a rowhouse-archive/);
  expect((await read(content, Buffer.from("nonsense"))).message).toMatch(/malformed/);
  expect((await read(content, Buffer.alloc(0))).message).toMatch(/malformed/);
});

test("no byte of a signature can be changed", async () => {
  const text = signer.sign(content, "rowhouse-archive").toString();
  const [begin, ...rest] = text.trimEnd().split("\n");
  const end = rest.pop();
  const whole = Buffer.from(rest.join(""), "base64");
  for (let at = 0; at < whole.length; at++) {
    const changed = Buffer.from(whole);
    changed[at]! ^= 1;
    const bad = Buffer.from([begin, changed.toString("base64"), end, ""].join("\n"));
    const read = Promise.resolve().then(() => readSignature(content, bad, "rowhouse-archive"));
    expect((await refusal("signatureInvalid", read)).message).toMatch(/malformed|not of/);
  }
});

test("a wanted key is demanded", async () => {
  const wanted = (key: typeof signer.key | null, keys: string[]) =>
    Promise.resolve().then(() => demandSignature(key, keys));
  expect(await wanted(signer.key, [])).toEqual({ key: signer.key, trusted: null });
  expect(await wanted(null, [])).toBeNull();
  expect(await wanted(signer.key, [other.key.text, signer.key.text])).toEqual({ key: signer.key, trusted: true });
  await refusal("signatureInvalid", wanted(signer.key, [other.key.text]));
  await refusal("signatureInvalid", wanted(null, [signer.key.text]));
  await refusal("usage", wanted(signer.key, ["ssh-rsa AAAA"]));
});

test("stock ssh-keygen checks it", ({ skip }) => {
  skip(spawnSync("ssh-keygen", ["-?"]).error !== undefined, "ssh-keygen is not installed here");
  const dir = mkdtempSync(join(tmpdir(), "rowhouse-sign-"));
  try {
    writeFileSync(join(dir, "allowed"), `rowhouse ${signer.key.text}\n`);
    writeFileSync(join(dir, "sig"), signer.sign(content, "rowhouse-archive"));
    writeFileSync(join(dir, "key.pub"), `${signer.key.text}\n`);
    const args = ["-Y", "verify", "-f", "allowed", "-I", "rowhouse", "-n", "rowhouse-archive", "-s", "sig"];
    const said = execFileSync("ssh-keygen", args, { cwd: dir, input: content, encoding: "utf8" });
    expect(said).toContain(signer.key.fingerprint);
    expect(execFileSync("ssh-keygen", ["-lf", "key.pub"], { cwd: dir, encoding: "utf8" })).toContain(
      signer.key.fingerprint,
    );
    expect(spawnSync("ssh-keygen", args, { cwd: dir, input: "changed" }).status).not.toBe(0);
  } finally {
    rmSync(dir, { recursive: true });
  }
});
