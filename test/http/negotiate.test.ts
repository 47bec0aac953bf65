import { request as httpRequest } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { testServer, type TestServer } from "./server.ts";

let db: TestDatabase;
let server: TestServer;
let token: string;
beforeAll(async () => {
  db = await testDatabase();
  await db.admin.query(`
    create domain app."application/x-bytes" as bytea;
    create function app.bytes_step(bytea, app.tax_rates) returns bytea language sql as $$ select $1 || decode('00ff', 'hex') $$;
    create function app.bytes_end(bytea) returns app."application/x-bytes" language sql as $$ select $1 $$;
    create aggregate app.bytes(app.tax_rates) (sfunc = app.bytes_step, stype = bytea, initcond = '', finalfunc = app.bytes_end);
    create function app.varies() returns int language plpgsql as $$
    begin
      set local response.headers = '[{"Vary":"X-Custom"},{"X-Said":"yes"}]';
      return 1;
    end $$;
    create function app.said() returns text language sql stable as $$ select current_setting('request.headers')::json ->> 'x-said' $$;
    create table app.raises (tenant_id uuid, id int, primary key (tenant_id, id));
    select platform.protect_table('app.raises');
    create function app.raise_it() returns trigger language plpgsql as $$
    begin
      raise sqlstate 'PGRST' using message = '{"code":"X1","message":"m"}',
        detail = '{"status":418,"status_text":"My Pot","headers":{"X-Pot":"tea"}}';
    end $$;
    create trigger raise_it before insert on app.raises for each row execute function app.raise_it();
    grant execute on all functions in schema app to rowhouse_api;
  `);
  server = await testServer(db);
  token = await server.token("acme");
});
afterAll(async () => {
  await server?.close();
  await db?.close();
});

const ask = (method: string, path: string, headers: Record<string, string> = {}, body?: unknown) =>
  server.request("acme.localhost", `/rest/v1${path}`, { method, token, headers, body });

describe("methods and paths", () => {
  test("OPTIONS tells what a relation takes", async () => {
    const { status, headers, text } = await ask("OPTIONS", "/customers");
    expect([status, headers.allow, headers["content-length"], text]).toEqual([
      200,
      "OPTIONS,GET,HEAD,POST,PUT,PATCH,DELETE",
      "0",
      "",
    ]);
    expect((await ask("OPTIONS", "/invoice_totals")).headers.allow).toBe("OPTIONS,GET,HEAD");
    expect((await ask("OPTIONS", "/")).headers.allow).toBe("OPTIONS,GET,HEAD");
    expect((await ask("OPTIONS", "/nothing")).status).toBe(404);
  });

  test.each([
    ["PROPFIND", "/customers", 405, "PGRST117", "Unsupported HTTP method: PROPFIND"],
    ["POST", "/", 405, "PGRST117", "Unsupported HTTP method: POST"],
    ["DELETE", "", 405, "PGRST117", "Unsupported HTTP method: DELETE"],
    ["GET", "/customers/1", 404, "PGRST125", "Invalid path specified in request URL"],
    ["GET", "/customers/", 404, "PGRST125", "Invalid path specified in request URL"],
    ["GET", "/%E0%A4%A", 404, "PGRST125", "Invalid path specified in request URL"],
    ["PUT", "/rpc/anything", 405, "PGRST101", "Cannot use the PUT method on RPC"],
  ])("%s %s is refused as PostgREST refuses", async (method, path, status, code, message) => {
    const answer = await ask(method, path);
    // Byte for byte: PostgREST sorts the keys.
    const body = `{"code":"${code}","details":null,"hint":null,"message":${JSON.stringify(message)}}`;
    expect([answer.status, answer.text]).toEqual([status, body]);
    expect(answer.headers["proxy-status"]).toBe(`PostgREST; error=${code}`);
    expect(answer.headers["content-type"]).toBe("application/json; charset=utf-8");
  });

  test("a refusal before any table is asked has the same form", async () => {
    const answer = await server.get("acme.localhost", "/rest/v1/customers");
    expect([answer.status, answer.json()["code"], answer.headers["www-authenticate"]]).toEqual([
      401,
      "PGRST302",
      "Bearer",
    ]);
    expect(answer.headers["proxy-status"]).toBe("PostgREST; error=PGRST302");
  });

  test("HEAD has the headers of GET and no length of its own", async () => {
    const get = await ask("GET", "/customers?limit=1");
    const head = await ask("HEAD", "/customers?limit=1");
    expect([head.status, head.text, head.headers["content-length"]]).toEqual([200, "", undefined]);
    expect(Number(get.headers["content-length"])).toBe(Buffer.byteLength(get.text));
    for (const name of ["content-type", "content-range", "content-location"])
      expect(head.headers[name]).toBe(get.headers[name]);
    expect(get.headers["content-location"]).toBe("/rest/v1/customers?limit=1");
  });
});

