/** The stages of a request that `Server-Timing` tells of (PostgREST, Server-Timing Header), in their order. */
const STAGES = ["jwt", "parse", "plan", "transaction", "response"] as const;
export type Stage = (typeof STAGES)[number];

/** How long each stage of one request took. */
export class Clock {
  readonly #took = new Map<Stage, number>();
  #last = performance.now();

  /** What passed since the last call was this stage. */
  lap(stage: Stage): void {
    const now = performance.now();
    this.#took.set(stage, (this.#took.get(stage) ?? 0) + now - this.#last);
    this.#last = now;
  }

  /** The header: milliseconds with one digit. Stages that there were none of are left out. */
  toHeader(): string {
    const metrics: string[] = [];
    for (const stage of STAGES) {
      const took = this.#took.get(stage);
      if (took !== undefined) metrics.push(`${stage};dur=${took.toFixed(1)}`);
    }
    return metrics.join(", ");
  }
}
