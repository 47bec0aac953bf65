import { RowhouseError } from "../errors.ts";
import { findTenant } from "../tenant/change.ts";
import { findDatabase, HOME } from "../tenant/databases.ts";
import type { Tenant } from "../tenant/tenant.ts";
import { DEFAULT_SETTINGS, type Move, type MoveSettings } from "./move.ts";
import type { MoveSite } from "./run.ts";
import { findUnfinished, insertMove } from "./store.ts";

export interface WantedMove {
  readonly slug: string;
  /** Name of the database to live in. */
  readonly to: string;
  readonly settings?: Partial<MoveSettings>;
}

/** Where a tenant lives, by the registry. */
export function placementOf({ movedTo }: Pick<Tenant, "movedTo">): string {
  return movedTo ?? HOME;
}

/**
 * Writes down a move, or finds the one to the same database that is not finished. Moves nothing yet.
 * @returns undefined when the tenant lives there already
 * @throws RowhouseError tenantUnknown, databaseUnknown, moveRunning when it is on its way somewhere else
 */
export async function startMove(site: MoveSite, { slug, to, settings }: WantedMove): Promise<Move | undefined> {
  const { platform, actor } = site;
  await findDatabase(platform, to);
  const tenant = await findTenant(platform, slug);
  const unfinished = await findUnfinished(platform, tenant.id);
  if (unfinished !== undefined) {
    if (unfinished.to === to) return unfinished;
    throw new RowhouseError("moveRunning", {
      message: `${slug} has a move to ${unfinished.to} that is not finished (${unfinished.state})`,
      hint:
        unfinished.state === "observing"
          ? `${unfinished.isRollback ? "" : `\`rowhouse moves rollback ${slug}\` takes it back; `}\`rowhouse moves resume ${slug} --finish\` ends the time for the way back, then move it.`
          : `\`rowhouse moves resume ${slug}\` goes on with it, \`rowhouse moves abort ${slug}\` gives it up.`,
    });
  }
  if (placementOf(tenant) === to) return undefined;
  const wanted = { ...DEFAULT_SETTINGS, ...settings };
  const { id: tenantId, epoch } = tenant;
  return insertMove(platform, { tenantId, slug, from: placementOf(tenant), to, epoch, settings: wanted }, actor);
}
