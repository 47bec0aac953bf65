import type { IncomingMessage } from "node:http";
import { expect, test } from "vitest";
import { openClientAddress } from "../../src/http/forwarded.ts";

const request = (remoteAddress: string | undefined, forwarded?: string) =>
  ({ socket: { remoteAddress }, headers: { "x-forwarded-for": forwarded } }) as unknown as IncomingMessage;

test("who asks is told by the socket, and by our own proxies alone", () => {
  const addressOf = openClientAddress(["10.0.0.0/8", "fd00::/8"]);
  expect(addressOf(request("192.0.2.1"))).toBe("192.0.2.1");
  expect(addressOf(request("192.0.2.1", "203.0.113.9"))).toBe("192.0.2.1");
  expect(addressOf(request("10.0.0.1", "203.0.113.9"))).toBe("203.0.113.9");
  expect(addressOf(request("::ffff:10.0.0.1", "198.51.100.7, 203.0.113.9, 10.2.3.4"))).toBe("203.0.113.9");
  expect(addressOf(request("fd00::1", "2001:db8::9"))).toBe("2001:db8::9");
  expect(addressOf(request("10.0.0.1"))).toBe("10.0.0.1");
  expect(addressOf(request("10.0.0.1", "nonsense"))).toBeNull();
  expect(addressOf(request(undefined))).toBeNull();
});
