import { request as httpRequest, type IncomingHttpHeaders, type OutgoingHttpHeaders } from "node:http";
import { connect } from "node:net";
import { Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { pino } from "pino";
import { openKeyset } from "../../src/auth/keyset.ts";
import { mintToken } from "../../src/auth/token.ts";
import { openServer, type RunningServer, type ServerOptions } from "../../src/boot.ts";
import { readConfig, type Config } from "../../src/config.ts";
import { PATIENCE_MS, SALES, type TestDatabase } from "../harness.ts";

export interface TestAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The body as JSON. */
  json<T = Record<string, unknown>>(): T;
}

export interface TestRequest {
  readonly method?: string;
  readonly token?: string;
  readonly headers?: OutgoingHttpHeaders;
  /** Sent as JSON, unless it is text already. */
  readonly body?: unknown;
}

export interface TestServer extends AsyncDisposable {
  /** `http://localhost:<port>`, of BASE_DOMAIN. */
  readonly url: string;
  readonly port: number;
  readonly server: RunningServer;
  /** Every line that it logged. */
  readonly log: Record<string, unknown>[];
  /** @param host as in `acme.localhost`; the port is not added */
  request(host: string, path: string, options?: TestRequest): Promise<TestAnswer>;
  get(host: string, path: string, options?: TestRequest): Promise<TestAnswer>;
  /** A token of the deployment for one tenant. */
  token(slug: string, role?: string, ttlSeconds?: number): Promise<string>;
  close(): Promise<void>;
}

const PATIENT = { CONNECTION_WAIT_MS: PATIENCE_MS, STATEMENT_TIMEOUT_MS: PATIENCE_MS };

export interface TestServerOptions extends Partial<Omit<ServerOptions, "config" | "log">> {
  readonly settings?: Partial<Config>;
  /** Whether it waits for as long as a machine may stand still; false where the limits of a deployment are part of what is tested. */
  readonly isPatient?: boolean;
}

/** Sends one request by node:http, which lets a test set Host. */
export function send(port: number, host: string, path: string, options: TestRequest = {}): Promise<TestAnswer> {
  const { method = "GET", token, headers = {}, body } = options;
  const payload = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
  const all: OutgoingHttpHeaders = {
    host,
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
    ...(payload !== undefined && {
      "content-type": "application/json",
      "content-length": Buffer.byteLength(payload as string),
    }),
    ...headers,
  };
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest({ host: "127.0.0.1", port, path, method, headers: all, agent: false }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on("data", (chunk: Buffer) => chunks.push(chunk));
      answer.on("error", reject);
      answer.on("end", () => {
        const text = Buffer.concat(chunks).toString("utf8");
        resolve({
          status: answer.statusCode ?? 0,
          headers: answer.headers,
          text,
          json: <T>() => JSON.parse(text) as T,
        });
      });
    });
    outgoing.on("error", reject);
    outgoing.end(payload);
  });
}

function memoryLog(lines: Record<string, unknown>[]) {
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      for (const line of chunk.toString("utf8").split("\n").filter(Boolean))
        lines.push(JSON.parse(line) as Record<string, unknown>);
      done();
    },
  });
  return pino({ level: "debug", base: null }, stream);
}

const patient = new WeakMap<object, Promise<unknown>>();

/** Requests get locks for two seconds (policies/roles.sql), which may pass while a test holds one. In this database alone, from now on. */
export async function letLocksWait(db: Pick<TestDatabase, "url" | "admin">): Promise<void> {
  const name = new URL(db.url).pathname.slice(1);
  const alter = () => db.admin.query(`alter role rowhouse_api in database ${name} set lock_timeout = '10min'`);
  const altered = patient.get(db) ?? alter();
  patient.set(db, altered);
  await altered;
}

/** The real server on a port of its own, over the test's database; the sales app is its app. */
export async function testServer(db: TestDatabase, options: TestServerOptions = {}): Promise<TestServer> {
  const { settings = {}, isPatient = true, ...rest } = options;
  const log: Record<string, unknown>[] = [];
  const config = {
    ...readConfig({ PORT: "0", BASE_DOMAIN: "localhost" }, {}),
    appDir: SALES,
    ...(isPatient && PATIENT),
    ...settings,
  };
  if (isPatient) await letLocksWait(db);
  const sources = { config, database: db.database, log: memoryLog(log), answerMs: isPatient ? PATIENCE_MS : undefined };
  const server = await openServer({ ...sources, ...rest });
  const keyset = openKeyset(db.platform);
  const policy = { issuer: config.issuer, audience: config.TOKEN_AUDIENCE };
  return {
    url: server.url,
    port: server.port,
    server,
    log,
    request: (host, path, request) => send(server.port, host, path, request),
    get: (host, path, request) => send(server.port, host, path, request),
    token: async (slug, role = "admin", ttlSeconds = 600) => {
      const { id } = await db.tenant(slug);
      return mintToken(keyset, policy, { tenantId: id, sub: "11111111-1111-4111-8111-111111111111", role, ttlSeconds });
    },
    close: () => server.close(),
    [Symbol.asyncDispose]: () => server.close(),
  };
}

/**
 * Sends bytes as they are, for what no well-behaved client sends; resolves with all that came back. A server that closes before it has
 * read everything resets the connection (RFC 9112 9.6), after its answer.
 */
export function sendRaw(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(text));
    const chunks: Buffer[] = [];
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    socket.on("error", (error) => chunks.length === 0 && reject(error));
    socket.on("close", () => resolve(Buffer.concat(chunks).toString("utf8")));
  });
}

/** Tries again until it passes: for what another process or a notification brings about. Fails with the last error. */
export async function eventually(check: () => Promise<void>, limitMs = PATIENCE_MS): Promise<void> {
  const limit = performance.now() + limitMs;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() > limit) throw error;
      await sleep(25);
    }
  }
}