describe("headers", () => {
  test("Content-Location is the same for the same question", async () => {
    const one = await ask("GET", "/customers?order=name&limit=2&select=id,name&name=neq.a%20(b)&name=neq.%C3%A9*");
    expect(one.headers["content-location"]).toBe(
      "/rest/v1/customers?limit=2&name=neq.a%20%28b%29,neq.%C3%A9%2A&order=name&select=id%2Cname",
    );
  });

  test("the bytes of a request's headers are UTF-8", async () => {
    const bytes = Buffer.from("Größen, サン").toString("latin1");
    const unknown = await ask("GET", "/customers?limit=1", { "accept-profile": bytes });
    expect([unknown.status, unknown.json()]).toMatchObject([406, { message: "Invalid schema: Größen, サン" }]);
    expect((await ask("GET", "/rpc/said", { "x-said": bytes })).json()).toBe("Größen, サン");
  });

  test("Content-Profile, where the client named a schema", async () => {
    expect((await ask("GET", "/customers?limit=1")).headers["content-profile"]).toBeUndefined();
    const named = await ask("GET", "/customers?limit=1", { "accept-profile": "app" });
    expect([named.status, named.headers["content-profile"]]).toEqual([200, "app"]);
    const other = await ask("GET", "/customers?limit=1", { "accept-profile": "platform", "content-profile": "app" });
    expect([other.status, other.json()]).toEqual([
      406,
      {
        code: "PGRST106",
        message: "Invalid schema: platform",
        details: null,
        hint: "Only the following schemas are exposed: app",
      },
    ]);
    expect((await ask("DELETE", "/customers?id=is.null", { "content-profile": "platform" })).status).toBe(406);
    expect((await ask("DELETE", "/customers?id=is.null", { "content-profile": "tenant" })).status).toBe(404);
  });

  const STAGE = String.raw`;dur=\d+\.\d`;
  test("Server-Timing tells of each stage, unless it is switched off", async () => {
    const stages = (...names: string[]) => new RegExp(`^${names.map((name) => name + STAGE).join(", ")}$`);
    const all = stages("jwt", "parse", "plan", "transaction", "response");
    expect((await ask("GET", "/customers?limit=1")).headers["server-timing"]).toMatch(all);
    expect((await ask("PATCH", "/customers?id=is.null", {}, { name: "x" })).headers["server-timing"]).toMatch(all);
    expect((await ask("OPTIONS", "/customers")).headers["server-timing"]).toMatch(all);
    expect((await ask("HEAD", "/")).headers["server-timing"]).toMatch(all);
    await using quiet = await testServer(db, { settings: { SERVER_TIMING: false } });
    const answer = await quiet.get("acme.localhost", "/rest/v1/customers?limit=1", { token });
    expect([answer.status, answer.headers["server-timing"]]).toEqual([200, undefined]);
  });

  test.each([
    ["a token that is none", "?limit=1", "not-a-token", ["jwt"]],
    ["what can't be read", "?number=invalid", null, ["jwt", "parse"]],
    ["a relation that is not there", "s?select=nope(*)", null, ["jwt", "parse", "plan"]],
    ["what PostgreSQL refuses", "?id=eq.invalid", null, ["jwt", "parse", "plan", "transaction"]],
  ])("Server-Timing of a refusal ends with the stage that refused: %s", async (_, rest, other, names) => {
    const { status, headers } = await server.get("acme.localhost", `/rest/v1/customers${rest}`, {
      token: other ?? token,
    });
    expect(status).toBeGreaterThanOrEqual(400);
    expect(headers["server-timing"]).toMatch(new RegExp(`^${names.map((name) => name + STAGE).join(", ")}$`));
  });

  test("a refusal can tell its code and message alone", async () => {
    const path = "/rest/v1/customers?select=nope";
    expect(Object.keys((await ask("GET", "/customers?select=nope")).json())).toEqual([
      "code",
      "details",
      "hint",
      "message",
    ]);
    await using terse = await testServer(db, { settings: { ERROR_VERBOSITY: "minimal" } });
    const refused = await terse.get("acme.localhost", path, { token });
    expect([refused.status, refused.json()]).toEqual([
      400,
      { code: "42703", message: "column customers.nope does not exist" },
    ]);
  });

  test("a Vary of the app is added to ours", async () => {
    const { headers, text } = await ask("POST", "/rpc/varies");
    expect([text, headers["x-said"]]).toEqual(["1", "yes"]);
    for (const name of ["Authorization", "Host", "Accept", "Prefer", "Range", "X-Custom"])
      expect(headers.vary).toContain(name);
  });

  test("scripts of the tenant's own origins may read what PostgREST exposes, and more", async () => {
    const origin = `http://acme.localhost:${server.port}`;
    const exposed = (await ask("GET", "/customers?limit=1", { origin })).headers["access-control-expose-headers"]!;
    for (const name of [
      "Content-Encoding",
      "Content-Location",
      "Content-Range",
      "Content-Type",
      "Date",
      "Location",
      "Server",
      "Transfer-Encoding",
      "Range-Unit",
      "Content-Profile",
      "Proxy-Status",
      "Warning",
    ])
      expect(exposed.split(", ")).toContain(name);
  });
});

