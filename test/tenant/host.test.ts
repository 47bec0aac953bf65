import fc from "fast-check";
import { isIPv6 } from "node:net";
import { describe, expect, test } from "vitest";
import type { RowhouseError } from "../../src/errors.ts";
import { parseHost, singleHeader } from "../../src/tenant/host.ts";

const INVALID = expect.objectContaining({ code: "RH100", status: 400 });

/** The name that we read, or the code of the refusal. */
function readAsHost(header: string): string {
  try {
    const { name, kind } = parseHost(header);
    return kind === "ipv6" ? `[${name}]` : name;
  } catch (error) {
    return (error as RowhouseError).code;
  }
}

/** The name that a URL parser reads, when it reads nothing besides. */
function readAsUrl(header: string): string {
  if (!URL.canParse(`http://${header}/`)) return "unreadable";
  const { hostname, username, pathname } = new URL(`http://${header}/`);
  return username === "" && pathname === "/" ? hostname.replace(/\.$/, "") : "more than a host";
}

describe("parseHost", () => {
  test.each([
    ["acme.localhost", "acme.localhost", null, "name"],
    ["ACME.LocalHost:3000", "acme.localhost", 3000, "name"],
    ["acme.localhost.", "acme.localhost", null, "name"],
    ["acme.localhost.:80", "acme.localhost", 80, "name"],
    ["localhost", "localhost", null, "name"],
    ["r3---sn.example", "r3---sn.example", null, "name"],
    ["3com.example", "3com.example", null, "name"],
    ["XN--MNCHEN-3YA.de", "xn--mnchen-3ya.de", null, "name"],
    ["127.0.0.1:65535", "127.0.0.1", 65_535, "ipv4"],
    ["[::1]", "::1", null, "ipv6"],
    ["[::1]:8080", "::1", 8080, "ipv6"],
    ["[0:0:0:0:0:0:0:1]", "::1", null, "ipv6"],
    ["[::FFFF:1.2.3.4]", "::ffff:102:304", null, "ipv6"],
    [`${"a".repeat(63)}.example`, `${"a".repeat(63)}.example`, null, "name"],
  ])("%s", (header, name, port, kind) => {
    expect(parseHost(header)).toEqual({ name, port, kind });
  });

  test.each([
    undefined,
    "",
    ".",
    "..",
    ":80",
    "acme..localhost",
    ".acme.localhost",
    "acme.localhost..",
    "-acme.localhost",
    "acme-.localhost",
    "ac me.localhost",
    " acme.localhost",
    "acme.localhost ",
    "acme.localhost\t",
    "acme.localhost\u0000",
    "acme\r\n.localhost",
    "acme.localhost,globex.localhost",
    "acme.localhost, globex.localhost",
    "evil:x@acme.localhost",
    "user@acme.localhost",
    "acme.localhost/",
    "acme.localhost/x",
    "http://acme.localhost",
    "acme.localhost?x",
    "acme.localhost#x",
    "acme.localhost\\x",
    "acme%2elocalhost",
    "ac%6de.localhost",
    "acme_corp.localhost",
    "_acme.localhost",
    "*.localhost",
    "münchen.de",
    "аcme.localhost",
    "acme。localhost",
    "ａcme.localhost",
    "acme.localhost:",
    "acme.localhost:0",
    "acme.localhost:65536",
    "acme.localhost:123456",
    "acme.localhost:-1",
    "acme.localhost:+80",
    "acme.localhost:80:80",
    "acme.localhost:8o",
    "acme.localhost:٣",
    "::1",
    "[::1",
    "::1]",
    "[::1]x",
    "[::1]:",
    "[]",
    "[1.2.3.4]",
    "[::1%25eth0]",
    "[fe80::1%eth0]",
    "[v1.x]",
    "[acme]",
    "127.1",
    "127.0.0.1.1",
    "0x7f.1",
    "0x7f000001",
    "2130706433",
    "256.1.1.1",
    "1.2.3",
    "01.2.3.4",
    "xn--",
    "xn--a",
    "xn--99999999.com",
    "acme.xn--a",
    "xn--abc-.com",
    `${"a".repeat(64)}.example`,
    `${"a.".repeat(127)}a`,
    "a".repeat(5000),
  ])("refuses %j", (header) => {
    expect(() => parseHost(header)).toThrow(INVALID);
  });

  test("never shows more than the start of what it refuses", () => {
    expect(() => parseHost(`${"x".repeat(300)}@`)).toThrow(/^Not a host: "x{80}"$/);
  });

  const label = fc.stringMatching(/^[a-z]([a-z0-9]{0,20}[a-z0-9])?$/);
  const name = fc.array(label, { minLength: 1, maxLength: 6 }).map((labels) => labels.join("."));
  const port = fc.option(fc.integer({ min: 1, max: 65_535 }), { nil: null });
  const suffix = (number: number | null) => (number === null ? "" : `:${number}`);

  test("case, port and the root's dot never change the name", () => {
    fc.assert(
      fc.property(name, port, fc.boolean(), fc.infiniteStream(fc.boolean()), (host, number, dot, upper) => {
        const mixed = Array.from(host, (letter) => (upper.next().value ? letter.toUpperCase() : letter)).join("");
        expect(parseHost(`${mixed}${dot ? "." : ""}${suffix(number)}`)).toEqual({
          name: host,
          port: number,
          kind: "name",
        });
      }),
    );
  });

  test("an IPv6 address comes out in one form", () => {
    fc.assert(
      fc.property(fc.ipV6(), port, (address, number) => {
        const host = parseHost(`[${address}]${suffix(number)}`);
        expect(isIPv6(host.name)).toBe(true);
        expect(parseHost(`[${host.name.toUpperCase()}]`)).toEqual({ name: host.name, port: null, kind: "ipv6" });
      }),
    );
  });

  test("whatever comes in, it is refused with RH100 or is what a URL parser reads, too", () => {
    const nearly = fc.stringMatching(/^[a-zA-Z0-9.:@[\]_/\\%, -]{0,40}$/);
    fc.assert(
      fc.property(
        fc.oneof(
          nearly,
          fc.string(),
          fc.string({ unit: "binary" }),
          fc.webAuthority({ withUserInfo: true, withPort: true }),
        ),
        (header) => {
          expect(["RH100", readAsUrl(header)]).toContain(readAsHost(header));
        },
      ),
      { numRuns: 3000 },
    );
  });
});

test("a header that must come once", () => {
  expect(singleHeader(undefined, "hostInvalid")).toBeUndefined();
  expect(singleHeader([], "hostInvalid")).toBeUndefined();
  expect(singleHeader(["a"], "hostInvalid")).toBe("a");
  expect(() => singleHeader(["a", "a"], "hostInvalid")).toThrow(INVALID);
});
