/**
 * A mover in a process of its own, which ends like one that is killed: at a point of its way (`name#2`: the second time that it
 * comes by), or after some milliseconds; with `stop:` in front of a point it is only stopped there (SIGSTOP). Arguments: the
 * registry's URL, its secret, what to do, the slug, the target, where to die.
 */
import { openDatabase } from "../../src/db/connections.ts";
import { abortMove, rollbackMove } from "../../src/move/back.ts";
import { runMove } from "../../src/move/mover.ts";
import type { MoveSite, RunOptions } from "../../src/move/run.ts";
import { startMove } from "../../src/move/start.ts";
import { findMove } from "../../src/move/store.ts";

const [url = "", secret = "", action = "", slug = "", to = "", deadline = ""] = process.argv.slice(2);
const home = openDatabase(url, secret);
const site: MoveSite = { home, platform: home.openPool("rowhouse_platform", { max: 2 }), actor: "operator:crash" };
const die = () => process.kill(process.pid, "SIGKILL");

const seen = new Map<string, number>();
const atPoint = (name: string) => {
  const count = (seen.get(name) ?? 0) + 1;
  seen.set(name, count);
  process.stdout.write(`${name}#${count}\n`);
  if (`${name}#${count}` === deadline) die();
  if (`stop:${name}#${count}` === deadline) process.kill(process.pid, "SIGSTOP");
};
const settings = { windowSeconds: 3600, patienceSeconds: 120 };
const options: RunOptions = { atPoint, finish: action === "finish" };

if (/^\d+$/.test(deadline)) setTimeout(die, Number(deadline));
if (action === "rollback") await rollbackMove(site, await findMove(site.platform, slug), options);
else if (action === "abort") await abortMove(site, await findMove(site.platform, slug), options);
else {
  const move = await startMove(site, { slug, to, settings });
  if (move !== undefined) await runMove(site, move, options);
}
await site.platform.end();
