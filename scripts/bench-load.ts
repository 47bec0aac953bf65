/**
 * The load generator of scripts/bench.ts, in a process of its own so that it does not share the server's thread. Takes one
 * round at a time by message, and answers with what it measured.
 */
import autocannon from "autocannon";

export interface Round {
  readonly url: string;
  readonly seconds: number;
  readonly connections: number;
  readonly requests: readonly {
    method: "GET" | "POST" | "PATCH";
    path: string;
    headers: Record<string, string>;
    body?: string;
  }[];
}

export interface Measured {
  /** Requests a second, mean of the round. */
  readonly rate: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Answers outside 2xx, and connections that failed: a round with any is not a measurement. */
  readonly failed: number;
}

async function measure({ url, seconds, connections, requests }: Round): Promise<Measured> {
  const result = await autocannon({ url, duration: seconds, connections, requests: [...requests] });
  return {
    rate: result.requests.total / result.duration,
    p50: result.latency.p50,
    p99: result.latency.p99,
    failed: result.non2xx + result.errors + result.timeouts,
  };
}

process.on("message", (round: Round) => {
  void measure(round).then((measured) => process.send?.(measured));
});
