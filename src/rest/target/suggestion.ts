/** Pairs of neighbouring characters, with how often each occurs. */
function pairsOf(word: string): Map<string, number> {
  const pairs = new Map<string, number>();
  const padded = `-${word.toLowerCase()}-`;
  for (let n = 0; n < padded.length - 1; n += 1) {
    const pair = padded.slice(n, n + 2);
    pairs.set(pair, (pairs.get(pair) ?? 0) + 1);
  }
  return pairs;
}

/** Share of pairs that two words have in common (Dice's coefficient), 0 to 1. */
function similarity(one: string, other: string): number {
  const pairs = pairsOf(one);
  let common = 0;
  for (const [pair, count] of pairsOf(other)) common += Math.min(count, pairs.get(pair) ?? 0);
  return (2 * common) / (one.length + other.length + 2);
}

/** Longer than any name of PostgreSQL: not worth comparing. */
const MAX_LENGTH = 63;
/** More than this many names are not searched, so that a wrong name costs little on a schema of thousands of tables. */
const MAX_NAMES = 2000;

/**
 * The name that was most likely meant, for "Perhaps you meant". Only from `names`, so that a hint never tells of anything not served.
 * @param least similarity below which nothing is suggested
 */
export function suggest(wanted: string, names: Iterable<string>, least = 0.5): string | undefined {
  if (wanted.length > MAX_LENGTH) return undefined;
  let best: string | undefined;
  let bestScore = least;
  let seen = 0;
  for (const name of names) {
    if (++seen > MAX_NAMES) break;
    const score = similarity(wanted, name);
    if (score > bestScore) [best, bestScore] = [name, score];
  }
  return best;
}
