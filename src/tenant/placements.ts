import type { Connections, ConnectionPool, Database } from "../db/connections.ts";
import type { Pools, SharedPool } from "../db/pools.ts";
import { RowhouseError } from "../errors.ts";
import { findDatabase, HOME, openEntry } from "./databases.ts";

/** Connections of one database of the deployment. */
export interface Residence {
  /** Of rowhouse_api, for requests. */
  readonly api: Connections;
  /** Of rowhouse_platform. */
  readonly platform: Connections;
}

/** A database that can't serve its tenants now. */
export interface OutOfService {
  readonly database: string;
  readonly code: string;
  readonly problem: string;
  readonly fix: string | null;
}

/** The databases that tenants live in, opened when they are wanted. */
export interface Placements {
  /**
   * @param name null for the registry's database
   * @throws RowhouseError databaseUnavailable, databaseVersion, notReady: at once, where that was so a moment ago
   */
  residenceIn(name: string | null): Residence | Promise<Residence>;
  /** It did not answer just now. */
  suspect(name: string | null): void;
  /** Makes ready for tenants who are about to move there. Never throws. */
  warm(name: string): Promise<void>;
  /** The entry of this name may have changed. */
  invalidate(name: string): void;
  /** Entries may have changed, or the schema they are measured by: all are looked at anew before they serve. */
  clear(): void;
  /** Those that were wanted and can't serve. */
  outOfService(): readonly OutOfService[];
  close(): Promise<void>;
}

export interface PlacementSources {
  readonly home: Database;
  /** Connections of the registry's database. */
  readonly homeResidence: Residence & { readonly platform: ConnectionPool };
  readonly pools: Pools;
  /**
   * Looks whether a database may serve.
   * @throws RowhouseError databaseUnavailable, databaseVersion, notReady
   */
  readonly examine: (name: string, look: Residence) => Promise<void>;
  /** How long a database may take for one of the questions of an examination; {@link ANSWER_MS} when left out. */
  readonly answerMs?: number | undefined;
  /** A database went out of service, or came back. */
  readonly onChange?: (name: string, refusal: RowhouseError | null) => void;
}

interface Site {
  /** By which a changed address is noticed. */
  readonly conninfo: string;
  readonly residence: { readonly api: SharedPool; readonly platform: ConnectionPool };
  /** Of rowhouse_api, out of the shared number: a busy database must not look like a broken one. */
  readonly look: ConnectionPool;
}

/** What is known of a database. */
interface Standing {
  site: Site | null;
  refusal: RowhouseError | null;
  /** When it was examined last, by the process's clock. */
  examinedAt: number;
  examining: Promise<void> | null;
  /** Something has changed since the examination began. */
  isExpired: boolean;
}

/** For so long an examination is as good as new. */
const FRESH_MS = 10_000;
/** For so long requests rely on it while the next one runs. */
const USABLE_MS = 60_000;
/**
 * The same for a database that is out of service: it is asked again sooner, and what was so a while ago says little. While requests keep
 * coming they are refused at once; whoever comes after a pause waits for an answer, since a tenant may have moved there meanwhile.
 */
const REFUSED = { freshMs: 1000, usableMs: 3000 };
/** A server on the same network answers in milliseconds. */
const ANSWER_MS = 2000;

const WARM_CONNECTIONS = 4;

/** Whatever keeps one database from being used is a 503 of its tenants; what an operator can do about it is in the log. */
function toRefusal(name: string, error: unknown): RowhouseError {
  if (error instanceof RowhouseError && error.status === 503) return error;
  const message = `The database ${name} can't be used: ${error instanceof Error ? error.message : String(error)}`;
  const hint = (error instanceof RowhouseError ? error.hint : null) ?? "`rowhouse database test` tells more.";
  return new RowhouseError("databaseUnavailable", { message, hint, cause: error });
}

const isKind = (error: unknown, kind: RowhouseError["kind"]) => error instanceof RowhouseError && error.kind === kind;

async function closeSite(site: Site | null): Promise<void> {
  await Promise.allSettled([site?.residence.api.end(), site?.residence.platform.end(), site?.look.end()]);
}

/** Opens connections and gives them back. */
async function openSome(connections: Connections): Promise<void> {
  const opened = await Promise.allSettled(Array.from({ length: WARM_CONNECTIONS }, () => connections.connect()));
  for (const result of opened) if (result.status === "fulfilled") result.value.release();
}

