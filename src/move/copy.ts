import { pipeline } from "node:stream/promises";
import { from as copyFrom, to as copyTo } from "pg-copy-streams";
import type { TenantTable } from "../db/tables.ts";
import { inTransaction } from "../db/transaction.ts";
import { RowhouseError } from "../errors.ts";
import { holdArrival } from "./arrival.ts";
import { openMover, type Endpoint, type MoveSession } from "./endpoint.ts";
import type { Move, MoveEvent } from "./move.ts";

export interface CopyOptions {
  readonly tables: readonly TenantTable[];
  /** Exported snapshot to copy from. */
  readonly snapshot: string;
  readonly onEvent: (event: MoveEvent) => void;
  /** All workers hold the snapshot: whoever exported it may let it go. */
  readonly onStarted: () => Promise<void>;
  /** Cuts the copy off: it would begin anew anyway. */
  readonly signal?: AbortSignal;
}

export interface Copied {
  readonly rows: number;
  readonly bytes: number;
}

interface CopyTexts {
  readonly read: string;
  readonly write: string;
}

/**
 * Binary is faster, but carries OIDs of types inside arrays and composites: those of types that the app made differ between
 * databases, so such a table goes as text.
 */
async function copyTexts(session: MoveSession, table: TenantTable, tenantId: string): Promise<CopyTexts> {
  const columns = ["tenant_id", ...table.columns.map(({ identifier }) => identifier)].join(", ");
  const { rows } = await session.query<{ read: string; write: string }>(
    `select format('copy (select %s from %s where tenant_id = %L::uuid) to stdout (format %s)', $1::text, $2::text, $3::uuid, f.name) as read,
       format('copy %s (%s) from stdin (format %s)', $2::text, $1::text, f.name) as write
     from (select case when exists (select from pg_attribute a where a.attrelid = $2::text::regclass and a.attnum > 0
         and not a.attisdropped and a.atttypid >= 16384) then 'text' else 'binary' end as name) f`,
    [columns, table.identifier, tenantId],
  );
  return rows[0]!;
}

async function copyTable(
  from: MoveSession,
  to: MoveSession,
  table: TenantTable,
  move: Move,
  onEvent: CopyOptions["onEvent"],
): Promise<Copied> {
  const texts = await copyTexts(from, table, move.tenantId);
  const source = from.query(copyTo(texts.read, { highWaterMark: 1 << 17 }));
  let bytes = 0;
  source.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    onEvent({ event: "copy", table: table.identifier, rows: 0, bytes, done: false });
  });
  const target = to.query(copyFrom(texts.write));
  await inStream(source, target);
  if (source.rowCount !== target.rowCount) {
    throw new RowhouseError("moveDiffers", {
      message: `${table.identifier}: ${source.rowCount} rows were read and ${target.rowCount} written`,
      hint: "Nothing has moved. Run it again, and report this.",
    });
  }
  onEvent({ event: "copy", table: table.identifier, rows: source.rowCount, bytes, done: true });
  return { rows: source.rowCount, bytes };
}

async function inStream(source: ReturnType<typeof copyTo>, target: ReturnType<typeof copyFrom>): Promise<void> {
  await pipeline(source, target);
}

interface Worker {
  readonly from: MoveSession;
  readonly to: MoveSession;
}

async function openWorker(source: Endpoint, target: Endpoint, move: Move, snapshot: string): Promise<Worker> {
  if (!/^[0-9A-F-]+$/.test(snapshot)) throw new TypeError(`Not a snapshot's name: ${snapshot}`);
  const from = await openMover(source.database, move.id);
  try {
    await from.query("begin isolation level repeatable read read only");
    await from.query(`set transaction snapshot '${snapshot}'`);
    return { from, to: await openMover(target.database, move.id) };
  } catch (error) {
    await from.end().catch(() => {});
    throw error;
  }
}

/**
 * Copies the tenant's rows of all tables as the snapshot shows them, several tables at once, the largest first; each table is one
 * transaction at the target.
 * @throws RowhouseError moveState when another run has taken over; moveDiffers; DatabaseError
 */
export async function copyRows(source: Endpoint, target: Endpoint, move: Move, options: CopyOptions): Promise<Copied> {
  const queue = options.tables.toSorted((a, b) => b.bytes - a.bytes).values();
  const workers: Worker[] = [];
  const total = { rows: 0, bytes: 0 };
  const run = async ({ from, to }: Worker) => {
    for (const table of queue) {
      const copied = await inTransaction(to, async () => {
        await holdArrival(to, move);
        return copyTable(from, to, table, move, options.onEvent);
      });
      total.rows += copied.rows;
      total.bytes += copied.bytes;
    }
  };
  const endAll = () => Promise.allSettled(workers.flatMap(({ from, to }) => [from.end(), to.end()]));
  const cutOff = () => void endAll();
  options.signal?.addEventListener("abort", cutOff, { once: true });
  try {
    const count = Math.max(1, Math.min(move.settings.workers, options.tables.length));
    while (workers.length < count) workers.push(await openWorker(source, target, move, options.snapshot));
    await options.onStarted();
    await Promise.all(
      workers.map((worker) =>
        run(worker).catch(async (error: unknown) => {
          await endAll();
          throw error;
        }),
      ),
    );
    return total;
  } finally {
    options.signal?.removeEventListener("abort", cutOff);
    await endAll();
  }
}
