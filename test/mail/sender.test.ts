import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { ConnectionPool } from "../../src/db/connections.ts";
import { claimLetters, markSending, resendLetter, settle } from "../../src/mail/box.ts";
import { pauseAfter } from "../../src/mail/letter.ts";
import { sendDue } from "../../src/mail/sender.ts";
import { openCourier } from "../../src/mail/smtp.ts";
import { insertTenant } from "../../src/tenant/create.ts";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { testServer } from "../http/server.ts";
import { openSmtpSink, type SmtpSink } from "./smtp-sink.ts";

let db: TestDatabase;
let sink: SmtpSink;
beforeAll(async () => {
  db = await testDatabase();
  sink = await openSmtpSink();
});
afterAll(async () => {
  await sink?.[Symbol.asyncDispose]();
  await db?.close();
});
beforeEach(async () => {
  await db.admin.query("delete from platform.outbox");
  sink.letters.length = 0;
  sink.respond = () => null;
});

const FROM = "Rowhouse <no-reply@mail.example>";

async function post(to: string, text = "Hello\n"): Promise<string> {
  const { rows } = await db.admin.query<{ id: string }>(
    `insert into platform.outbox (tenant_id, kind, to_address, subject, text, html, dedupe_key)
     select id, 'invitation', $1, 'Grüße', $2, '<p>Hello</p>', $1 from platform.tenants where slug = 'acme' returning id`,
    [to, text],
  );
  return rows[0]!.id;
}

interface Row {
  sent: boolean;
  sending: boolean;
  failed: boolean;
  attempts: number;
  error: string | null;
  next: Date;
}
async function stateOf(id: string): Promise<Row> {
  const { rows } = await db.admin.query<Row>(
    `select sent_at is not null as sent, sending_at is not null as sending, failed_at is not null as failed, attempts, error,
       next_at as next from platform.outbox where id = $1`,
    [id],
  );
  return rows[0]!;
}

async function sendAll(pool: ConnectionPool = db.platform, url = sink.url): Promise<number> {
  const courier = openCourier({ url, from: FROM, domain: "mail.example" });
  try {
    return await sendDue({ courier, boxes: async () => [pool], onError: () => {} });
  } finally {
    courier.close();
  }
}
/** By the database's clock, in milliseconds. */
async function now(): Promise<number> {
  const { rows } = await db.admin.query<{ now: Date }>("select date_trunc('milliseconds', now()) as now");
  return rows[0]!.now.getTime();
}
const due = (id: string) => db.admin.query("update platform.outbox set next_at = now() where id = $1", [id]);

describe("a letter", () => {
  test("goes out once, as it was written, under an id of its own", async () => {
    const id = await post("ann@print.example", "First\n.\nA line with a dot\n");
    expect(await sendAll()).toBe(1);
    expect(await sendAll()).toBe(0);
    expect(sink.letters).toHaveLength(1);
    const [{ from, to, data }] = sink.letters as [(typeof sink.letters)[0]];
    expect([from, to]).toEqual(["<no-reply@mail.example>", ["<ann@print.example>"]]);
    expect(data).toContain(`Message-ID: <${id}@mail.example>`);
    expect(data).toContain("From: Rowhouse <no-reply@mail.example>");
    expect(data).toContain("Auto-Submitted: auto-generated");
    expect(data).toMatch(/^Subject: =\?UTF-8\?/m);
    expect(data).toContain("First\n.\nA line with a dot");
    expect(data).toContain("<p>Hello</p>");
    expect(await stateOf(id)).toMatchObject({ sent: true, sending: false, attempts: 1, error: null });
  });

  test("an address can't bring headers or recipients of its own (CWE-93)", async () => {
    await post("ann@print.example,eve@evil.example");
    await post("ann@print.example\r\nBcc: eve@evil.example");
    await sendAll();
    expect(sink.letters.flatMap(({ to }) => to).filter((to) => to === "<eve@evil.example>")).toEqual([]);
    expect(sink.letters.filter(({ data }) => /^Bcc:/im.test(data))).toEqual([]);
  });
});

