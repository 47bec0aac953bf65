import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { approveDemo, type DemoSources } from "../../src/demo/approve.ts";
import { runOn } from "../commands/rowhouse.ts";
import type { TestDatabase } from "../harness.ts";
import { eventually } from "../http/server.ts";
import type { SmtpSink } from "../mail/smtp-sink.ts";
import { askForDemo, emailOf, sample } from "./approval.ts";
import { openMailStage, type MailStage } from "./mail-stage.ts";
import type { Death, Wire } from "./wire.ts";

/**
 * The e-mail of an approved demo request, while the server that sends it is killed (SIGKILL) in the talk with the mail server, or at what it writes
 * down about it; another server comes up. Everywhere with `TEST_CRASHES=all` (`npm run test:crashes`); else where the mail server has
 * the letter, and at one other point.
 */
let stage: MailStage;
let db: TestDatabase;
let wire: Wire;
let sink: SmtpSink;
beforeAll(async () => {
  stage = await openMailStage("wire");
  ({ db, wire, sink } = stage);
});
afterAll(() => stage?.[Symbol.asyncDispose]());

const sources = (): DemoSources => ({
  pool: db.platform,
  keyring: db.database.keyring,
  originOf: (slug) => `http://${slug}.localhost`,
});

type Point = { readonly reply: string } | Death;

const CLAIM = "update platform.outbox o set attempts";
const MARK = "update platform.outbox set sending_at";
const SETTLE = "update platform.outbox set error";
/** Before the mail server's reply to each command; and at the statements of the sender. */
const POINTS: readonly Point[] = [
  ...["OPEN", "EHLO", "MAIL", "RCPT", "DATA", "DATA."].map((reply) => ({ reply })),
  ...[CLAIM, MARK, SETTLE].flatMap((at) => (["before", "during", "after"] as const).map((when) => ({ at, when }))),
];
const nameOf = (point: Point) => ("reply" in point ? point.reply : `${point.when} ${point.at}`);

/** Kills the server that runs at the first time that it comes by. */
function arm(point: Point): Promise<void> {
  const { child } = stage.server;
  if (!("reply" in point)) wire.arm(point, () => child.kill("SIGKILL"));
  else {
    sink.respond = (command) => {
      if (command !== point.reply) return null;
      sink.respond = () => null;
      child.kill("SIGKILL");
      return "cut";
    };
  }
  return eventually(async () => expect([nameOf(point), child.signalCode]).toEqual([nameOf(point), "SIGKILL"]));
}

interface Mail {
  readonly id: string;
  readonly state: "waits" | "sends" | "sent" | "failed" | "doubt";
}
const mailOf = async (label: string): Promise<Mail> =>
  (await runOn(db.url)("mail", "list", label, "--json")).json<Mail[]>()[0]!;
const arrived = (to: string) => sink.letters.filter((letter) => letter.to.includes(`<${to}>`)).length;

/** For the outbox: leases end, and what was under way then is in doubt. */
async function passFiveMinutes(): Promise<void> {
  const pass = "set next_at = next_at - interval '5 min 1 s', sending_at = sending_at - interval '5 min 1 s'";
  await db.admin.query(`update platform.outbox ${pass} where sent_at is null`);
}

/** Another letter has gone out meanwhile: whatever was due was looked at. */
async function outlive(): Promise<void> {
  const to = `${randomUUID()}@later.example`;
  await db.admin.query(
    `insert into platform.outbox (tenant_id, kind, to_address, subject, text, html, dedupe_key)
     select id, 'invitation', $1, 'Later', 'Later', 'Later', $1 from platform.tenants where slug = 'acme'`,
    [to],
  );
  await eventually(async () => expect(arrived(to)).toBe(1));
}

/** Until it has arrived so often, and is known to be sent. */
async function resend(label: string, id: string, times: number): Promise<void> {
  expect((await runOn(db.url)("mail", "resend", id, "--json")).code).toBe(0);
  await eventually(async () => expect(arrived(emailOf(label))).toBe(times));
  await eventually(async () => expect((await mailOf(label)).state).toBe("sent"));
}

/** @returns how often it arrived by itself, what was known of it then, and how often it arrived in the end */
async function dieAt(point: Point, label: string): Promise<{ by: number; state: Mail["state"]; end: number }> {
  const to = emailOf(label);
  const id = await askForDemo(db, label);
  // Outboxes are asked all the time, also when there is nothing in them.
  const isClaim = "at" in point && point.at === CLAIM;
  const early = isClaim ? null : arm(point);
  await approveDemo(sources(), id, {}, "operator:test");
  await (early ?? arm(point));
  wire.arm(null);
  await wire.drained();
  await passFiveMinutes();
  await stage.startServer();
  await outlive();
  await eventually(async () => expect(["sent", "doubt"]).toContain((await mailOf(label)).state));
  const mail = await mailOf(label);
  const by = arrived(to);
  if (mail.state === "doubt") await resend(label, mail.id, by + 1);
  return { by, state: mail.state, end: arrived(to) };
}

const seen: Record<string, string> = {};

test(
  "it arrives once at most by itself; in doubt it is shown, and can be sent again",
  { timeout: 900_000 },
  async () => {
    const points = sample(POINTS, 1, (point) => nameOf(point) === "DATA.");
    console.log(`${points.length} of ${POINTS.length} points`);
    for (const [number, point] of points.entries()) {
      const { by, state, end } = await dieAt(point, `mail-${number}`);
      seen[nameOf(point)] = `${by} arrived, ${state}`;
      // Sent is what arrived; what may have or not is in doubt. Nothing is lost, and nothing forgotten.
      expect({ point, outcome: `${by} ${state}` }).toEqual({
        point,
        outcome: expect.stringMatching(/^(1 sent|[01] doubt)$/) as unknown,
      });
      expect({ point, end }).toEqual({ point, end: state === "doubt" ? by + 1 : 1 });
    }
    console.log(JSON.stringify(seen, null, 2));
    expect(seen["DATA."]).toBe("1 arrived, doubt");
  },
);

test("while it is being sent it is not sent again, even when somebody asks", { timeout: 300_000 }, async () => {
  let reply!: (text: string) => void;
  const held = new Promise<string>((resolve) => (reply = resolve));
  sink.respond = (command) => (command === "DATA." ? held : null);
  const id = await askForDemo(db, "slow");
  await approveDemo(sources(), id, {}, "operator:test");
  await eventually(async () => expect(arrived(emailOf("slow"))).toBe(1));
  const mail = await mailOf("slow");
  const refused = await runOn(db.url)("mail", "resend", mail.id);
  expect([mail.state, refused.code]).toEqual(["sends", 2]);
  reply("250 kept");
  await eventually(async () => expect((await mailOf("slow")).state).toBe("sent"));
  sink.respond = () => null;
  await sleep(100);
  expect(arrived(emailOf("slow"))).toBe(1);
});
