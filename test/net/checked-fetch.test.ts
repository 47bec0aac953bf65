import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import http, { type RequestListener, type Server } from "node:http";
import https from "node:https";
import type { AddressInfo } from "node:net";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openCheckedFetch, type CheckedFetchOptions } from "../../src/net/checked-fetch.ts";
import { isPublicAddress } from "../../src/net/public-address.ts";
import { RowhouseError } from "../../src/errors.ts";

const LIMITS = { maxBytes: 1000, timeoutMs: 60_000 };
const ROOT = mkdtempSync(join(tmpdir(), "rowhouse-net-"));

/** What a server was asked, and how it answers. */
const seen: { path: string; method: string; host: string; body: string }[] = [];
const answers: Record<string, RequestListener> = {
  "/redirect": (_, res) => res.writeHead(302, { location: "/secret" }).end(),
  "/large": (_, res) => res.end(Buffer.alloc(1001)),
  "/endless": (_, res) => {
    const timer = setInterval(() => res.write(Buffer.alloc(500)), 5);
    res.on("close", () => clearInterval(timer));
  },
  "/silent": () => {},
  "/drip": (_, res) => {
    const timer = setInterval(() => res.write("."), 20);
    res.on("close", () => clearInterval(timer));
  },
  "/cut": (_, res) => {
    res.writeHead(200, { "content-length": "100" });
    res.write("half", () => res.destroy());
  },
};

const listener: RequestListener = (req, res) => {
  let body = "";
  req.on("data", (chunk: Buffer) => (body += chunk.toString()));
  req.on("end", () => {
    seen.push({ path: req.url!, method: req.method!, host: req.headers.host!, body });
    (answers[req.url!] ?? ((_, out) => out.end("hello")))(req, res);
  });
};

const portOf = (server: Server | https.Server) => (server.address() as AddressInfo).port;
const plain = http.createServer(listener);
let secure: https.Server;
let ca: string;

