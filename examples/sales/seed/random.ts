/** Numbers that look random and are the same on every machine: sfc32, seeded by a text. */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: string) {
    [this.#a, this.#b, this.#c] = hashes(seed);
    // The first outputs still show the seed.
    for (let round = 0; round < 12; round++) this.bits();
  }

  /** 32 random bits. */
  bits(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** At least 0, below 1. */
  fraction(): number {
    return this.bits() / 0x1_0000_0000;
  }

  /** A whole number from `min` to `max`, both included. */
  integer(min: number, max: number): number {
    return min + Math.floor(this.fraction() * (max - min + 1));
  }

  /** An index below `count`; the first ones come up far more often, as best sellers and best customers do. */
  favourite(count: number): number {
    const fraction = this.fraction();
    return Math.floor(fraction * fraction * count);
  }

  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  pick<T>(choices: readonly [T, ...T[]]): T {
    return choices[Math.floor(this.fraction() * choices.length)] as T;
  }

  /** A UUID of version 7 (RFC 9562) for this millisecond: ids in the order of time keep an index compact. */
  uuid(milliseconds: number): string {
    const time = milliseconds.toString(16).padStart(12, "0");
    const [first, second, third] = [this.bits(), this.bits(), this.bits()].map((bits) =>
      bits.toString(16).padStart(8, "0"),
    );
    const variant = "89ab"[this.bits() & 3];
    return `${time.slice(0, 8)}-${time.slice(8)}-7${first!.slice(0, 3)}-${variant}${first!.slice(3, 6)}-${second}${third!.slice(0, 4)}`;
  }
}

/** Three words of state out of a text: FNV-1a from three starts, each mixed as MurmurHash3 ends. */
function hashes(text: string): [number, number, number] {
  const starts = [0x811c9dc5, 0x9e3779b9, 0x85ebca6b] as const;
  return starts.map((start) => {
    let hash: number = start;
    for (const character of text) hash = Math.imul(hash ^ character.codePointAt(0)!, 0x01000193);
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    return (hash ^ (hash >>> 16)) >>> 0;
  }) as [number, number, number];
}
