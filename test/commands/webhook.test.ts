import { afterAll, beforeAll, expect, test } from "vitest";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { openReceiver, isSignedBy, type Receiver } from "../webhook/receiver.ts";
import { sendDue } from "../webhook/sending.ts";
import { runOn, type Ended } from "./rowhouse.ts";

let db: TestDatabase;
let receiver: Receiver;
let rowhouse: (...args: string[]) => Promise<Ended>;
beforeAll(async () => {
  db = await testDatabase();
  receiver = await openReceiver();
  rowhouse = runOn(db.url, { OUTBOUND_ALLOWED: "127.0.0.1" });
});
afterAll(async () => {
  await receiver?.[Symbol.asyncDispose]();
  await db?.close();
});

test("from adding one to a signed delivery, and what is said of each", async () => {
  const none = await rowhouse("webhook", "list");
  expect([none.code, none.stdout, none.stderr]).toEqual([0, "", "No webhooks yet. Next: rowhouse webhook add\n"]);
  const added = await rowhouse("webhook", "add", receiver.url, "--event", "tenant.suspended", "tenant.activated");
  const [, id, secret] = /^id +(\S+)\nsecret +(whsec_\S+)\n$/.exec(added.stdout)!;
  expect(added.stderr).toContain("shown this once");
  const listed = await rowhouse("webhook", "list");
  expect(listed.stdout).toContain(`${id}  ${receiver.url}  tenant.suspended tenant.activated  on`);
  expect(listed.stdout + listed.stderr).not.toContain("whsec_");

  await rowhouse("tenant", "suspend", "acme");
  expect((await rowhouse("webhook", "ping", id!)).stderr).toContain(`rowhouse webhook deliveries ${id}`);
  expect(await sendDue(db)).toBe(2);
  expect(receiver.received.map(({ event }) => event.type).toSorted()).toEqual(["tenant.suspended", "webhook.ping"]);
  expect(receiver.received.every((one) => isSignedBy(one, secret!))).toBe(true);
  const deliveries = await rowhouse("webhook", "deliveries", id!, "--state", "delivered");
  expect(deliveries.stdout).toMatch(/tenant\.suspended +delivered +1 +204 at /);

  const off = await rowhouse("webhook", "update", id!, "--off", "--all-events");
  expect(off.stdout).toBe(`${id}  off (operator)\n`);
  expect((await rowhouse("webhook", "rotate", id!, "--overlap-hours", "0")).stderr).toBe(
    "The secret before signs no more.\n",
  );
  expect((await rowhouse("webhook", "remove", id!)).stdout).toBe(`removed  ${receiver.url}\n`);
}, 300_000);

test.each([
  ["add https://10.0.0.1/", 1, "RH222"],
  ["add https://93.184.215.14/ --event tenant.exploded", 2, "RH445"],
  ["ping 7c9e6679-7425-40de-944b-e07fc1f90ae7", 4, "RH443"],
  ["remove x", 4, "RH443"],
  ["deliveries x --state lost", 2, "RH400"],
  ["deliveries x --before y", 2, "RH400"],
  ["rotate x --overlap-hours 9999", 2, "RH400"],
  ["update x --on --off", 2, "RH400"],
])("webhook %s is refused: %i, %s", async (line, code, error) => {
  const ended = await rowhouse("webhook", ...line.split(" "));
  expect([ended.code, ended.stdout]).toEqual([code, ""]);
  expect(ended.stderr).toContain(`[${error}]`);
});
