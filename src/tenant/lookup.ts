import { LRUCache } from "lru-cache";

/** A bounded memory of what the database said a moment ago, with at most one question under way per key. */
export interface Lookup<V> {
  get(key: string): Promise<V | undefined>;
  /** Forgets what matches, and whatever is being asked at this moment: its answer may be from before the change. */
  drop(matches: (value: V | undefined, key: string) => boolean): void;
  clear(): void;
}

export interface LookupOptions {
  readonly max: number;
  /** How long an answer is believed, in milliseconds. */
  readonly ttlMs: number;
  /** How long "there is none" is believed, in milliseconds. */
  readonly missMs: number;
}

/**
 * @param find asks the database; a failure is not remembered
 */
export function openLookup<V>(find: (key: string) => Promise<V | undefined>, { max, ttlMs, missMs }: LookupOptions): Lookup<V> {
  const known = new LRUCache<string, { readonly value: V | undefined }>({ max, ttl: ttlMs });
  const running = new Map<string, Promise<V | undefined>>();

  const ask = (key: string): Promise<V | undefined> => {
    const asked: Promise<V | undefined> = find(key)
      .then((value) => {
        // Dropped meanwhile: whoever waits gets it, nobody after.
        if (running.get(key) === asked) known.set(key, { value }, { ttl: value === undefined ? missMs : ttlMs });
        return value;
      })
      .finally(() => {
        if (running.get(key) === asked) running.delete(key);
      });
    running.set(key, asked);
    return asked;
  };

  return {
    get: async (key) => {
      const hit = known.get(key);
      return hit === undefined ? (running.get(key) ?? ask(key)) : hit.value;
    },
    drop: (matches) => {
      running.clear();
      for (const [key, { value }] of known.entries()) {
        if (matches(value, key)) known.delete(key);
      }
    },
    clear: () => {
      running.clear();
      known.clear();
    },
  };
}