describe("bodies and what the app says", () => {
  /** Status line and bytes, which text would lose. */
  const raw = (method: string, path: string, headers: Record<string, string>, body?: string) =>
    new Promise<{ reason: string | undefined; status: number | undefined; bytes: Buffer; pot: unknown }>(
      (resolve, reject) => {
        const sent = httpRequest(
          {
            port: server.port,
            host: "127.0.0.1",
            agent: false,
            method,
            path: `/rest/v1${path}`,
            headers: { ...headers, host: "acme.localhost", authorization: `Bearer ${token}` },
          },
          (answer) => {
            const chunks: Buffer[] = [];
            answer.on("data", (chunk: Buffer) => chunks.push(chunk));
            answer.on("end", () =>
              resolve({
                reason: answer.statusMessage,
                status: answer.statusCode,
                bytes: Buffer.concat(chunks),
                pot: answer.headers["x-pot"],
              }),
            );
          },
        );
        sent.on("error", reject);
        sent.end(body);
      },
    );

  test("bytes that an app's aggregate makes arrive as they are", async () => {
    const { status, bytes } = await raw("GET", "/tax_rates?limit=2", { accept: "application/x-bytes" });
    expect([status, bytes]).toEqual([200, Buffer.from([0, 255, 0, 255])]);
  });

  test("an answer that SQL raises has its own status, reason and headers", async () => {
    const { status, reason, bytes, pot } = await raw(
      "POST",
      "/raises",
      { "content-type": "application/json" },
      '{"id":1}',
    );
    expect([status, reason, pot]).toEqual([418, "My Pot", "tea"]);
    expect(JSON.parse(bytes.toString())).toEqual({ code: "X1", message: "m", details: null, hint: null });
  });
});
