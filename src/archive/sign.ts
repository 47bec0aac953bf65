import { createHash, createPrivateKey, createPublicKey, sign, verify, type KeyObject } from "node:crypto";
import type { Keyring } from "../db/keyring.ts";
import { RowhouseError } from "../errors.ts";

/*
 * Signatures are those of OpenSSH (PROTOCOL.sshsig), over Ed25519: keys have a text form that people know how to pass around, and
 * `ssh-keygen -Y verify` checks what we signed on a machine without Rowhouse.
 */

/** What is signed; a signature over one kind is none over another (PROTOCOL.sshsig, "namespace"). */
export type SignedKind = "rowhouse-archive" | "rowhouse-receipt";

export interface PublicKey {
  /** `ssh-ed25519 AAAA…`, as in an authorized_keys file. */
  readonly text: string;
  /** `SHA256:…`, as ssh-keygen -l says it. */
  readonly fingerprint: string;
}

/** Signs in the name of one deployment. */
export interface Signer {
  readonly key: PublicKey;
  /** @returns the signature's text, as a file beside the content would hold it */
  sign(content: Uint8Array, kind: SignedKind): Buffer;
}

/** What is known of a signature. */
export interface Signature {
  readonly key: PublicKey;
  /** Whether the key is one of those that the caller trusts; null when none were given. */
  readonly trusted: boolean | null;
}

const ALGORITHM = "ssh-ed25519";
const DIGEST = "sha512";
const MAGIC = Buffer.from("SSHSIG");
const [BEGIN, END] = ["-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"];
/** What a DER private key of Ed25519 has before its seed, and a public one before its bytes (RFC 8410, 7 and 4). */
const PKCS8 = Buffer.from("302e020100300506032b657004220420", "hex");
const SPKI = Buffer.from("302a300506032b6570032100", "hex");

