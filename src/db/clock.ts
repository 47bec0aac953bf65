import type pg from "pg";

/**
 * How far this machine's clock is ahead of the server's, in milliseconds; half a round trip counts for either side. Tokens are
 * dated by this machine and moves by the server, so the two have to agree.
 */
export async function readClockSkew(client: pg.ClientBase): Promise<number> {
  const before = Date.now();
  const { rows } = await client.query<{ now: string }>("select extract(epoch from clock_timestamp()) * 1000 as now");
  return Math.round((before + Date.now()) / 2 - Number(rows[0]?.now));
}
