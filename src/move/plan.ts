import { randomUUID } from "node:crypto";
import { readTenantTables } from "../db/tables.ts";
import { findTenant } from "../tenant/change.ts";
import { closeEndpoint, openEndpoint, type Endpoint } from "./endpoint.ts";
import { forecastMove, type Forecast } from "./forecast.ts";
import { DEFAULT_SETTINGS, type Move, type MoveSettings } from "./move.ts";
import { preflight, type MoveFinding } from "./preflight.ts";
import { assertIntent, type Intent } from "./request.ts";
import type { MoveSite } from "./run.ts";
import { readTenantSize, type TenantSize } from "./size.ts";
import { placementOf, type WantedMove } from "./start.ts";
import { changeMove, findUnfinished, listMoves } from "./store.ts";

/** What a move will do, and how long it should take. */
export interface MovePlan extends TenantSize {
  readonly slug: string;
  readonly from: string;
  readonly to: string;
  readonly settings: MoveSettings;
  readonly forecast: Forecast;
  /** ISO 8601: until when the way back is open, should it start now; null when it isn't kept. */
  readonly windowEnds: string | null;
  /** Whatever stands in the way, or should be known. */
  readonly findings: readonly MoveFinding[];
}

/** Pure. */
function windowEnd({ windowSeconds }: MoveSettings, { totalMs }: Forecast, now: number): string | null {
  return windowSeconds === 0 ? null : new Date(now + totalMs + windowSeconds * 1000).toISOString();
}

async function openBoth<T>(
  site: MoveSite,
  from: string,
  to: string,
  work: (source: Endpoint, target: Endpoint) => Promise<T>,
): Promise<T> {
  const id = randomUUID(); // of no move: no sessions of anybody are ended
  const source = await openEndpoint(site, from, id);
  try {
    const target = await openEndpoint(site, to, id);
    try {
      return await work(source, target);
    } finally {
      await closeEndpoint(target);
    }
  } finally {
    await closeEndpoint(source);
  }
}

/**
 * Looks at everything that a move will meet, and changes nothing.
 * @returns null when the tenant lives there already, or is on its way: there is nothing to plan
 * @throws RowhouseError tenantUnknown, databaseUnknown, databaseUnavailable, moveRefused when the database is of the wrong kind
 */
export async function planMove(site: MoveSite, intent: Intent, wanted: WantedMove): Promise<MovePlan | null> {
  const { slug, to } = wanted;
  const tenant = await findTenant(site.platform, slug);
  await assertIntent(site.platform, intent, wanted);
  const from = placementOf(tenant);
  if (from === to || (await findUnfinished(site.platform, tenant.id)) !== undefined) return null;
  const settings = { ...DEFAULT_SETTINGS, ...wanted.settings };
  return openBoth(site, from, to, async (source, target) => {
    const tables = await readTenantTables(source.owner);
    const size = await readTenantSize(source.mover, tables, tenant.id);
    const { windowSeconds } = settings;
    const findings = await preflight({ source, target, tables, tenantId: tenant.id, slug, windowSeconds });
    const forecast = forecastMove(size, await listMoves(site.platform));
    return {
      slug,
      from,
      to,
      ...size,
      settings,
      forecast,
      windowEnds: windowEnd(settings, forecast, Date.now()),
      findings,
    };
  });
}

/** Keeps with the move what was expected of it. */
export function notePlan({ platform }: MoveSite, move: Move, plan: MovePlan): Promise<Move> {
  const { tables, rows, bytes, forecast } = plan;
  const { totalMs, fenceMs } = forecast;
  return changeMove(platform, move, { facts: { planned: { tables: tables.length, rows, bytes, totalMs, fenceMs } } });
}