/** A certificate for localtest.example, which no name server knows. */
function makeCertificate(): { key: string; cert: string } {
  const [key, cert] = [join(ROOT, "key.pem"), join(ROOT, "cert.pem")];
  const names = "subjectAltName=DNS:localtest.example";
  const args = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
  execFileSync("openssl", [...args, "-subj", "/CN=localtest.example", "-addext", names, "-keyout", key, "-out", cert], {
    stdio: "ignore",
  });
  return { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") };
}

beforeAll(async () => {
  const pair = makeCertificate();
  ca = pair.cert;
  secure = https.createServer(pair, listener);
  await Promise.all([plain, secure].map((server) => new Promise<void>((done) => server.listen(0, "127.0.0.1", done))));
});
afterAll(async () => {
  for (const server of [plain, secure]) server.closeAllConnections();
  await Promise.all([plain, secure].map((server) => new Promise((done) => server.close(done))));
  rmSync(ROOT, { recursive: true });
});

const open = (options: Partial<CheckedFetchOptions> = {}) => openCheckedFetch({ allowed: [], ...options });
const local = (path: string) => `http://127.0.0.1:${portOf(plain)}${path}`;
const openLocal = () => open({ allowed: [`127.0.0.1:${portOf(plain)}`] });

async function codeOf(asked: Promise<unknown>): Promise<string> {
  const error = await asked.then(
    () => null,
    (reason: unknown) => reason,
  );
  return error instanceof RowhouseError ? error.code : `no RowhouseError: ${String(error)}`;
}

describe("addresses", () => {
  test.each([
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:a9fe:a9fe",
    "::127.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
  ])("%s is not public", (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });

  test.each(["1.1.1.1", "8.8.8.8", "100.128.0.1", "172.32.0.1", "223.255.255.255", "2606:4700::1111", "2a00:1450::8a"])(
    "%s is public",
    (address) => {
      expect(isPublicAddress(address)).toBe(true);
    },
  );
});

describe("refused before anything is sent", () => {
  test.each([
    ["http://example.com/", "plain HTTP"],
    ["ftp://example.com/", "another scheme"],
    ["file:///etc/passwd", "a file"],
    ["https://user:secret@example.com/", "credentials"],
    ["https://example.com:22/", "a port of something else"],
    ["https://127.0.0.1/", "loopback"],
    ["https://0x7f.1/", "loopback in hexadecimal"],
    ["https://2130706433/", "loopback as one number"],
    ["https://[::1]/", "loopback of IPv6"],
    ["https://[::ffff:169.254.169.254]/", "metadata as IPv6"],
    ["https://169.254.169.254/latest/meta-data/", "metadata"],
    ["https://localhost/", "a name of the loopback"],
    ["https://", "no URL"],
  ])("%s: %s", async (url) => {
    expect(await codeOf(open()(url, LIMITS))).toBe("RH222");
  });

  test("a name of which one address of several is private", async () => {
    const resolve = async () => [
      { address: "1.1.1.1", family: 4 },
      { address: "10.0.0.1", family: 4 },
    ];
    expect(await codeOf(open({ resolve })("https://both.example/", LIMITS))).toBe("RH222");
  });

  test("without the setting, the server of these tests; and nothing reached it", async () => {
    const before = seen.length;
    expect(await codeOf(open()(local("/"), LIMITS))).toBe("RH222");
    expect(await codeOf(open()(`https://127.0.0.1:${portOf(secure)}/`, LIMITS))).toBe("RH222");
    expect(seen.length).toBe(before);
  });

  test("the setting allows what it names: another port of the same host is not in it", async () => {
    expect(await codeOf(openLocal()(`http://127.0.0.1:${portOf(secure)}/`, LIMITS))).toBe("RH222");
    expect(await codeOf(openLocal()(`http://localhost:${portOf(plain)}/`, LIMITS))).toBe("RH222");
  });

  test("a malformed setting", () => {
    expect(() => open({ allowed: ["10.0.0.0/99"] })).toThrow(/OUTBOUND_ALLOWED: 10.0.0.0\/99/);
    expect(() => open({ allowed: ["idp.internal"] })).toThrow(/OUTBOUND_ALLOWED: idp.internal/);
  });
});

describe("asked", () => {
  test("method, headers, body, and the answer", async () => {
    const request = { ...LIMITS, method: "POST", headers: { "content-type": "text/plain" }, body: "ping" };
    const answer = await openLocal()(local("/echo"), request);
    expect([answer.status, answer.body.toString()]).toEqual([200, "hello"]);
    expect(seen.at(-1)).toMatchObject({ path: "/echo", method: "POST", body: "ping" });
  });

  test("an address in a range of the setting", async () => {
    expect((await open({ allowed: ["127.0.0.0/8"] })(local("/range"), LIMITS)).status).toBe(200);
  });

  test("a redirect is not followed", async () => {
    const answer = await openLocal()(local("/redirect"), LIMITS);
    expect([answer.status, answer.headers.location]).toEqual([302, "/secret"]);
    expect(seen.map(({ path }) => path)).not.toContain("/secret");
  });

  test("a name is looked up once, whatever it would say the second time, and TLS checks the name", async () => {
    const answersOfDns = ["127.0.0.1", "10.0.0.1"];
    let asked = 0;
    const resolve = async () => [{ address: answersOfDns[asked++]!, family: 4 }];
    const port = portOf(secure);
    const fetchOnce = open({ allowed: ["127.0.0.1"], resolve, ca });
    const answer = await fetchOnce(`https://localtest.example:${port}/pinned`, LIMITS);
    expect([answer.status, asked]).toEqual([200, 1]);
    expect(seen.at(-1)).toMatchObject({ path: "/pinned", host: `localtest.example:${port}` });
    expect(await codeOf(fetchOnce(`https://localtest.example:${port}/rebound`, LIMITS))).toBe("RH222");
    expect(seen.map(({ path }) => path)).not.toContain("/rebound");
  });

  test("a certificate that is not the name's, or of nobody known", async () => {
    const resolve = async () => [{ address: "127.0.0.1", family: 4 }];
    const allowed = ["127.0.0.1"];
    const port = portOf(secure);
    expect(await codeOf(open({ allowed, resolve, ca })(`https://other.example:${port}/tls`, LIMITS))).toBe("RH223");
    expect(await codeOf(open({ allowed, resolve })(`https://localtest.example:${port}/tls`, LIMITS))).toBe("RH223");
    expect(seen.map(({ path }) => path)).not.toContain("/tls");
  });
});

describe("given up", () => {
  test.each([
    ["/large", "one byte too many"],
    ["/endless", "without an end"],
    ["/cut", "cut off"],
  ])("%s: %s", async (path) => {
    expect(await codeOf(openLocal()(local(path), LIMITS))).toBe("RH223");
  });

  test.each(["/silent", "/drip"])("%s: the time counts for all of it", async (path) => {
    const asked = openLocal()(local(path), { maxBytes: 1000, timeoutMs: 150 });
    await expect(asked).rejects.toMatchObject({ code: "RH223", message: expect.stringContaining("within 150 ms") });
  });

  test("a name server that does not answer", async () => {
    const never = new Promise<never>(() => {});
    const asked = open({ resolve: () => never })("https://slow.example/", { maxBytes: 1000, timeoutMs: 100 });
    await expect(asked).rejects.toMatchObject({ code: "RH223", message: expect.stringContaining("within 100 ms") });
  });

  test("by the caller", async () => {
    const stop = new AbortController();
    const asked = openLocal()(local("/silent"), { ...LIMITS, signal: stop.signal });
    stop.abort();
    expect(await codeOf(asked)).toBe("RH223");
  });

  test("nobody listens", async () => {
    expect(await codeOf(open({ allowed: ["127.0.0.1:1"] })("http://127.0.0.1:1/", LIMITS))).toBe("RH223");
  });
});
