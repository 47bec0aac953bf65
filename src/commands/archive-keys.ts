import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import type { Locks } from "../archive/age.ts";
import type { ArchiveKeys } from "../archive/read.ts";
import { openSigner, type Signature } from "../archive/sign.ts";
import { readConfig, type Config } from "../config.ts";
import { openKeyring } from "../db/keyring.ts";
import { RowhouseError } from "../errors.ts";
import { askSecret } from "./prompt.ts";
import { collect } from "./repeated-option.ts";

const SETTING = "Set ARCHIVE_PASSPHRASE, or ARCHIVE_PASSPHRASE_FILE to the path of a file with it.";

/** Options of every command that reads an archive. */
export interface KeyOptions {
  readonly identity?: readonly string[];
  readonly passphrase?: boolean;
  readonly key?: readonly string[];
}

/** Options of every command that writes one. */
export interface LockOptions {
  readonly encrypt?: readonly string[];
  readonly passphrase?: boolean;
  readonly sign?: boolean;
}

/** Adds what {@link KeyOptions} are read from. @returns the command */
export function addKeyOptions(command: Command): Command {
  return command
    .option("--identity <file>", "age identity that opens an encrypted archive; may be repeated", collect)
    .option("--passphrase", "ask for the passphrase of an encrypted archive (or set ARCHIVE_PASSPHRASE)")
    .option("--key <public key>", "refuse an archive that this key did not sign; may be repeated", collect);
}

/** Adds what {@link LockOptions} are read from. @returns the command */
export function addLockOptions(command: Command): Command {
  return command
    .option("--sign", "sign the manifest with the deployment's key (`rowhouse keys archive`)")
    .option("--encrypt <recipient>", "encrypt for a key of age, age1…; may be repeated", collect)
    .option("--passphrase", "encrypt with ARCHIVE_PASSPHRASE, or with what you are asked for");
}

/** Lines of an identity file that are no comments, as age-keygen writes them. */
async function readIdentities(path: string): Promise<string[]> {
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw new RowhouseError("fileMissing", { message: `Can't read ${path}: ${(cause as Error).message}`, cause });
  });
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
}

/** @throws RowhouseError fileMissing, usage */
export async function readKeys({ identity = [], passphrase, key = [] }: KeyOptions): Promise<ArchiveKeys> {
  const identities = (await Promise.all(identity.map(readIdentities))).flat();
  const { ARCHIVE_PASSPHRASE: known } = readConfig();
  const asked = known === undefined && passphrase === true ? await askSecret("Passphrase", SETTING) : known;
  return { identities, publicKeys: key, ...(asked !== undefined && { passphrase: asked }) };
}

/** @throws RowhouseError usage */
export async function readLocks({ encrypt = [], passphrase }: LockOptions): Promise<Locks | undefined> {
  if (passphrase !== true) return encrypt.length === 0 ? undefined : { recipients: encrypt };
  if (encrypt.length > 0)
    throw new RowhouseError("usage", { message: "--encrypt and --passphrase exclude each other, as age has it" });
  const { ARCHIVE_PASSPHRASE: known } = readConfig();
  if (known !== undefined) return { passphrase: known };
  const asked = await askSecret("Passphrase", SETTING);
  if (asked === "" || asked !== (await askSecret("Once more", SETTING)))
    throw new RowhouseError("usage", { message: "The two passphrases are empty or differ" });
  return { passphrase: asked };
}

/** Fingerprint of this deployment's own key, where the settings tell its secret; null otherwise. */
function ownFingerprint({ ROWHOUSE_SECRET, DATABASE_URL }: Config): string | null {
  const secret = ROWHOUSE_SECRET ?? (DATABASE_URL && decodeURIComponent(new URL(DATABASE_URL).password));
  return secret === undefined || secret === "" ? null : openSigner(openKeyring(secret)).key.fingerprint;
}

/** A signature as commands tell of it. */
export interface SignatureFacts {
  readonly key: string;
  readonly fingerprint: string;
  /** Whether this deployment made it; null where the settings don't say who we are. */
  readonly own: boolean | null;
  /** Whether it is a key that --key named; null without. */
  readonly trusted: boolean | null;
}

/** What `--json` shows of a signature; null of an archive without one. */
export function describeSignature(signature: Signature | null, config = readConfig()): SignatureFacts | null {
  if (signature === null) return null;
  const { key, trusted } = signature;
  const own = ownFingerprint(config);
  return {
    key: key.text,
    fingerprint: key.fingerprint,
    own: own === null ? null : own === key.fingerprint,
    trusted,
  };
}

/** In words. Pure. */
export function formatSignature(facts: SignatureFacts | null): string {
  if (facts === null) return "not signed";
  const whose = facts.own === true ? "this deployment" : facts.fingerprint;
  if (facts.trusted === true) return `signed by ${whose}, as demanded`;
  return facts.own === true ? `signed by ${whose}` : `signed by ${whose}, a key that nobody here vouches for`;
}
