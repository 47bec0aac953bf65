import { LRUCache } from "lru-cache";

/** Longer ones are rare, and each costs memory on every connection. */
const MAX_LENGTH = 8000;
const names = new LRUCache<string, string>({ max: 2000 });
let count = 0;

/** A name to prepare `text` under: the same for the same text, and never that of another. Undefined: not worth to be prepared. */
export function statementName(text: string): string | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  let name = names.get(text);
  if (name === undefined) names.set(text, (name = `rh_${++count}`));
  return name;
}
