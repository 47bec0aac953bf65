import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Endpoint } from "./endpoint.ts";

/** Written at the source: once it is visible at the target, so is everything that the source had committed before. */
export async function putWatermark({ mover }: Endpoint, tenantId: string, id: string = randomUUID()): Promise<string> {
  await mover.query("insert into platform.move_watermarks (tenant_id, id) values ($1, $2)", [tenantId, id]);
  return id;
}

/**
 * Asks each millisecond: waiting for a WAL position instead costs 200 ms, because the subscriber reports what it has flushed
 * (mobility.md, finding 2).
 * @returns whether it came before the limit
 */
export async function awaitWatermark(
  { mover }: Endpoint,
  tenantId: string,
  id: string,
  limitMs: number,
): Promise<boolean> {
  const deadline = performance.now() + limitMs;
  while (true) {
    const { rowCount } = await mover.query({
      name: "rowhouse_watermark",
      text: "select from platform.move_watermarks where tenant_id = $1 and id = $2",
      values: [tenantId, id],
    });
    if (rowCount === 1) return true;
    if (performance.now() > deadline) return false;
    await sleep(1);
  }
}

/** @returns milliseconds that a watermark took; null when it did not come within the limit */
export async function measureLag(
  source: Endpoint,
  target: Endpoint,
  tenantId: string,
  limitMs: number,
): Promise<number | null> {
  const start = performance.now();
  const id = await putWatermark(source, tenantId);
  return (await awaitWatermark(target, tenantId, id, limitMs)) ? performance.now() - start : null;
}
