import { RowhouseError } from "../errors.ts";
import { sessionName } from "./endpoint.ts";
import type { Move } from "./move.ts";
import type { MoveSite } from "./run.ts";

/** First key of the advisory locks that movers hold; the second is the tenant's hash. */
export const MOVER_LOCK = 7244;

/**
 * One mover a tenant: the lock lives as long as this session of the registry's database.
 * @throws RowhouseError moveRunning when another process holds it
 */
export async function lockMover({ home }: MoveSite, move: Move): Promise<AsyncDisposable> {
  const session = await home.connectOwner();
  try {
    const { rows } = await session.query<{ taken: boolean }>(
      "select set_config('application_name', $2, false), pg_try_advisory_lock($3, uuid_hash($1::uuid)) as taken",
      [move.tenantId, `${sessionName(move.id)} lock`, MOVER_LOCK],
    );
    if (rows[0]?.taken === true) return { [Symbol.asyncDispose]: () => session.end().catch(() => {}) };
  } catch (error) {
    await session.end().catch(() => {});
    throw error;
  }
  await session.end();
  throw new RowhouseError("moveRunning", {
    message: `Another process is moving ${move.slug} at this moment`,
    hint: `Wait for it; \`rowhouse moves show ${move.slug}\` tells how far it is.`,
  });
}
