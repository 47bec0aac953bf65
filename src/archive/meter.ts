import { createHash } from "node:crypto";
import { Transform, type TransformCallback } from "node:stream";

export interface MeterOptions {
  /** Called with the totals so far, once per chunk. */
  readonly onChunk?: (meter: Meter) => void;
  /** Makes the error to end with when more than `limit` bytes come by: the guard against decompression bombs (threats.md, C03). */
  readonly limit?: { readonly bytes: number; readonly exceeded: () => Error };
  /** Off where the bytes are no lines. */
  readonly countLines?: boolean;
}

function countLines(chunk: Buffer): number {
  let count = 0;
  for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, at + 1)) count++;
  return count;
}

/** Passes bytes on as they are, and knows how many they were, how many lines, and their SHA-256. */
export class Meter extends Transform {
  bytes = 0;
  /** Line feeds. In text COPY each row is one line: line feeds in values are escaped (PostgreSQL manual, COPY, "Text Format"). */
  lines = 0;
  readonly #hash = createHash("sha256");
  readonly #options: MeterOptions;

  constructor(options: MeterOptions = {}) {
    super({ highWaterMark: 1 << 18 });
    this.#options = options;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    const { limit, onChunk } = this.#options;
    this.bytes += chunk.length;
    if (limit !== undefined && this.bytes > limit.bytes) {
      done(limit.exceeded());
      return;
    }
    if (this.#options.countLines === true) this.lines += countLines(chunk);
    this.#hash.update(chunk);
    onChunk?.(this);
    done(null, chunk);
  }

  /** Hex. Once, after the end. */
  sha256(): string {
    return this.#hash.digest("hex");
  }
}
