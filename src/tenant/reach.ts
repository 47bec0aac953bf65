import { setTimeout as sleep } from "node:timers/promises";
import { LRUCache } from "lru-cache";
import type { Connections } from "../db/connections.ts";
import type { Keyring } from "../db/keyring.ts";
import { makeScope } from "../db/scope.ts";
import { runBatch, runScoped } from "../db/transaction.ts";
import { RowhouseError } from "../errors.ts";
import { HOME } from "./databases.ts";
import { openFences, type Patience } from "./fence.ts";
import type { Placements, Residence } from "./placements.ts";
import type { Registry } from "./registry.ts";
import type { Tenant } from "./tenant.ts";

/** A database that a tenant lived in or lives in, and since which epoch. Each epoch is of one database alone. */
interface Place {
  /** Null for the registry's. */
  readonly database: string | null;
  /** A bigint's digits. */
  readonly epoch: string;
}

/**
 * Runs work as the tenant in the database that it lives in, wherever that is by now: when a database refuses because the tenant has
 * left, is arriving or is fenced, the work is done again at the right place. The refusals are `platform.enter()`'s, or of a
 * transaction that was taken back: nothing is ever done twice.
 * @param tenant as the registry had it
 * @param work one transaction, which enters the tenant with this epoch first
 * @param isGone whether nobody waits any more
 * @throws RowhouseError tenantFenced, tenantMoved, tenantArriving (all bounded in time), databaseUnavailable, databaseVersion,
 * busy, and what the work throws
 */
export type ReachTenant = <T>(
  tenant: Pick<Tenant, "id" | "movedTo" | "epoch">,
  access: "read" | "write",
  work: (connections: Connections, epoch: string) => Promise<T>,
  isGone?: () => boolean,
) => Promise<T>;

export interface ReachSources {
  readonly placements: Placements;
  readonly registry: Registry;
  readonly keyring: Keyring;
  /** Longest wait for a fence, or for a move's other surprises. */
  readonly waitMs: number;
  /** Whose connections the work gets: those of rowhouse_api when left out. */
  readonly choose?: (residence: Residence) => Connections;
}

/** One piece of work on its way. */
interface Journey extends Patience {
  readonly tenantId: string;
  place: Place;
  hops: number;
}

/** More would be a loop: a tenant does not move that often in the time of a request. */
const MOST_HOPS = 10;
const LOOK_PAUSE_MS = 25;
const ACTIVATE = "select platform.activate_tenant($1, $2)";

const isNewer = (one: Place, other: Place) => BigInt(one.epoch) > BigInt(other.epoch);
const placeIn = (database: string | null, epoch: string): Place => ({
  database: database === HOME ? null : database,
  epoch,
});
const placeOf = ({ movedTo, epoch }: Pick<Tenant, "movedTo" | "epoch">) => placeIn(movedTo, epoch);

/** What RH106 tells: `<database>:<epoch>`, or only the epoch when the tenant lives where it was asked. Null for anything else. */
function parseMoved({ details }: RowhouseError, asked: Place): Place | null {
  const [, database, epoch] = /^(?:(.+):)?(\d+)$/.exec(details ?? "") ?? [];
  if (epoch === undefined) return null;
  return database === undefined ? { database: asked.database, epoch } : placeIn(database, epoch);
}

/** The registry says that it lives there, and the database has never heard of it. */
function lostTenant({ database }: Place, cause: unknown): RowhouseError {
  return new RowhouseError("tenantMoved", {
    message: `The tenant is not in the database ${database}, where the registry has it`,
    hint: "Does the database's address lead to another one than before?",
    cause,
  });
}

/** Asks once at a time for each key, however many want to know. */
function openOnce<T>() {
  const running = new Map<string, Promise<T>>();
  return (key: string, ask: () => Promise<T>): Promise<T> => {
    let asked = running.get(key);
    if (asked === undefined) {
      asked = ask().finally(() => running.delete(key));
      running.set(key, asked);
    }
    return asked;
  };
}

/**
 * Opens the way to tenants wherever they live. It remembers what databases said of moves until the registry has heard of them; it holds
 * nothing that would have to be closed.
 */
