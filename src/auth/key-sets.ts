import { LRUCache } from "lru-cache";
import { RowhouseError } from "../errors.ts";
import type { CheckedFetch } from "../net/checked-fetch.ts";
import { readKeySet, type KeySet } from "./key-set.ts";

/** Which key set: one issuer's, wherever it is registered. Two issuers at one URL share nothing (threats.md H06). */
export interface KeySetName {
  readonly issuer: string;
  readonly url: string;
}

/** The key sets of tenants' issuers, kept in memory. */
export interface KeySets {
  /** @throws RowhouseError issuerUnavailable when there is none, and none to be had */
  find(name: KeySetName): Promise<KeySet>;
  /** For a token of a key that {@link find} did not have: a newer set if there may be one, else the same. Never throws. */
  renew(name: KeySetName, known: KeySet): Promise<KeySet>;
}

/** Younger than this, a set is taken as it is. */
const FRESH_MS = 300_000;
/** Up to this age it is taken while the next is fetched. Nobody waits for an issuer that is in use. */
const BELIEVED_MS = 600_000;
/** Up to this age it is taken when the issuer gives no other. A key that it withdrew is good for no longer. */
const STALE_MS = 3_600_000;
/** Whatever tokens say of their keys, a set is fetched no more often than this. */
const RENEW_MS = 30_000;
/** When there is no set at all. */
const RETRY_MS = 5000;

interface Entry {
  set: KeySet | null;
  /** Unix milliseconds of the last that came, and of the last try. */
  fetchedAt: number;
  triedAt: number;
  /** Why the last try gave none. */
  problem: unknown;
  running: Promise<void> | null;
}

export interface KeySetOptions {
  readonly fetch: CheckedFetch;
  readonly max?: number;
  /** A try gave none. */
  readonly onFailure?: (name: KeySetName, error: unknown) => void;
}

/** One fetch at a time for each issuer; issuers don't wait for each other. */
export function openKeySets({ fetch, max = 1000, onFailure }: KeySetOptions): KeySets {
  const entries = new LRUCache<string, Entry>({ max });

  const entryOf = ({ issuer, url }: KeySetName): Entry => {
    const key = `${issuer} ${url}`;
    const known = entries.get(key);
    if (known !== undefined) return known;
    const entry: Entry = { set: null, fetchedAt: -Infinity, triedAt: -Infinity, problem: null, running: null };
    entries.set(key, entry);
    return entry;
  };

  const load = async (entry: Entry, name: KeySetName): Promise<void> => {
    entry.triedAt = Date.now();
    try {
      entry.set = await readKeySet(fetch, name.url);
      entry.fetchedAt = Date.now();
    } catch (error) {
      entry.problem = error;
      onFailure?.(name, error);
    } finally {
      entry.running = null;
    }
  };

  /** At most one try in `everyMs`, and none beside one that runs. Never rejects. */
  const attempt = (entry: Entry, name: KeySetName, everyMs: number): Promise<void> => {
    if (entry.running !== null) return entry.running;
    if (Date.now() - entry.triedAt < everyMs) return Promise.resolve();
    // The assignment comes after load() has begun and before it can end: its first await is a request.
    return (entry.running = load(entry, name));
  };

  return {
    find: async (name) => {
      const entry = entryOf(name);
      const age = () => Date.now() - entry.fetchedAt;
      if (age() >= FRESH_MS) {
        const tried = attempt(entry, name, entry.set === null ? RETRY_MS : RENEW_MS);
        if (age() >= BELIEVED_MS) await tried;
      }
      if (entry.set !== null && age() < STALE_MS) return entry.set;
      throw new RowhouseError("issuerUnavailable", {
        message: `The keys of ${name.issuer} can't be had now`,
        hint: "Try again in a moment. `rowhouse issuer test` says what is wrong.",
        cause: entry.problem,
      });
    },
    renew: async (name, known) => {
      const entry = entryOf(name);
      if (entry.set === known) await attempt(entry, name, RENEW_MS);
      return entry.set ?? known;
    },
  };
}
