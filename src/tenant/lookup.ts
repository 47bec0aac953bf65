import { LRUCache } from "lru-cache";

/** A bounded memory of what the database said a moment ago, with at most one question under way per key. */
export interface Lookup<V extends object | string> {
  get(key: string): Promise<V | undefined>;
  /** What is known now, without asking: undefined says nothing. */
  known(key: string): V | undefined;
  /**
   * Forgets the values that match, everything that was not there, and whatever is being asked at this moment: its answer may
   * be from before the change.
   */
  drop(matches: (value: V, key: string) => boolean): void;
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
export function openLookup<V extends object | string>(
  find: (key: string) => Promise<V | undefined>,
  { max, ttlMs, missMs }: LookupOptions,
): Lookup<V> {
  const known = new LRUCache<string, V>({ max, ttl: ttlMs });
  // Apart, so that whoever asks for names that nobody has can't drive out those that somebody has.
  const missing = new LRUCache<string, true>({ max: Math.ceil(max / 10), ttl: missMs });
  const running = new Map<string, Promise<V | undefined>>();

  const remember = (key: string, value: V | undefined) => {
    if (value === undefined) missing.set(key, true);
    else known.set(key, value);
  };

  const ask = (key: string): Promise<V | undefined> => {
    const asked: Promise<V | undefined> = find(key)
      .then((value) => {
        // Dropped meanwhile: whoever waits gets it, nobody after.
        if (running.get(key) === asked) remember(key, value);
        return value;
      })
      .finally(() => {
        if (running.get(key) === asked) running.delete(key);
      });
    running.set(key, asked);
    return asked;
  };

  const forgetAbsent = () => {
    running.clear();
    missing.clear();
  };

  return {
    get: async (key) => {
      const hit = known.get(key);
      if (hit !== undefined) return hit;
      return missing.has(key) ? undefined : (running.get(key) ?? ask(key));
    },
    known: (key) => known.get(key),
    drop: (matches) => {
      forgetAbsent();
      const changed = [...known.entries()].filter(([key, value]) => matches(value, key));
      for (const [key] of changed) known.delete(key);
    },
    clear: () => {
      forgetAbsent();
      known.clear();
    },
  };
}