export function openReach({
  placements,
  registry,
  keyring,
  waitMs,
  choose = ({ api }) => api,
}: ReachSources): ReachTenant {
  /** Until the registry has caught up with what a database said. */
  const newest = new LRUCache<string, Place>({ max: 10_000, ttl: 600_000 });
  const fences = openFences();
  const lookOnce = openOnce<Tenant | undefined>();
  const helpOnce = openOnce<boolean>();

  const currentPlace = (tenant: Parameters<ReachTenant>[0]): Place => {
    const registered = placeOf(tenant);
    if (newest.size === 0) return registered;
    const known = newest.get(tenant.id);
    if (known === undefined) return registered;
    if (isNewer(known, registered)) return known;
    newest.delete(tenant.id);
    return registered;
  };
  const remember = (tenantId: string, place: Place) => {
    const known = newest.get(tenantId);
    if (known !== undefined && !isNewer(place, known)) return;
    newest.set(tenantId, place);
    registry.invalidate(tenantId);
  };

  /** Follows what the database said, when that is news. */
  const follow = (journey: Journey, error: RowhouseError): boolean => {
    const next = parseMoved(error, journey.place);
    const asked = journey.place;
    if (next === null || !(isNewer(next, asked) || (next.epoch === asked.epoch && next.database !== asked.database)))
      return false;
    remember(journey.tenantId, next);
    journey.place = next;
    return true;
  };

  /** Whoever knows that the tenant has left for here may finish its arrival (DESIGN.md, law 3); older news change nothing. */
  const help = ({ tenantId, place }: Journey) =>
    helpOnce(`${tenantId}:${place.database}:${place.epoch}`, async () => {
      const { platform } = await placements.residenceIn(place.database);
      const [result] = await runBatch(platform, [{ text: ACTIVATE, values: [tenantId, place.epoch] }]);
      return result?.rows[0]?.[0] === "t";
    });

  /** What the registry says now. When that is nothing new, a little later again. */
  const lookAgain = async (journey: Journey, error: RowhouseError) => {
    const { tenantId } = journey;
    for (let pause = 0; ; pause = LOOK_PAUSE_MS) {
      const tenant = await lookOnce(tenantId, async () => {
        await sleep(pause);
        registry.invalidate(tenantId);
        return registry.byId(tenantId);
      });
      if (tenant === undefined) throw new RowhouseError("tenantUnknown");
      const place = currentPlace({ ...tenant, id: tenantId });
      const isNews = place.epoch !== journey.place.epoch || place.database !== journey.place.database;
      // An arrival ends without the registry's doing.
      if (isNews || (pause > 0 && error.kind === "tenantArriving")) {
        journey.place = place;
        return;
      }
      if (error.kind === "tenantUnknown") throw lostTenant(journey.place, error);
      if (journey.isGone() || performance.now() > journey.deadline) throw error;
    }
  };

  /** Whether the fence still stands: enters for writing, and does nothing there. */
  const lookAtFence = async ({ tenantId, place }: Journey): Promise<boolean> => {
    const { api } = await placements.residenceIn(place.database);
    const facts = { tenantId, epoch: place.epoch, principal: "platform:fence", role: "anonymous" };
    try {
      await runScoped(api, makeScope(facts, keyring), "write", []);
      return false;
    } catch (error) {
      if (!(error instanceof RowhouseError)) throw error;
      if (error.kind === "tenantMoved") {
        const next = parseMoved(error, place);
        if (next !== null && isNewer(next, place)) remember(tenantId, next); // so that nobody of those who wait asks here again
      }
      return error.kind === "tenantFenced";
    }
  };
  const waitForFence = async (journey: Journey) => {
    const at = { ...journey };
    await fences.wait(journey.tenantId, journey, () => lookAtFence(at));
    const known = newest.get(journey.tenantId);
    if (known !== undefined && isNewer(known, journey.place)) journey.place = known;
  };

  /** Puts the journey on its way to the right place, or throws. */
  const redirect = async (journey: Journey, error: unknown): Promise<void> => {
    if (!(error instanceof RowhouseError)) throw error;
    if (error.kind === "databaseUnavailable") placements.suspect(journey.place.database);
    const isElsewhere = error.kind === "tenantUnknown" && journey.place.database !== null;
    if (!isElsewhere && !["tenantFenced", "tenantMoved", "tenantArriving"].includes(error.kind)) throw error;
    if (error.kind === "tenantFenced") return waitForFence(journey);
    if (performance.now() > journey.deadline || ++journey.hops > MOST_HOPS) throw error;
    if (error.kind === "tenantMoved" && follow(journey, error)) return;
    if (error.kind === "tenantArriving" && (await help(journey))) return;
    await lookAgain(journey, error);
  };

  return async (tenant, access, work, isGone = () => false) => {
    const deadline = performance.now() + waitMs;
    const journey: Journey = { tenantId: tenant.id, place: currentPlace(tenant), hops: 0, deadline, isGone };
    if (access === "write" && fences.isClosed(tenant.id)) await waitForFence(journey);
    for (;;) {
      try {
        const found = placements.residenceIn(journey.place.database);
        return await work(choose(found instanceof Promise ? await found : found), journey.place.epoch);
      } catch (error) {
        await redirect(journey, error);
      }
    }
  };
}
