import { createSocket } from "node:dgram";
import { afterAll, beforeAll, expect, test } from "vitest";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { runOn, type Ended } from "./rowhouse.ts";

let db: TestDatabase;
let rowhouse: (...args: string[]) => Promise<Ended>;
beforeAll(async () => {
  db = await testDatabase();
  rowhouse = runOn(db.url);
});
afterAll(() => db.close());

interface Claim {
  readonly record: { name: string; type: string; value: string };
  readonly verifiedAt: string | null;
}

/** A DNS server that answers every question with one TXT record (RFC 1035 4.1). */
async function serveTxt(text: string): Promise<{ address: string; close(): void }> {
  const socket = createSocket("udp4");
  socket.on("message", (question, from) => {
    const header = Buffer.from([question[0]!, question[1]!, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
    const end = question.indexOf(0, 12) + 5;
    const value = Buffer.concat([Buffer.from([text.length]), Buffer.from(text)]);
    const record = Buffer.from([0xc0, 0x0c, 0, 16, 0, 1, 0, 0, 0, 1, 0, value.length]);
    socket.send(Buffer.concat([header, question.subarray(12, end), record, value]), from.port, from.address);
  });
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  return { address: `127.0.0.1:${socket.address().port}`, close: () => socket.close() };
}

test("add prints the record, verify finds it in DNS, list shows it, remove gives it up", async () => {
  const added = await rowhouse("domain", "add", "acme", "Shop.Acme.example", "--json");
  expect(added.code).toBe(0);
  const { record, verifiedAt } = added.json<Claim>();
  expect({ name: record.name, type: record.type, verifiedAt }).toEqual({
    name: "_rowhouse-challenge.shop.acme.example",
    type: "TXT",
    verifiedAt: null,
  });

  const wrong = await serveTxt("rowhouse-challenge=other");
  const early = await rowhouse("domain", "verify", "acme", "shop.acme.example", "--resolver", wrong.address);
  wrong.close();
  expect(early).toMatchObject({ code: 1, stdout: "" });
  expect(early.stderr).toMatch(/\[RH408\][^]*hint: Set the TXT record/);

  const dns = await serveTxt(record.value);
  const verified = await rowhouse("domain", "verify", "acme", "shop.acme.example", "--resolver", dns.address);
  dns.close();
  expect(verified).toMatchObject({ code: 0, stdout: "shop.acme.example  verified\n" });

  const { stdout } = await rowhouse("domain", "list", "acme");
  expect(stdout).toMatch(/acme +acme\.localhost +subdomain +verified\nacme +shop\.acme\.example +custom +verified/);
  const all = await rowhouse("domain", "list", "--json");
  expect(all.json<unknown[]>()).toHaveLength(4);

  expect(await rowhouse("domain", "add", "globex", "shop.acme.example")).toMatchObject({ code: 5 });
  expect((await rowhouse("domain", "remove", "acme", "shop.acme.example", "--json")).json()).toMatchObject({
    name: "shop.acme.example",
    kind: "custom",
  });
  expect(await rowhouse("domain", "remove", "acme", "shop.acme.example")).toMatchObject({ code: 4 });
});

test("--trust takes the operator's word", async () => {
  expect((await rowhouse("domain", "add", "globex", "globex.example")).stdout).toMatch(
    /^name +_rowhouse-challenge\.globex\.example\ntype +TXT\nvalue +\S+\n$/,
  );
  const { json } = await rowhouse("domain", "verify", "globex", "globex.example", "--trust", "--json");
  expect(json<Claim>()).toMatchObject({ verifiedAt: expect.any(String), record: null });
});

test("tenant create --domain claims one with the tenant", async () => {
  const { json } = await rowhouse("tenant", "create", "hooli", "--domain", "hooli.example", "--json");
  expect(json()).toMatchObject({
    slug: "hooli",
    created: true,
    domain: { name: "hooli.example", record: { type: "TXT" } },
  });
});