/** The site as the registry and the secret have it now: the one that there is, or a new one where its address has changed. */
async function refreshSite(
  { home, homeResidence, pools, answerMs = ANSWER_MS }: PlacementSources,
  name: string,
  site: Site | null,
): Promise<Site> {
  const database = openEntry(home, await findDatabase(homeResidence.platform, name));
  const conninfo = database.replicationConninfo(null);
  if (site?.conninfo === conninfo) return site;
  void closeSite(site);
  const single = { max: 1, waitMs: answerMs, idleMs: FRESH_MS, statementTimeoutMs: answerMs };
  return {
    conninfo,
    residence: { api: pools.open(database, "rowhouse_api"), platform: database.openPool("rowhouse_platform", single) },
    look: database.openPool("rowhouse_api", single),
  };
}

/** Connects to nothing yet: a database is examined when its first tenant asks for it. Whoever opens it closes it. */
export function openPlacements(sources: PlacementSources): Placements {
  const standings = new Map<string, Standing>();

  const examine = async (name: string, standing: Standing) => {
    const before = standing.refusal?.message;
    standing.isExpired = false;
    try {
      standing.site = await refreshSite(sources, name, standing.site);
      await sources.examine(name, { api: standing.site.look, platform: standing.site.residence.platform });
      standing.refusal = null;
    } catch (error) {
      standing.refusal = toRefusal(name, error);
      if (isKind(error, "databaseUnknown")) standings.delete(name);
    }
    if (standing.refusal !== null) {
      void closeSite(standing.site);
      standing.site = null;
    }
    standing.examinedAt = standing.isExpired ? -Infinity : performance.now();
    standing.examining = null;
    if (before !== standing.refusal?.message) sources.onChange?.(name, standing.refusal);
  };
  const start = (name: string, standing: Standing) => (standing.examining ??= examine(name, standing));

  const standingOf = (name: string): Standing => {
    let standing = standings.get(name);
    if (standing === undefined) {
      standing = { site: null, refusal: null, examinedAt: -Infinity, examining: null, isExpired: false };
      standings.set(name, standing);
    }
    return standing;
  };
  const admit = ({ site, refusal }: Standing): Residence => {
    if (refusal !== null) throw refusal;
    return site!.residence;
  };
  const expire = (standing: Standing) => {
    standing.isExpired = true;
    standing.examinedAt = -Infinity;
  };
  /** An examination that began before a change says nothing about now. */
  const settle = async (name: string, standing: Standing) => {
    await start(name, standing);
    if (standing.isExpired) await start(name, standing);
    return admit(standing);
  };

  return {
    residenceIn: (name) => {
      if (name === null || name === HOME) return sources.homeResidence;
      const standing = standingOf(name);
      const { freshMs, usableMs } = standing.refusal === null ? { freshMs: FRESH_MS, usableMs: USABLE_MS } : REFUSED;
      const age = performance.now() - standing.examinedAt;
      if (age > usableMs) return settle(name, standing);
      if (age > freshMs) void start(name, standing);
      return admit(standing);
    },
    suspect: (name) => {
      const standing = name === null ? undefined : standings.get(name);
      if (standing !== undefined && performance.now() - standing.examinedAt > REFUSED.freshMs)
        void start(name!, standing);
    },
    warm: async (name) => {
      if (name === HOME) return;
      const standing = standingOf(name);
      await start(name, standing);
      if (standing.site !== null) await openSome(standing.site.residence.api);
    },
    invalidate: (name) => {
      const standing = standings.get(name);
      if (standing !== undefined) expire(standing);
    },
    clear: () => [...standings.values()].forEach(expire),
    close: async () => {
      await Promise.all([...standings.values()].map(({ site }) => closeSite(site)));
    },
    outOfService: () =>
      [...standings].flatMap(([database, { refusal }]) =>
        refusal === null ? [] : [{ database, code: refusal.code, problem: refusal.message, fix: refusal.hint }],
      ),
  };
}

/** A payload of the channel `rowhouse_databases`: a name, or `warm:` and a name. */
export function hearOfDatabase(placements: Placements, payload: string): void {
  if (payload.startsWith("warm:")) void placements.warm(payload.slice("warm:".length));
  else placements.invalidate(payload);
}