/** A string of the SSH protocol: its length and its bytes (RFC 4251, 5). */
function field(content: string | Uint8Array): Buffer {
  const bytes = Buffer.from(content as Uint8Array);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** Reads what {@link field} wrote, one after the other. Null where it ends too early. */
function readFields(bytes: Buffer, count: number): Buffer[] | null {
  const fields: Buffer[] = [];
  let at = 0;
  while (fields.length < count) {
    if (at + 4 > bytes.length) return null;
    const end = at + 4 + bytes.readUInt32BE(at);
    if (end > bytes.length) return null;
    fields.push(bytes.subarray(at + 4, end));
    at = end;
  }
  return at === bytes.length ? fields : null;
}

function describeKey(blob: Buffer): PublicKey {
  const digest = createHash("sha256").update(blob).digest("base64").replace(/=+$/, "");
  return { text: `${ALGORITHM} ${blob.toString("base64")}`, fingerprint: `SHA256:${digest}` };
}

function keyOf(blob: Buffer): KeyObject | null {
  const [algorithm, raw] = readFields(blob, 2) ?? [];
  if (algorithm?.toString("latin1") !== ALGORITHM || raw?.length !== 32) return null;
  return createPublicKey({ key: Buffer.concat([SPKI, raw]), format: "der", type: "spki" });
}

/** What the key signs: the content's digest, under the name of its kind. */
function signedBytes(content: Uint8Array, kind: string): Buffer {
  const digest = createHash(DIGEST).update(content).digest();
  return Buffer.concat([MAGIC, field(kind), field(""), field(DIGEST), field(digest)]);
}

/** The key of this deployment, which follows from its secret as the passwords of the roles do. */
export function openSigner(keyring: Keyring): Signer {
  const key = createPrivateKey({ key: Buffer.concat([PKCS8, keyring.archiveSeed()]), format: "der", type: "pkcs8" });
  const raw = createPublicKey(key).export({ format: "der", type: "spki" }).subarray(SPKI.length);
  const blob = Buffer.concat([field(ALGORITHM), field(raw)]);
  return {
    key: describeKey(blob),
    sign: (content, kind) => {
      const signature = field(Buffer.concat([field(ALGORITHM), field(sign(null, signedBytes(content, kind), key))]));
      const version = Buffer.from([0, 0, 0, 1]);
      const whole = Buffer.concat([MAGIC, version, field(blob), field(kind), field(""), field(DIGEST), signature]);
      const lines = whole.toString("base64").match(/.{1,70}/g) ?? [];
      return Buffer.from([BEGIN, ...lines, END, ""].join("\n"));
    },
  };
}

/**
 * @param text `ssh-ed25519 AAAA…`, with or without a comment after it
 * @throws RowhouseError usage
 */
export function parsePublicKey(text: string): PublicKey {
  const [algorithm, base64 = ""] = text.trim().split(/\s+/);
  const blob = Buffer.from(base64, "base64");
  if (algorithm === ALGORITHM && keyOf(blob) !== null) return describeKey(blob);
  throw new RowhouseError("usage", {
    message: `${JSON.stringify(text.slice(0, 40))} is not a public key`,
    hint: "It looks like `ssh-ed25519 AAAA…`; `rowhouse keys archive` prints the deployment's.",
  });
}

function invalid(message: string, hint?: string): RowhouseError {
  return new RowhouseError("signatureInvalid", { message, hint });
}

/** The parts of a signature's text: the key's blob, the kind, and the 64 bytes. Null when it is none. */
function parseSignature(text: string): { blob: Buffer; kind: string; raw: Buffer } | null {
  const body = text.startsWith(`${BEGIN}\n`) && text.trimEnd().endsWith(END) ? text.trimEnd() : null;
  const whole = Buffer.from(body?.slice(BEGIN.length, -END.length) ?? "", "base64");
  const head = MAGIC.length + 4;
  if (!whole.subarray(0, MAGIC.length).equals(MAGIC) || whole.length < head || whole.readUInt32BE(MAGIC.length) !== 1)
    return null;
  const [blob, kind, reserved, digest, signature] = readFields(whole.subarray(head), 5) ?? [];
  if (blob === undefined || kind === undefined || signature === undefined) return null;
  if (reserved?.length !== 0 || digest?.toString("latin1") !== DIGEST) return null;
  const [algorithm, raw] = readFields(signature, 2) ?? [];
  if (algorithm?.toString("latin1") !== ALGORITHM || raw?.length !== 64) return null;
  return { blob, kind: kind.toString("utf8"), raw };
}

/**
 * Checks a signature against what it is said to sign. That it is good says only that the key's owner made it: whether the key is
 * to be trusted, {@link demandSignature} decides.
 * @returns the key
 * @throws RowhouseError signatureInvalid
 */
export function readSignature(content: Uint8Array, signature: Uint8Array, kind: SignedKind): PublicKey {
  const parsed = parseSignature(Buffer.from(signature).toString("latin1"));
  const key = parsed === null ? null : keyOf(parsed.blob);
  if (parsed === null || key === null) throw invalid("The signature is malformed");
  if (parsed.kind !== kind) throw invalid(`The signature is one of a ${parsed.kind}, not of a ${kind}`);
  if (!verify(null, signedBytes(content, kind), key, parsed.raw))
    throw invalid("The signature is not of this content", "Something was changed after it was signed.");
  return describeKey(parsed.blob);
}

/**
 * Holds the key that signed, if any, against those that are trusted.
 * @param key null for what is not signed
 * @param wanted texts of public keys; with any, an unsigned thing is refused
 * @throws RowhouseError signatureInvalid, usage when a wanted key is malformed
 */
export function demandSignature(key: PublicKey | null, wanted: readonly string[]): Signature | null {
  const trusted = wanted.map((text) => parsePublicKey(text).fingerprint);
  if (trusted.length === 0) return key === null ? null : { key, trusted: null };
  const by = `a key that was asked for (${trusted.join(", ")})`;
  if (key === null) throw invalid(`It is not signed, so not by ${by}`);
  if (!trusted.includes(key.fingerprint)) throw invalid(`It is signed by ${key.fingerprint}, not by ${by}`);
  return { key, trusted: true };
}
