import { afterAll, beforeAll, expect, test } from "vitest";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { openOperator, type TestOperator } from "./operator.ts";
import { testServer, type TestServer } from "./server.ts";

let db: TestDatabase;
let server: TestServer;
let ops: TestOperator;
beforeAll(async () => {
  db = await testDatabase();
  server = await testServer(db);
  ops = await openOperator(db, server);
});
afterAll(async () => {
  await server?.close();
  await db?.close();
});

const FORM = {
  email: "Ann@print.example",
  name: "Ann",
  company: "Print & Co",
  industry: "Printing",
  message: "Please",
};
const ask = (body: object, host = "localhost") => server.request(host, "/demo-requests", { method: "POST", body });
const openRequests = async () => (await ops.get("/demo-requests?status=open")).json<{ id: string; email: string }[]>();

test("from the public form to a sign-in at the new subdomain, by one call", async () => {
  expect((await ask(FORM)).status).toBe(202);
  const [request] = await openRequests();
  expect(request).toMatchObject({
    email: "ann@print.example",
    company: "Print & Co",
    status: "open",
    industry: "Printing",
  });
  const approved = await ops.request("POST", `/demo-requests/${request!.id}/approve`, {
    plan: "standard",
    trialDays: 30,
  });
  expect([approved.status, approved.json()]).toMatchObject([
    200,
    { request: { status: "approved" }, tenant: { slug: "print-co" } },
  ]);

  const { rows } = await db.admin.query<{ text: string; subject: string }>(
    "select text, subject from platform.outbox where to_address = 'ann@print.example'",
  );
  expect(rows).toHaveLength(1);
  expect(rows[0]!.subject).toBe("You are invited to Print & Co");
  const link = new URL(/https?:\S+/.exec(rows[0]!.text)![0]);
  expect(link.host).toBe(`print-co.localhost:${server.port}`);

  const verified = await server.request("print-co.localhost", "/auth/v1/verify", {
    method: "POST",
    body: {
      token_hash: link.searchParams.get("token"),
      token: link.searchParams.get("token"),
      type: "invite",
      email: "ann@print.example",
    },
  });
  expect(verified.status).toBe(200);
  const session = verified.json<{ access_token: string }>();
  const changed = await server.request("print-co.localhost", "/auth/v1/user", {
    method: "PUT",
    token: session.access_token,
    body: { password: "a good long password of mine" },
  });
  expect(changed.status).toBe(200);
  const signedIn = await server.request("print-co.localhost", "/auth/v1/token?grant_type=password", {
    method: "POST",
    body: { email: "ann@print.example", password: "a good long password of mine" },
  });
  expect(signedIn.status).toBe(200);
  const { access_token: token } = signedIn.json<{ access_token: string }>();
  const users = await server.get("print-co.localhost", "/rest/v1/customers", { token });
  expect([users.status, users.json()]).toEqual([200, []]);

  const again = await ops.request("POST", `/demo-requests/${request!.id}/approve`, {});
  expect([again.status, again.json()]).toMatchObject([200, { tenant: { slug: "print-co" } }]);
  expect((await db.admin.query("select from platform.outbox where to_address = 'ann@print.example'")).rowCount).toBe(1);
  expect((await ops.request("POST", `/demo-requests/${request!.id}/decline`, {})).status).toBe(409);
});

test("the answer tells nothing: asked twice, a program's, an address that has a tenant", async () => {
  await db.admin.query("delete from platform.sign_in_attempts");
  const answers = [
    await ask({ ...FORM, email: "bob@bob.example" }, "admin.localhost"),
    await ask({ ...FORM, email: "bob@bob.example", company: "Other" }),
    await ask({ ...FORM, email: "bot@bot.example", website: "http://spam.example" }),
    await ask(FORM),
  ];
  expect(new Set(answers.map(({ status, text }) => `${status} ${text}`))).toEqual(
    new Set(['202 {"status":"received"}']),
  );
  expect((await openRequests()).map(({ email }) => email)).toEqual(["bob@bob.example", "ann@print.example"]);
});

test("limits by address, for all servers together", async () => {
  await db.admin.query("delete from platform.sign_in_attempts");
  await using second = await testServer(db);
  const statuses: number[] = [];
  const retries: boolean[] = [];
  for (let i = 0; i < 7; i++) {
    const one = i % 2 === 0 ? server : second;
    const answer = await one.request("localhost", "/demo-requests", {
      method: "POST",
      body: { ...FORM, email: `many${i}@x.example` },
    });
    statuses.push(answer.status);
    retries.push(Number(answer.headers["retry-after"] ?? 0) > 0);
  }
  expect(retries).toEqual([false, false, false, false, false, true, true]);
  expect(statuses).toEqual([202, 202, 202, 202, 202, 429, 429]);
});

test("only a form, only where no tenant is, and only JSON", async () => {
  expect((await server.get("localhost", "/demo-requests")).status).toBe(405);
  expect((await ask(FORM, "acme.localhost")).status).toBe(404);
  expect((await ask({ email: "x@y.example" })).json()["code"]).toBe("RH118");
  const form = await server.request("localhost", "/demo-requests", {
    method: "POST",
    body: "email=x",
    headers: { "content-type": "application/x-www-form-urlencoded" },
  });
  expect(form.status).toBe(400);
});

test("declined is declined, and who may not decide does not", async () => {
  const [open] = await openRequests();
  const billing = await ops.invite("billing@ops.example", "billing");
  expect((await billing.request("POST", `/demo-requests/${open!.id}/approve`, {})).status).toBe(403);
  expect((await ops.request("POST", `/demo-requests/${open!.id}/decline`, { note: "no" })).json()).toMatchObject({
    status: "declined",
    note: "no",
    tenantId: null,
  });
  expect((await ops.request("POST", `/demo-requests/${open!.id}/approve`, {})).json()["code"]).toBe("RH437");
});
