import { afterAll, beforeAll, expect, test } from "vitest";
import { setTenantStatus } from "../../src/tenant/change.ts";
import { listDeliveries } from "../../src/webhook/deliveries.ts";
import { addWebhook } from "../../src/webhook/webhooks.ts";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { startServerProcess } from "../http/process.ts";
import { eventually } from "../http/server.ts";
import { isSignedBy, openReceiver, reset, type Receiver } from "./receiver.ts";
import { ALLOWED, deskOf, passTime, putOffTries } from "./sending.ts";

let db: TestDatabase;
let receiver: Receiver;
beforeAll(async () => {
  db = await testDatabase();
  receiver = await openReceiver();
  await putOffTries(db);
});
afterAll(async () => {
  await receiver?.[Symbol.asyncDispose]();
  await db?.close();
});

test("a server is killed while the receiver has the event, another one between two tries: it arrives, under one id", async () => {
  const settings = { OUTBOUND_ALLOWED: ALLOWED.join(",") };
  const { id, secret } = await addWebhook(deskOf(db), { url: receiver.url });
  const state = async () => (await listDeliveries(db.platform, id, { limit: 10 }))[0]!;

  const first = await startServerProcess(db.url, settings);
  receiver.answer = () => {}; // it has it, and takes its time
  await setTenantStatus(db.platform, "acme", "suspended", "test");
  await eventually(async () => expect(receiver.received).toHaveLength(1));
  await first.kill();
  expect(await state()).toMatchObject({ state: "waits", attempts: 1, triedAt: expect.any(String) as string });

  const second = await startServerProcess(db.url, settings);
  receiver.answer = (_, response) => response.writeHead(503).end();
  await passTime(db); // the lease has ended
  await eventually(
    async () => expect(await state()).toMatchObject({ state: "waits", attempts: 2, status: 503 }),
    60_000,
  );
  await second.kill();

  reset(receiver);
  const third = await startServerProcess(db.url, settings);
  try {
    await passTime(db);
    await eventually(async () => expect(await state()).toMatchObject({ state: "delivered", attempts: 3 }));
  } finally {
    await third.end();
  }
  expect(receiver.received).toHaveLength(1);
  expect(receiver.received[0]!.headers["webhook-id"]).toBe((await state()).eventId);
  expect(isSignedBy(receiver.received[0]!, secret)).toBe(true);
}, 600_000);
