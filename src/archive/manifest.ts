import { createHash } from "node:crypto";
import { z } from "zod";
import { RowhouseError } from "../errors.ts";
import { damaged } from "./damage.ts";

/** The container ends in these, after the tables' data and {@link SCRIPT}: where they are missing, the archive is none. */
export const MANIFEST = "manifest.json";
/** SHA-256 of {@link MANIFEST} in the form of sha256sum, so that `sha256sum -c manifest.sha256` checks it. */
export const DIGEST = "manifest.sha256";
/** OpenSSH signature of {@link MANIFEST}, the last entry of an archive that is signed; see sign.ts. */
export const SIGNATURE = "manifest.sig";
/** Script that loads the archive with stock tar, zstd and psql; see restore-sql.ts. */
export const SCRIPT = "restore.sql";
const FORMAT = "rowhouse-archive";
/** Version of the format that is written. A reader refuses what is newer, and keys that it does not know. */
const VERSION = 2;
/** Versions that are read. What 1 has otherwise is the row hash; see compare.ts. */
const READ: readonly unknown[] = [1, VERSION];

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);
const name = z
  .string()
  .min(1)
  .max(63 * 4);
const time = z.iso.datetime();

const column = z.strictObject({
  name,
  /** As format_type() says it with search_path `public`. */
  type: z.string().min(1),
  nullable: z.boolean(),
});

const table = z.strictObject({
  /** `tenant`, or a schema of the app: what a database has registered is looked up there, and never taken from here. */
  schema: name.regex(/^[^.\p{Cc}]+$/u),
  name,
  /** In the order of the data. Never tenant_id, never generated columns. */
  columns: z.array(column).max(1600),
  /** Without tenant_id. */
  primaryKey: z.array(name),
  /** `schema.table` of each other table that it refers to. Those stand earlier in the list. */
  references: z.array(z.string()),
  /** Highest value of each column that a sequence feeds: what the sequence has to be beyond after a restore. */
  maxima: z.record(name, z.string().regex(/^-?\d+$/)),
  rows: count,
  /** Order-free, see compare.ts. */
  rowHash: z.string().regex(/^(?:2:)?-?\d+$/),
  /** Entry that holds the rows. */
  file: z.string(),
  /** Of the text COPY, uncompressed. */
  rawBytes: count,
  rawSha256: sha256,
  /** Of the entry as it stands in the container. */
  fileBytes: count.min(1),
  fileSha256: sha256,
});

const manifest = z.strictObject({
  format: z.literal(FORMAT),
  version: z.literal([1, VERSION]),
  /** Of the Rowhouse that wrote it. */
  rowhouse: z.string(),
  /** Of the server that it was taken from, such as 18.4. */
  postgres: z.string(),
  tenant: z.strictObject({
    id: z.uuid(),
    slug: z.string().regex(/^[a-z0-9-]{1,63}$/),
    name: z.string().min(1).max(200),
    status: z.enum(["active", "suspended"]),
    domains: z.array(
      z.strictObject({ name: z.string(), kind: z.enum(["subdomain", "custom"]), verified: z.boolean() }),
    ),
  }),
  /** The instant that all the rows are of. */
  snapshot: z.strictObject({ at: time, lsn: z.string().regex(/^[0-9A-F]+\/[0-9A-F]+$/) }),
  schema: z.strictObject({
    /** Applied migrations, oldest first. */
    platform: z.array(z.string()),
    app: z.array(z.string()),
    fingerprint: sha256,
  }),
  /** Those that are referred to before those that refer to them. */
  tables: z.array(table).max(10_000),
  /** What may hold something of the tenant and has no way to it, so that no archive can have it; see omitted.ts. */
  omitted: z.array(z.strictObject({ relation: z.string(), why: z.string() })),
  restoreSql: z.strictObject({ bytes: count, sha256 }),
});

/** What an archive says of itself. */
export type Manifest = z.infer<typeof manifest>;
export type ManifestTable = Manifest["tables"][number];
/** All but what the packing adds. */
export type ManifestFacts = Omit<Manifest, "format" | "version" | "restoreSql">;

export function tableName({ schema, name: own }: { readonly schema: string; readonly name: string }): string {
  return `${schema}.${own}`;
}

/** SHA-256 over tables, columns, types and keys, whatever order the tables come in. Equal schemas have equal ones. */
export function fingerprintOf(
  tables: readonly Pick<ManifestTable, "schema" | "name" | "columns" | "primaryKey" | "references">[],
): string {
  const facts = tables
    .map(({ schema, name: own, columns, primaryKey, references }) =>
      JSON.stringify([
        schema,
        own,
        columns.map((c) => [c.name, c.type, c.nullable]),
        primaryKey,
        references.toSorted(),
      ]),
    )
    .toSorted();
  return createHash("sha256").update(facts.join("\n")).digest("hex");
}

