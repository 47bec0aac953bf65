import { setTimeout as sleep } from "node:timers/promises";
import { translateLoss } from "../archive/session.ts";
import { holdSchema } from "../db/migrate.ts";
import { readTenantTables } from "../db/tables.ts";
import { RowhouseError } from "../errors.ts";
import { abandon } from "./abandon.ts";
import { beginArrival } from "./arrival.ts";
import { closeEndpoint, openEndpoint } from "./endpoint.ts";
import { lockMover } from "./lock.ts";
import { isCommitted, type Move } from "./move.ts";
import { hasCommitted } from "./presence.ts";
import { change, point, type MoveSite, type Run, type RunOptions } from "./run.ts";
import { STEPS } from "./steps.ts";
import { changeMove, findMove, listTokens, takeMove } from "./store.ts";

const RETRY_MS = 500;

/** A run that has nothing to do with the target. */
type SourceRun = Omit<Run, "target" | "tables">;

/**
 * Makes this process the move's only mover, with sessions at the source, for as long as `work` lasts.
 * @throws RowhouseError moveRunning, databaseUnavailable, databaseUnknown
 */
export async function withSource<T>(
  site: MoveSite,
  found: Move,
  options: RunOptions,
  work: (run: SourceRun) => Promise<T>,
): Promise<T> {
  await using _lock = await lockMover(site, found);
  const current = await findMove(site.platform, found.id);
  if (current.finishedAt !== null) {
    throw new RowhouseError("moveState", { message: `The move of ${found.slug} is ${current.state} already` });
  }
  const formerTokens = await listTokens(site.platform, current.id);
  const move = await takeMove(site.platform, current, site.actor);
  const source = await openEndpoint(site, move.from, move.id);
  try {
    return await work({ site, options, source, formerTokens, move });
  } finally {
    await closeEndpoint(source);
  }
}

/** {@link withSource}, and in the target as well. */
export function withRun<T>(
  site: MoveSite,
  found: Move,
  options: RunOptions,
  work: (run: Run) => Promise<T>,
): Promise<T> {
  return withSource(site, found, options, async (run) => {
    const target = await openEndpoint(site, run.move.to, run.move.id);
    try {
      return await work({ ...run, target, tables: await readTenantTables(run.source.owner) });
    } finally {
      await closeEndpoint(target);
    }
  });
}

/** What an earlier run was filling is this run's to fill. */
async function takeOverArrival(run: Run): Promise<void> {
  const { move, source, target, formerTokens } = run;
  if (move.state === "planned" || isCommitted(move.state) || (await hasCommitted(run))) return;
  await beginArrival(source, target, move, formerTokens);
}

/** Both schemas stay as they are while rows travel: no migrate begins before this run ends. */
async function holdSchemas({ move, source, target }: Run): Promise<void> {
  if (move.state === "observing") return;
  for (const { name, owner } of [source, target]) {
    if (await holdSchema(owner)) continue;
    throw new RowhouseError("moveRefused", {
      message: `The database ${name} is being migrated at this moment`,
      hint: `Run it again when that has ended: \`rowhouse moves resume ${move.slug}\`.`,
    });
  }
}

async function runSteps(run: Run): Promise<Move> {
  await holdSchemas(run);
  if (run.move.facts.isAborting === true) return abandon(run);
  await takeOverArrival(run);
  while (true) {
    run.options.signal?.throwIfAborted();
    const { state } = run.move;
    await point(run, `begin_${state}`);
    const next = await STEPS[state](run);
    if (next === null) return run.move;
    await point(run, `end_${state}`);
    await change(run, { state: next });
  }
}

/**
 * Keeps what went wrong, for whoever asks; nobody is told when that fails, too. That another process works on the move is no failure
 * of the move.
 */
async function noteFailure({ platform }: MoveSite, move: Move, error: unknown): Promise<void> {
  if (error instanceof RowhouseError && error.kind === "moveRunning") return;
  const { code, message } =
    error instanceof RowhouseError
      ? error
      : { code: "RH900", message: error instanceof Error ? error.message : String(error) };
  const latest = await findMove(platform, move.id).catch(() => undefined);
  if (latest !== undefined && latest.finishedAt === null)
    await changeMove(platform, latest, { error: { code, message } }).catch(() => {});
}

const isLost = (error: unknown) => error instanceof RowhouseError && error.kind === "databaseUnavailable";

/**
 * Goes on with a move from wherever it stands, until its end or until the way back is being kept open. A database that goes away
 * meanwhile is waited for, for as long as the move's patience.
 * @returns the move as it is now: `observing`, `done` or `aborted`
 * @throws RowhouseError moveRefused, moveRunning, moveLagging, moveDiffers, moveBroken, moveState, databaseUnavailable; the
 * signal's reason when it was aborted. The move can be resumed after all of them
 */
export async function runMove(site: MoveSite, move: Move, options: RunOptions = {}): Promise<Move> {
  const deadline = performance.now() + move.settings.patienceSeconds * 1000;
  while (true) {
    try {
      return await withRun(site, move, options, runSteps);
    } catch (thrown) {
      options.signal?.throwIfAborted();
      const error = translateLoss(thrown);
      if (!isLost(error) || performance.now() > deadline) {
        await noteFailure(site, move, error);
        throw error;
      }
      options.onEvent?.({ event: "retry", reason: (error as Error).message });
      await sleep(RETRY_MS);
    }
  }
}
