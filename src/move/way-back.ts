import { RowhouseError } from "../errors.ts";
import type { Move } from "./move.ts";

/**
 * The refusal of a way back that is lost, with what can be done instead.
 * @param to the database that the tenant came from
 */
export function wayBackLost({ slug, isRollback, state }: Move, to: string, reason: string): RowhouseError {
  const first = isRollback && state !== "observing" ? `\`rowhouse moves abort ${slug}\` gives the rollback up. ` : "";
  return new RowhouseError("moveBroken", {
    message: `The way back of ${slug} to ${to} is lost: ${reason}`,
    details: `${slug} stays where it is; nothing of it is lost.`,
    hint: `${first}\`rowhouse moves resume ${slug} --finish\` ends the move, then \`rowhouse move ${slug} --to ${to}\` copies it back.`,
  });
}
