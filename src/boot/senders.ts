import type { Config } from "../config.ts";
import type { Connections, ConnectionPool } from "../db/connections.ts";
import type { Log } from "../log.ts";
import { openSender } from "../mail/sender.ts";
import { openCourier } from "../mail/smtp.ts";
import type { CheckedFetch } from "../net/checked-fetch.ts";
import { HOME, listDatabases } from "../tenant/databases.ts";
import type { Placements } from "../tenant/placements.ts";
import { openWebhookSender, type WebhookSources } from "../webhook/sender.ts";

/** What the jobs of a server work with. */
export interface JobSources {
  readonly config: Config;
  readonly log: Log;
  /** Connections of rowhouse_platform of the registry's database. */
  readonly platform: ConnectionPool;
  readonly placements: Placements;
  /** For addresses that operators enter. */
  readonly checkedFetch: CheckedFetch;
}

/** Other databases are looked at less often: each look holds a connection there. */
const OTHERS_MS = 15_000;

/** The other databases that can be reached, when it is time to look at them again; none in between. */
function openOthers({ platform, placements }: JobSources): () => Promise<readonly Connections[]> {
  let lookedAt = -Infinity;
  return async () => {
    if (performance.now() - lookedAt < OTHERS_MS) return [];
    lookedAt = performance.now();
    const names = (await listDatabases(platform)).map(({ name }) => name).filter((name) => name !== HOME);
    const found = await Promise.allSettled(names.map(async (name) => (await placements.residenceIn(name)).platform));
    return found.flatMap((pool) => (pool.status === "fulfilled" ? [pool.value] : []));
  };
}

/** Sends e-mails, where there is a mail server to send them by. */
export function startMail(stack: AsyncDisposableStack, sources: JobSources): void {
  const { config, log, platform } = sources;
  const { SMTP_URL: url, MAIL_FROM: from = `no-reply@${config.BASE_DOMAIN}`, BASE_DOMAIN: domain } = config;
  if (url === undefined) return;
  const others = openOthers(sources);
  const sender = openSender({
    courier: openCourier({ url, from, domain }),
    boxes: async () => [platform, ...(await others())],
    onOutcome: ({ id, attempts }, outcome) => {
      if (outcome.kind === "sent") log.info({ mail: id }, "an e-mail was sent");
      else log.warn({ mail: id, attempts, outcome: outcome.kind, problem: outcome.error }, "an e-mail was not sent");
    },
    onError: (err) => log.error({ err }, "the outbox can't be read"),
  });
  stack.defer(() => sender.close());
}

/** What is logged has no URL: what follows its host may be as good as a password. */
function logSettled(log: Log): NonNullable<WebhookSources["onSettled"]> {
  return ({ webhookId: webhook, id: delivery, type, attempts }, { outcome, pause, disabled }) => {
    const facts = { webhook, delivery, event: type, attempts };
    if (outcome.kind === "delivered") log.info(facts, "an event was delivered");
    if (outcome.kind === "failed") {
      const { error: problem, status } = outcome;
      log.warn({ ...facts, problem, status, next_s: pause }, "an event was not delivered");
    }
    if (disabled !== null) log.error({ webhook, reason: disabled }, "the webhook was switched off");
  };
}

/** Tells the webhooks what happened. */
export function startWebhooks(stack: AsyncDisposableStack, sources: JobSources): void {
  const { config, log, platform, checkedFetch } = sources;
  const sender = openWebhookSender({
    home: platform,
    others: openOthers(sources),
    fetch: checkedFetch,
    keptDays: config.WEBHOOK_DAYS,
    onSettled: logSettled(log),
    onError: (err) => log.error({ err }, "webhooks can't be served"),
  });
  stack.defer(() => sender.close());
}
