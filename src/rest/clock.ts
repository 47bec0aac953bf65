/** The stages of a request that `Server-Timing` tells of (PostgREST, Server-Timing Header), in their order. */
export type Stage = "jwt" | "parse" | "plan" | "transaction" | "response";

/** Milliseconds with one digit; half the price of toFixed, and this runs five times a request. */
function format(milliseconds: number): string {
  const tenths = Math.round(milliseconds * 10);
  const whole = Math.trunc(tenths / 10);
  return `${whole}.${tenths - whole * 10}`;
}

/** How long each stage of one request took. */
export class Clock {
  readonly #metrics: string[] = [];
  #last = performance.now();

  /** What passed since the last call was this stage. Each has one lap, and they come in their order. */
  lap(stage: Stage): void {
    const now = performance.now();
    this.#metrics.push(`${stage};dur=${format(now - this.#last)}`);
    this.#last = now;
  }

  /** The header. Stages that there were none of are left out. */
  toHeader(): string {
    return this.#metrics.join(", ");
  }
}
