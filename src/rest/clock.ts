/** The stages of a request that `Server-Timing` tells of (PostgREST, Server-Timing Header), in their order. */
const STAGES = ["jwt", "parse", "plan", "transaction", "response"] as const;
export type Stage = (typeof STAGES)[number];

/** Milliseconds with one digit, made once for all that are usual: this runs five times a request. */
const TENTHS = Array.from({ length: 1000 }, (_, tenths) => (tenths / 10).toFixed(1));

function format(milliseconds: number): string {
  return TENTHS[Math.round(milliseconds * 10)] ?? milliseconds.toFixed(1);
}

/** How long each stage of one request took, in milliseconds. */
export class Clock {
  readonly #took = STAGES.map(() => 0);
  #last = performance.now();
  /** How many of the stages are over. */
  #done = 0;

  /** What passed since the last call was this stage. */
  lap(stage: Stage): void {
    this.#end(STAGES.indexOf(stage));
  }

  #end(place: number): void {
    const now = performance.now();
    this.#took[place]! += now - this.#last;
    this.#last = now;
    this.#done = place + 1;
  }

  /** The header. Each stage is there, also where a request has none of it. */
  toHeader(): string {
    return this.#tell(STAGES.length);
  }

  /** The header of a refusal: the stages as far as the one that refused, of which there is none beyond the transaction. */
  stop(): string {
    const refusing = Math.min(this.#done, STAGES.length - 2);
    this.#end(refusing);
    return this.#tell(refusing + 1);
  }

  #tell(count: number): string {
    let header = `${STAGES[0]};dur=${format(this.#took[0]!)}`;
    for (let place = 1; place < count; place++) header += `, ${STAGES[place]};dur=${format(this.#took[place]!)}`;
    return header;
  }
}
