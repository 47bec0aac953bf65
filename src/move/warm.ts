import { randomUUID } from "node:crypto";
import type { Run } from "./run.ts";
import { raiseSequences } from "./sequence.ts";

/**
 * Lets the sessions that will fence, release and activate do it once for a tenant that nobody has: a function that PL/pgSQL runs
 * for the first time in a session is compiled and planned, which takes longer than all the rest of it. Changes nothing but sequences,
 * which then have less far to go.
 */
export async function warmUp({ source, target, move }: Run): Promise<void> {
  const [nobody, token] = [randomUUID(), randomUUID()];
  const fence = source.mover.query("select platform.fence_tenant($1, $2, 0, '50ms')", [nobody, token]).catch(() => {}); // RH716
  const release = source.mover.query("select platform.release_tenant($1, $2, $3)", [nobody, token, move.to]);
  const activate = target.mover.query("select platform.activate_tenant($1, 1)", [nobody]);
  await Promise.all([fence, release, activate, raiseSequences(source, target)]);
}
