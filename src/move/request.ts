import type { ConnectionPool } from "../db/connections.ts";
import { RowhouseError } from "../errors.ts";
import { findDatabase } from "../tenant/databases.ts";
import type { Move } from "./move.ts";
import { adjust } from "./operation.ts";
import type { MoveSite } from "./run.ts";
import { startMove, type WantedMove } from "./start.ts";

/** What is meant by a move: into a database of its own, back among the others, or just somewhere else. */
export type Intent = "promote" | "demote" | "move";

const WANTED = { promote: "dedicated", demote: "shared" } as const;

/**
 * Whether the database is what the move is meant for.
 * @throws RowhouseError databaseUnknown; moveRefused when it is shared and should be the tenant's own, or the other way round
 */
export async function assertIntent(
  platform: ConnectionPool,
  intent: Intent,
  { slug, to }: Pick<WantedMove, "slug" | "to">,
): Promise<void> {
  const { kind } = await findDatabase(platform, to);
  if (intent === "move") return;
  if (kind === WANTED[intent]) return;
  throw new RowhouseError("moveRefused", {
    message: `${to} is a ${kind} database: ${intent} wants a ${WANTED[intent]} one`,
    hint: `\`rowhouse database list\` shows them. \`rowhouse move ${slug} --to ${to}\` moves it there all the same.`,
  });
}

/**
 * Writes down a move of this intent, or finds the one that is not finished and gives it these settings. Moves nothing yet.
 * @returns undefined when the tenant lives there already
 * @throws RowhouseError moveRefused, and what {@link startMove} throws
 */
export async function requestMove(site: MoveSite, intent: Intent, wanted: WantedMove): Promise<Move | undefined> {
  await assertIntent(site.platform, intent, wanted);
  const move = await startMove(site, wanted);
  return move === undefined ? undefined : adjust(site, move, wanted.settings ?? {});
}
