import type { Endpoint } from "./endpoint.ts";
import type { VerifyFacts } from "./move.ts";
import type { Run } from "./run.ts";

export async function verifyRows(_run: Run, _publisher: Endpoint, _subscriber: Endpoint): Promise<VerifyFacts> {
  return { tables: 0, rows: 0, ms: 0, writersWaitedMs: 0 };
}