/** What tar.ts takes for the name of an entry, between `data/` and `.copy.zst`. */
const LONGEST_STEM = 86;

/**
 * Where a table's rows stand in the container. Names that are no plain identifiers, and those that differ in case alone, get
 * the table's number, so that a file system of any kind can hold the unpacked files, and a shell read their names.
 */
export function fileNames(tables: readonly { readonly schema: string; readonly name: string }[]): string[] {
  const isPlain = (text: string) => /^[a-z0-9_]+$/.test(text);
  return tables.map(({ schema, name: own }, index) => {
    const parts = [...(isPlain(schema) ? [schema] : []), isPlain(own) && isPlain(schema) ? own : `table-${index + 1}`];
    const stem = parts.join(".");
    return `data/${stem.length > LONGEST_STEM ? `table-${index + 1}` : stem}.copy.zst`;
  });
}

/** The two entries, as bytes. */
export function renderManifest(
  facts: ManifestFacts,
  script: Buffer,
): { manifest: Manifest; json: Buffer; digest: Buffer } {
  const restoreSql = { bytes: script.length, sha256: createHash("sha256").update(script).digest("hex") };
  const whole: Manifest = { format: FORMAT, version: VERSION, ...facts, restoreSql };
  const json = Buffer.from(`${JSON.stringify(whole, null, 2)}\n`);
  return { manifest: whole, json, digest: renderDigest(json) };
}

function renderDigest(json: Buffer): Buffer {
  return Buffer.from(`${createHash("sha256").update(json).digest("hex")}  ${MANIFEST}\n`);
}

function parseJson(json: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder("utf8", { fatal: true }).decode(json));
  } catch (error) {
    throw damaged(MANIFEST, "it is not JSON", error);
  }
}

function checkVersion(parsed: unknown): void {
  const { format, version } = (parsed ?? {}) as { format?: unknown; version?: unknown };
  if (format === FORMAT && READ.includes(version)) return;
  // What stands there may be megabytes, or as deep.
  const say = (value: unknown) =>
    typeof value === "string" || typeof value === "number" ? JSON.stringify(`${value}`.slice(0, 40)) : "none";
  throw new RowhouseError("archiveVersion", {
    message: `The archive is of format ${say(format)}, version ${say(version)}`,
    details: MANIFEST,
    hint: `This Rowhouse reads ${FORMAT} version ${READ.join(" and ")}. A newer Rowhouse may know it.`,
  });
}

/** What a manifest that some Rowhouse wrote can't lack, whatever its digest says. */
function checkConsistency({ tables, schema }: Manifest): void {
  const seen = new Set<string>();
  for (const entry of tables) {
    const whole = tableName(entry);
    if (seen.has(whole)) throw damaged(MANIFEST, `${whole} is listed twice`);
    const late = entry.references.find((other) => !seen.has(other));
    if (late !== undefined) throw damaged(MANIFEST, `${whole} stands before ${late}, which it refers to`);
    const columns = new Set(entry.columns.map((own) => own.name));
    if (columns.size < entry.columns.length) throw damaged(MANIFEST, `a column of ${whole} is listed twice`);
    if (columns.has("tenant_id")) throw damaged(MANIFEST, `${whole} has tenant_id, which no archive carries`);
    if (entry.rows > entry.rawBytes) throw damaged(MANIFEST, `${whole} has more rows than bytes`);
    seen.add(whole);
  }
  const files = fileNames(tables);
  const other = tables.find((entry, index) => entry.file !== files[index]);
  if (other !== undefined) throw damaged(MANIFEST, `the file of ${tableName(other)} is not the one that it should be`);
  if (fingerprintOf(tables) !== schema.fingerprint) throw damaged(MANIFEST, "the fingerprint does not fit the tables");
}

/**
 * @throws RowhouseError archiveDamaged when the digest, the shape or the parts don't fit; archiveVersion for another format
 */
export function parseManifest(json: Buffer, digest: Buffer): Manifest {
  if (!renderDigest(json).equals(digest)) throw damaged(MANIFEST, `it is not the one that ${DIGEST} was made for`);
  const parsed = parseJson(json);
  checkVersion(parsed);
  const result = manifest.safeParse(parsed);
  if (!result.success) {
    const [issue] = result.error.issues;
    throw damaged(MANIFEST, `${issue?.path.join(".") ?? ""}: ${issue?.message ?? "malformed"}`);
  }
  checkConsistency(result.data);
  return result.data;
}
