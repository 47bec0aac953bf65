import { afterAll, beforeAll, expect, test } from "vitest";
import { ended, runOn, start } from "../commands/rowhouse.ts";
import type { TestDatabase } from "../harness.ts";
import { supabase, taken } from "../http/auth/client.ts";
import { eventually, send } from "../http/server.ts";
import type { SmtpSink } from "../mail/smtp-sink.ts";
import { countMade, emailOf, NOTHING, ONE_OF_EACH } from "./approval.ts";
import { openMailStage, type MailStage } from "./mail-stage.ts";
import type { Wire } from "./wire.ts";

/** All of it once, as people meet it, with a death at each of its parts. */
let stage: MailStage;
let db: TestDatabase;
let wire: Wire;
let sink: SmtpSink;
beforeAll(async () => {
  stage = await openMailStage("directly");
  ({ db, wire, sink } = stage);
});
afterAll(() => stage?.[Symbol.asyncDispose]());

const PASSWORD = "a good long password of mine";
const email = emailOf("print");

test("from the public form to a sign-in at the new subdomain, with supabase-js", { timeout: 300_000 }, async () => {
  const form = { email, name: "Ann", company: "print Ltd", slug: "print", locations: [{ code: "hq", name: "Main" }] };
  const asked = await send(stage.server.port, "localhost", "/demo-requests", { method: "POST", body: form });
  expect(asked.status).toBe(202);
  const rowhouse = runOn(db.url);
  const [request] = (await rowhouse("demo", "list", "--status", "open", "--json")).json<{ id: string }[]>();

  // One command; killed at its commit, and run again.
  const child = start(["demo", "approve", request!.id], { env: { DATABASE_URL: wire.url } });
  wire.arm({ at: "commit", when: "before" }, () => child.kill("SIGKILL"));
  child.stdin.end();
  await ended(child);
  expect([child.signalCode, await countMade(db, "print")]).toEqual(["SIGKILL", NOTHING]);
  // The server that sends the mail is killed while the mail server has it.
  const { child: sender } = stage.server;
  sink.respond = (command) => {
    if (command !== "DATA.") return null;
    sink.respond = () => null;
    sender.kill("SIGKILL");
    return "cut";
  };
  const approved = await rowhouse("demo", "approve", request!.id, "--json");
  expect([approved.code, approved.json()]).toMatchObject([0, { tenant: { slug: "print" } }]);
  await eventually(async () => expect(sender.signalCode).toBe("SIGKILL"));
  await stage.startServer();

  const { data, to } = sink.letters[0]!;
  expect(to).toEqual([`<${email}>`]);
  // Quoted-printable, RFC 2045 6.7.
  const plain = data.replaceAll("=\n", "").replaceAll("=3D", "=");
  const link = new URL(/https?:\/\/print\.\S+/.exec(plain)![0]);
  const client = supabase(stage.server, await db.tenant("print"));
  const token_hash = link.searchParams.get("token")!;
  taken(await client.auth.verifyOtp({ token_hash, type: "invite" }));
  taken(await client.auth.updateUser({ password: PASSWORD }));
  await client.auth.signOut();
  const { session } = taken(await client.auth.signInWithPassword({ email, password: PASSWORD }));
  expect(session.user.email).toBe(email);
  const customers = client.from("customers" as never);
  expect(taken(await customers.insert({ number: "1", name: "First" } as never).select("name"))).toEqual([
    { name: "First" },
  ]);
  // The link was good once.
  expect((await client.auth.verifyOtp({ token_hash, type: "invite" })).error?.code).toBe("otp_expired");

  expect(await countMade(db, "print")).toEqual(ONE_OF_EACH);
  expect(sink.letters).toHaveLength(1);
  const { code } = await rowhouse("demo", "approve", request!.id);
  expect([code, await countMade(db, "print"), sink.letters.length]).toEqual([0, ONE_OF_EACH, 1]);
});
