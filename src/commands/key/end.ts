import type { Command } from "commander";
import { revokeKey, rotateKey } from "../../auth/api-keys.ts";
import { act, addExamples } from "../action.ts";
import { parseDuration } from "../duration.ts";
import type { Output } from "../output.ts";
import { openSession } from "../session.ts";
import { openTenantDesk } from "../tenant-desk.ts";

interface RotateOptions {
  readonly overlap: string;
  readonly ttl?: string;
}

async function rotate(out: Output, { overlap, ttl }: RotateOptions, slug: string, which: string): Promise<void> {
  const overlapSeconds = parseDuration("--overlap", overlap);
  const lives = ttl === undefined ? {} : { ttlSeconds: parseDuration("--ttl", ttl) };
  await using session = await openSession("key rotate");
  await using place = await openTenantDesk(session, slug);
  const made = await rotateKey(place.desk, place.actor, place.tenant.id, which, { overlapSeconds, ...lives });
  out.answer(made, made.key);
  out.talk(`Shown once. The old one works for ${overlap} more.`);
}

export function registerKeyRotate(group: Command): void {
  const command = group
    .command("rotate <tenant> <key>")
    .description("make a key with the same rights; both work for a while")
    .option("--overlap <duration>", "how long the old one goes on working; 0s for one that leaked", "24h")
    .option("--ttl <duration>", "when the new one expires (default: never)")
    .action(act<RotateOptions, [string, string]>(rotate));
  addExamples(command, [
    ["rowhouse key rotate acme rh_live_Ab12Cd", "by prefix, id or name"],
    ["rowhouse key rotate acme till --overlap 0s", "the old one leaked"],
  ]);
}

export function registerKeyRevoke(group: Command): void {
  const command = group
    .command("revoke <tenant> <key>")
    .description("refuse a key from its next request on")
    .action(
      act<unknown, [string, string]>(async (out, _options, slug, which) => {
        await using session = await openSession("key revoke");
        await using place = await openTenantDesk(session, slug);
        const key = await revokeKey(place.desk, place.actor, which);
        out.answer(key, `${key.prefix}  revoked`);
      }),
    );
  addExamples(command, [["rowhouse key revoke acme rh_live_Ab12Cd", "by prefix, id or name"]]);
}
