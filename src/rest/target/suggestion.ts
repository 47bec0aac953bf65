/** Lower case, with only what counts for likeness: letters, digits, spaces and commas; a dash at either end. */
function normalize(word: string): string {
  return `-${word.toLowerCase().replaceAll(/[^\p{L}\p{N}, ]/gu, "")}-`;
}

/** Runs of `size` characters, with how often each occurs. */
function gramsOf(word: string, size: number): Map<string, number> {
  const grams = new Map<string, number>();
  const normal = normalize(word).padEnd(size, "-");
  for (let n = 0; n <= normal.length - size; n += 1) {
    const gram = normal.slice(n, n + size);
    grams.set(gram, (grams.get(gram) ?? 0) + 1);
  }
  return grams;
}

function magnitude(grams: ReadonlyMap<string, number>): number {
  let sum = 0;
  for (const count of grams.values()) sum += count * count;
  return Math.sqrt(sum);
}

/** Cosine of the angle between two words' grams, 0 to 1. */
function likeness(one: ReadonlyMap<string, number>, other: ReadonlyMap<string, number>): number {
  let product = 0;
  for (const [gram, count] of other) product += count * (one.get(gram) ?? 0);
  return product === 0 ? 0 : product / (magnitude(one) * magnitude(other));
}

/** Share of characters that need no change to make one word of the other, 0 to 1 (Levenshtein). */
function closeness(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, n) => n);
  for (let i = 1; i <= one.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= other.length; j += 1) {
      const change = (row[j - 1] ?? 0) + Number(one[i - 1] !== other[j - 1]);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return 1 - (row[other.length] ?? 0) / Math.max(one.length, other.length, 1);
}

/** Longer than any name of PostgreSQL, and than most lists of parameters: not worth comparing. */
const MAX_LENGTH = 255;
/** More than this many names are not searched, so that a wrong name costs little on a schema of thousands of tables. */
const MAX_NAMES = 2000;
/** As many of the likeliest are looked at closely. */
const CANDIDATES = 50;

/** First by runs of three characters, then of two: a name that has none in common is not alike at all. */
function nearest(wanted: string, names: readonly string[], size: number, least: number): string | undefined {
  const grams = gramsOf(wanted, size);
  const word = wanted.toLowerCase();
  const [best] = names
    .map((name) => ({ name, score: likeness(grams, gramsOf(name, size)) }))
    .filter(({ score }) => score > 0)
    .toSorted((one, other) => other.score - one.score)
    .slice(0, CANDIDATES)
    .map(({ name }) => ({ name, score: closeness(word, name.toLowerCase()) }))
    .filter(({ score }) => score >= least)
    .toSorted((one, other) => other.score - one.score);
  return best?.name;
}

/**
 * The name that was most likely meant, for "Perhaps you meant": as PostgREST's fuzzy set finds it. Only from `names`, so that a hint
 * never tells of anything not served.
 * @param least similarity below which nothing is suggested
 */
export function suggest(wanted: string, names: Iterable<string>, least = 0.5): string | undefined {
  if (wanted.length > MAX_LENGTH) return undefined;
  const known = [...new Set(names)].slice(0, MAX_NAMES);
  const exact = known.find((name) => name.toLowerCase() === wanted.toLowerCase());
  return exact ?? nearest(wanted, known, 3, least) ?? nearest(wanted, known, 2, least);
}