describe("what the server says", () => {
  test.each([
    ["MAIL", "451 later", { failed: false, attempts: 1 }],
    ["RCPT", "450 greylisted", { failed: false, attempts: 1 }],
    ["DATA", "451 later", { failed: false, attempts: 1 }],
    ["DATA.", "452 full", { failed: false, attempts: 1 }],
    ["RCPT", "550 no such user", { failed: true, attempts: 1 }],
    ["DATA.", "554 refused", { failed: true, attempts: 1 }],
  ])("%s %s", async (command, reply, expected) => {
    const id = await post("ann@print.example");
    sink.respond = (given) => (given === command ? reply : null);
    await sendAll();
    const state = await stateOf(id);
    expect(state).toMatchObject({ sent: false, sending: false, ...expected });
    expect(state.error).toContain(reply.slice(4));
  });

  test("refused for now: a pause that grows, then it goes out", async () => {
    const id = await post("ann@print.example");
    sink.respond = (given) => (given === "RCPT" ? "450 greylisted" : null);
    const first = await now();
    await sendAll();
    expect((await stateOf(id)).next.getTime()).toBeGreaterThanOrEqual(first + 60_000);
    expect(await sendAll()).toBe(0);
    await due(id);
    const second = await now();
    await sendAll();
    expect((await stateOf(id)).next.getTime()).toBeGreaterThanOrEqual(second + 120_000);
    sink.respond = () => null;
    await due(id);
    await sendAll();
    expect(await stateOf(id)).toMatchObject({ sent: true, attempts: 3, error: null });
    expect(sink.letters).toHaveLength(1);
  });

  test("no server there: it waits; after the last pause it is given up", async () => {
    const id = await post("ann@print.example");
    await sendAll(db.platform, "smtp://127.0.0.1:1");
    expect(await stateOf(id)).toMatchObject({ sent: false, sending: false, failed: false, attempts: 1 });
    expect([1, 10, 11].map(pauseAfter)).toEqual([60, 43_200, null]);
    await db.admin.query("update platform.outbox set attempts = 10, next_at = now()");
    await sendAll(db.platform, "smtp://127.0.0.1:1");
    expect(await stateOf(id)).toMatchObject({ failed: true, attempts: 11 });
    await due(id);
    expect(await sendAll()).toBe(0);
    expect(await resendLetter(db.platform, id.slice(0, 8))).toBe(true);
    expect(await sendAll()).toBe(1);
    expect(await stateOf(id)).toMatchObject({ sent: true, failed: false });
    expect(await resendLetter(db.platform, id)).toBe(false);
  });
});

describe("nothing is sent twice", () => {
  test("the connection breaks when the server has it: in doubt, and left alone until somebody says so", async () => {
    const id = await post("ann@print.example");
    sink.respond = (given) => (given === "DATA." ? "cut" : null);
    await sendAll();
    expect(sink.letters).toHaveLength(1); // it had arrived
    expect(await stateOf(id)).toMatchObject({ sent: false, sending: true, failed: false });
    sink.respond = () => null;
    await due(id);
    expect(await sendAll()).toBe(0);
    expect(sink.letters).toHaveLength(1);
  });

  test("the connection breaks before the text is under way: it is tried again", async () => {
    const id = await post("ann@print.example");
    sink.respond = (given) => (given === "EHLO" || given === "HELO" ? "cut" : null);
    await sendAll();
    expect(await stateOf(id)).toMatchObject({ sent: false, sending: false, failed: false });
    sink.respond = () => null;
    await due(id);
    await sendAll();
    expect(sink.letters).toHaveLength(1);
  });

  test("a process dies between claim and text: another one sends it when the lease has ended", async () => {
    const id = await post("ann@print.example");
    const [dead] = await claimLetters(db.platform, 5);
    expect(await sendAll()).toBe(0);
    await due(id);
    expect(await sendAll()).toBe(1);
    expect(await stateOf(id)).toMatchObject({ sent: true, attempts: 2 });
    // And the dead one, should it live, does nothing.
    expect(await markSending(db.platform, dead!)).toBe(false);
    await settle(db.platform, dead!, { kind: "refused", error: "late", isFinal: false });
    expect(await stateOf(id)).toMatchObject({ sent: true, error: null });
  });

  test("a process dies while the server has the text: in doubt", async () => {
    const id = await post("ann@print.example");
    const [letter] = await claimLetters(db.platform, 5);
    expect(await markSending(db.platform, letter!)).toBe(true);
    await due(id);
    expect(await sendAll()).toBe(0);
  });

  test("three processes with a hundred letters", async () => {
    const ids: string[] = [];
    for (let i = 0; i < 100; i++) ids.push(await post(`u${i}@print.example`));
    const work = async () => {
      while ((await sendAll()) > 0);
    };
    await Promise.all([work(), work(), work()]);
    const recipients = sink.letters.flatMap(({ to }) => to);
    expect([recipients.length, new Set(recipients).size]).toEqual([100, 100]);
  });
});

test("serve sends them, also after a restart; without SMTP_URL they wait", async () => {
  const id = await post("ann@print.example");
  await using quiet = await testServer(db);
  await quiet.get("acme.localhost", "/healthz");
  expect(await stateOf(id)).toMatchObject({ sent: false, attempts: 0 });
  const settings = { SMTP_URL: sink.url, MAIL_FROM: FROM };
  const first = await testServer(db, { settings });
  await expect.poll(() => stateOf(id)).toMatchObject({ sent: true });
  await first.close();
  const later = await post("bob@print.example");
  await using second = await testServer(db, { settings });
  const isTold = () => second.log.some(({ msg, mail }) => msg === "an e-mail was sent" && mail === later);
  await expect.poll(isTold).toBe(true);
  expect(await stateOf(later)).toMatchObject({ sent: true });
  expect(sink.letters).toHaveLength(2);
});

test("and those of tenants in other databases", async () => {
  const big = await db.dedicated("big1");
  const { id } = await db.tenant("initech");
  await insertTenant(big.admin, db.database.keyring, { id, slug: "initech", name: "Initech" });
  await big.admin.query(
    `insert into platform.outbox (tenant_id, kind, to_address, subject, text, html, dedupe_key)
     values ($1, 'invitation', 'peter@initech.example', 'Hi', 'Hi', 'Hi', 'x')`,
    [id],
  );
  await using _server = await testServer(db, { settings: { SMTP_URL: sink.url, MAIL_FROM: FROM } });
  await expect.poll(() => sink.letters.flatMap(({ to }) => to)).toContain("<peter@initech.example>");
});
