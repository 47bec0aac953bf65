import type { TenantTable } from "../db/tables.ts";
import { RowhouseError } from "../errors.ts";
import { openTwins, type Twin, type Twins } from "./barrier.ts";
import { compareTable, readCompared, type Difference } from "./content.ts";
import type { Endpoint } from "./endpoint.ts";
import { findOrphans, type Orphans } from "./foreign-key.ts";
import { isCommitted, type VerifyFacts } from "./move.ts";
import { emit, point, type Run } from "./run.ts";
import { analyzeArrived } from "./statistics.ts";

/** Pure, for people: `app.orders: 10 rows in shared, 9 in big1; missing 0190…`. */
function describeDifference(difference: Difference, publisher: string, subscriber: string): string {
  const { table, rows, missing, changed, extra } = difference;
  const counts =
    rows.publisher === rows.subscriber
      ? `${rows.publisher} rows`
      : `${rows.publisher} rows in ${publisher}, ${rows.subscriber} in ${subscriber}`;
  const keys = Object.entries({ missing, changed, extra }).flatMap(([what, found]) =>
    found.length === 0 ? [] : [`${what} in ${subscriber}: ${found.join("; ")}`],
  );
  return [`${table}: ${counts}`, ...keys].join(", ");
}

/** Before the cutover the target can be emptied; after it the rows that differ are those which the tenant has left behind. */
function hintOf({ move: { slug, state } }: Run, publisher: string, subscriber: string): string {
  const what = `Something else has written in ${subscriber}. ${slug} lives in ${publisher}, whose rows are good.`;
  return isCommitted(state)
    ? `${what} \`rowhouse moves resume ${slug} --finish\` ends the move without a way back.`
    : `${what} \`rowhouse moves abort ${slug}\` gives the move up; then find out who wrote, and begin anew.`;
}

function refuseDifferences(run: Run, differences: readonly Difference[], publisher: string, subscriber: string): never {
  throw new RowhouseError("moveDiffers", {
    message: `The rows of ${run.move.slug} differ in ${differences.map(({ table }) => table).join(", ")}`,
    details: differences.map((difference) => describeDifference(difference, publisher, subscriber)).join("\n"),
    hint: hintOf(run, publisher, subscriber),
  });
}

function refuseOrphans(run: Run, orphans: readonly Orphans[], subscriber: string): never {
  const [{ key }] = orphans as [Orphans, ...Orphans[]];
  throw new RowhouseError("moveDiffers", {
    message: `Rows of ${run.move.slug} would break foreign keys in ${subscriber}: ${orphans.map((found) => found.key.name).join(", ")}`,
    details: orphans
      .map(({ key: { name, child, parent }, rows }) => `${name}: ${rows} rows of ${child} refer to no row of ${parent}`)
      .join("\n"),
    hint: `A table without tenants does not move: bring ${key.parent} in ${subscriber} up to date, then resume.`,
  });
}

/** All tables, the largest first, each by the next pair of snapshots that is free. */
async function compareAll(run: Run, { twins }: Twins, onCompared: (table: TenantTable, rows: number) => void) {
  const queue = run.tables.toSorted((a, b) => b.bytes - a.bytes).values();
  const differences: Difference[] = [];
  const work = async (twin: Twin) => {
    for (const table of queue) {
      run.options.signal?.throwIfAborted();
      const compared = await readCompared(twin.publisher, table);
      const { rows, difference } = await compareTable(twin, compared, run.move.tenantId);
      if (difference !== null) differences.push(difference);
      onCompared(table, rows);
    }
  };
  let failure: unknown;
  await Promise.all(
    twins.map((twin) =>
      work(twin).catch(async (error: unknown) => {
        failure ??= error;
        await Promise.allSettled(twins.flatMap(({ publisher, subscriber }) => [publisher.end(), subscriber.end()]));
      }),
    ),
  );
  if (failure !== undefined) throw failure;
  return differences.toSorted((a, b) => (a.table < b.table ? -1 : 1));
}

/**
 * Compares every row of the tenant in the two databases at one and the same commit, while the tenant goes on writing
 * ({@link openTwins}): count and order-free hash of each table, then the foreign keys of what is the target. Also gives the target's
 * planner its statistics.
 * @param publisher where the tenant lives
 * @throws RowhouseError moveDiffers, with the tables and a few keys; moveBroken, moveLagging; the signal's reason
 */
export async function verifyRows(run: Run, publisher: Endpoint, subscriber: Endpoint): Promise<VerifyFacts> {
  const start = performance.now();
  const isArrival = subscriber === run.target;
  const pairs = Math.max(1, Math.min(run.move.settings.workers, run.tables.length));
  const rows = new Map<string, number>();
  await using twins = await openTwins(run, publisher, subscriber, pairs);
  await point(run, "barrier_lifted");
  const differences = await compareAll(run, twins, (table, count) => {
    rows.set(table.identifier, count);
    emit(run, { event: "verify", table: table.identifier, rows: count });
  });
  if (differences.length > 0) refuseDifferences(run, differences, publisher.name, subscriber.name);
  if (isArrival) {
    const orphans = await findOrphans(subscriber, twins.twins[0]!.subscriber, run.tables, run.move.tenantId);
    if (orphans.length > 0) refuseOrphans(run, orphans, subscriber.name);
    await analyzeArrived(subscriber, rows);
  }
  const total = [...rows.values()].reduce((sum, count) => sum + count, 0);
  const ms = Math.round(performance.now() - start);
  return { tables: rows.size, rows: total, ms, writersWaitedMs: Math.round(twins.writersWaitedMs * 1000) / 1000 };
}
