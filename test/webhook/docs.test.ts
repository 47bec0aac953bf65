import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect, createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { listDeliveries, pingWebhook } from "../../src/webhook/deliveries.ts";
import { addWebhook, rotateWebhook } from "../../src/webhook/webhooks.ts";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { eventually } from "../http/server.ts";
import { clearWebhooks, deskOf, sendDue } from "./sending.ts";

let db: TestDatabase;
let folder: string;
beforeAll(async () => {
  db = await testDatabase();
  folder = await mkdtemp(join(tmpdir(), "rowhouse-receiver-"));
});
afterAll(async () => {
  await db?.close();
  await rm(folder, { recursive: true });
});

/** A port that is nobody else's from now on, and leads to what listens at the path: one that is free now may be taken a moment later. */
async function openPort(path: string): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createServer((near) => {
    const far = connect(path);
    near.pipe(far).pipe(near);
    near.on("error", () => far.destroy());
    far.on("error", () => near.destroy());
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  return { port, [Symbol.asyncDispose]: () => new Promise<void>((done) => server.close(() => done())) };
}

test("the receiver of the page takes what is signed, and nothing else", async () => {
  const page = await readFile(join(import.meta.dirname, "../../docs/how-to/get-webhooks.md"), "utf8");
  const [, source] = /```js\n([\s\S]*?)```/.exec(page)!;
  await writeFile(join(folder, "receiver.mjs"), source!);
  const socket = join(folder, "receiver.sock");
  await using way = await openPort(socket);
  const url = `http://127.0.0.1:${way.port}/`;
  const { id, secret } = await addWebhook(deskOf(db), { url });
  const env = { PORT: socket, WEBHOOK_SECRET: secret };
  const child = spawn(process.execPath, [join(folder, "receiver.mjs")], { env, stdio: ["ignore", "pipe", "inherit"] });
  try {
    let printed = "";
    child.stdout.on("data", (chunk: Buffer) => (printed += chunk.toString()));
    await eventually(async () => expect((await fetch(url, { method: "POST", body: "{}" })).status).toBe(401));

    const ping = async () => {
      await pingWebhook(deskOf(db), id);
      await sendDue(db);
      return (await listDeliveries(db.platform, id, { limit: 1 }))[0]!;
    };
    const first = await ping();
    expect(first).toMatchObject({ state: "delivered", status: 204 });
    await eventually(async () => expect(printed).toContain(`${first.eventId} {"type":"webhook.ping"`));
    await rotateWebhook(deskOf(db), id);
    expect(await ping()).toMatchObject({ state: "delivered" }); // by the old secret, which it still has
    await rotateWebhook(deskOf(db), id, 0);
    expect(await ping()).toMatchObject({ state: "failed", status: 401 });
  } finally {
    child.kill();
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    await clearWebhooks(db);
  }
});
