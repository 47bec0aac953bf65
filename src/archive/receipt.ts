import { access, constants, open, readFile, stat, writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { z } from "zod";
import { readVersion } from "../config.ts";
import { RowhouseError } from "../errors.ts";
import type { Erasure } from "../tenant/delete.ts";
import { damaged } from "./damage.ts";
import { demandSignature, readSignature, type Signature, type Signer } from "./sign.ts";

const FORMAT = "rowhouse-receipt";
const counts = z.array(z.strictObject({ table: z.string(), rows: z.number().int().nonnegative() }));

const receipt = z.strictObject({
  format: z.literal(FORMAT),
  version: z.literal(1),
  /** Of the Rowhouse that deleted. */
  rowhouse: z.string(),
  /** Host, port and name of the database that the rows were in. */
  database: z.string(),
  tenant: z.strictObject({ id: z.uuid(), slug: z.string(), name: z.string(), createdAt: z.iso.datetime() }),
  /** By the clock of the database. */
  deletedAt: z.iso.datetime(),
  actor: z.string(),
  rows: z.number().int().nonnegative(),
  tables: counts,
  platform: counts,
  /** Counted again before the commit, in the same transaction. */
  rowsLeft: z.literal(0),
  /** What stays by intent, and what Rowhouse does not look after. */
  kept: z.array(z.strictObject({ what: z.string(), why: z.string() })),
});

/** What tells that a tenant was deleted: when, by whom, and how many rows of each table. */
export type Receipt = z.infer<typeof receipt>;

const KEPT = [
  { what: "platform.audit_events", why: "who did what to the tenant, with its id, slug and name; append-only" },
  { what: "platform.domain_cool_downs", why: "its custom domains, for a week: no other tenant may claim them so soon" },
  { what: "platform.demo_requests", why: "who asked for the tenant, when it came by a demo request" },
  { what: "backups and archives", why: "files that were made before are not within the reach of the database" },
];

/** @param address of the database, for people */
export function makeReceipt(
  { tenant, at, tables, platform, outside }: Erasure,
  address: string,
  actor: string,
): Receipt {
  const { id, slug, name, createdAt } = tenant;
  const beyond = outside.map((table) => ({
    what: table,
    why: "has a tenant_id and lies outside of the app's schemas and tenant",
  }));
  return {
    format: FORMAT,
    version: 1,
    rowhouse: readVersion(),
    database: address,
    tenant: { id, slug, name, createdAt },
    deletedAt: at,
    actor,
    rows: tables.reduce((sum, { rows }) => sum + rows, 0),
    tables: [...tables],
    platform: [...platform],
    rowsLeft: 0,
    kept: [...KEPT, ...beyond],
  };
}

/** What is signed: the receipt as `jq .receipt` prints it, so that `ssh-keygen -Y verify` can check it as well. */
function signedText(content: unknown): Buffer {
  return Buffer.from(`${JSON.stringify(content, null, 2)}\n`);
}

/** The file's text: the receipt and its signature. */
export function renderReceipt(content: Receipt, signer: Signer): string {
  const signature = signer.sign(signedText(content), "rowhouse-receipt").toString("latin1");
  return `${JSON.stringify({ receipt: content, signature }, null, 2)}\n`;
}

function fileThere(path: string): RowhouseError {
  return new RowhouseError("fileExists", { message: `${path} exists`, hint: "Name a file that does not." });
}

/** Before anything is deleted. @throws RowhouseError fileExists, fileMissing */
export async function assertNew(path: string): Promise<void> {
  if (await stat(path).catch(() => undefined)) throw fileThere(path);
  await access(dirname(resolve(path)), constants.W_OK).catch((cause: unknown) => {
    throw new RowhouseError("fileMissing", { message: `Can't write in ${dirname(path)}`, cause });
  });
}

/** @throws RowhouseError fileExists, fileMissing */
export async function writeReceipt(path: string, text: string): Promise<void> {
  await writeFile(path, text, { flag: "wx", mode: 0o600 }).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "EEXIST") throw fileThere(path);
    throw new RowhouseError("fileMissing", { message: `Can't write ${path}: ${cause.message}`, cause });
  });
}

const file = z.strictObject({ receipt: z.unknown(), signature: z.string() });

/** Whether a file is a receipt rather than an archive, by its first byte: no archive begins with a brace. False without a file. */
export async function isReceipt(path: string): Promise<boolean> {
  const handle = await open(path, "r").catch(() => undefined);
  if (handle === undefined) return false;
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(1), 0, 1, 0);
    return bytesRead === 1 && buffer[0] === 0x7b;
  } catch {
    return false; // a folder: whoever opens it as an archive says so
  } finally {
    await handle.close();
  }
}

/**
 * Reads a receipt and checks its signature.
 * @param publicKeys with any, a receipt that none of them signed is refused
 * @throws RowhouseError fileMissing, archiveDamaged, signatureInvalid
 */
export async function readReceipt(
  path: string,
  publicKeys: readonly string[],
): Promise<{ receipt: Receipt; signature: Signature | null }> {
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw new RowhouseError("fileMissing", { message: `Can't read ${path}: ${(cause as Error).message}`, cause });
  });
  try {
    const { receipt: given, signature } = file.parse(JSON.parse(text));
    const key = readSignature(signedText(given), Buffer.from(signature, "latin1"), "rowhouse-receipt");
    return { receipt: receipt.parse(given), signature: demandSignature(key, publicKeys) };
  } catch (error) {
    if (error instanceof RowhouseError) throw error;
    throw damaged("receipt", error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message, error);
  }
}
