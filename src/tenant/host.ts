import { isIPv4, isIPv6 } from "node:net";
import { domainToASCII, domainToUnicode } from "node:url";
import { LRUCache } from "lru-cache";
import { RowhouseError } from "../errors.ts";

/** A host as it is compared: lower case, without the port and the root's dot; an IPv6 address without brackets, compressed. */
export interface Host {
  readonly name: string;
  readonly port: number | null;
  readonly kind: "name" | "ipv4" | "ipv6";
}

/** 253 octets of name (RFC 1035 2.3.4, in text), the root's dot, a colon and five digits. */
const LONGEST = 260;
const BRACKETED = /^\[([0-9a-f:.]+)\](?::(\d+))?$/i;
const NAMED = /^([a-z0-9.-]+)(?::(\d+))?$/i;
/** RFC 1123 2.1. An underscore is for service records, not for hosts: no slug and no custom domain has one. */
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
/** What URL parsers take for a part of an IPv4 address, as in `127.1` or `0x7f.1` (WHATWG URL 3.5, "ends in a number"). */
const NUMERIC = /^(?:\d+|0x[0-9a-f]*)$/;

function refuse(header: string | undefined, why: string): RowhouseError {
  const shown = header === undefined ? "no Host header" : JSON.stringify(header.slice(0, 80));
  return new RowhouseError("hostInvalid", { message: `Not a host: ${shown}`, details: why });
}

/** Whether every `xn--` label decodes and encodes back to itself (RFC 5891 5.4). */
function isPunycodeSound(name: string): boolean {
  if (!name.includes("xn--")) return true;
  const unicode = domainToUnicode(name);
  return !/(?:^|\.)xn--/.test(unicode) && domainToASCII(unicode) === name;
}

/** What is wrong with the name, if anything. */
function nameProblem(name: string): string | null {
  if (name.length === 0) return "empty";
  if (name.length > 253) return "longer than 253 characters";
  const labels = name.split(".");
  if (!labels.every((label) => LABEL.test(label))) return "a label is empty, too long, or starts or ends with a hyphen";
  if (NUMERIC.test(labels.at(-1)!)) return "the last label is a number, and it is not an IPv4 address";
  return isPunycodeSound(name) ? null : "a label is not valid punycode";
}

/** Those that were read lately: the same few come with every request. */
const seen = new LRUCache<string, Host>({ max: 1000 });

/**
 * Reads a Host header (RFC 9110 7.2), more strictly than a URL parser: the host decides the tenant, so whatever two readers might
 * read differently is refused (threats.md, H09). ASCII only; a Unicode name has to come as punycode.
 * @throws RowhouseError hostInvalid
 */
export function parseHost(header: string | undefined): Host {
  if (header === undefined || header === "") throw refuse(header, "missing");
  const known = seen.get(header);
  if (known !== undefined) return known;
  const host = readHost(header);
  seen.set(header, host);
  return host;
}

function readHost(header: string): Host {
  if (header.length > LONGEST) throw refuse(header, "too long");
  const bracketed = BRACKETED.exec(header);
  const match = bracketed ?? NAMED.exec(header);
  if (match === null) throw refuse(header, "a character that no host name has, or a malformed port");
  const port = match[2] === undefined ? null : Number(match[2]);
  if (port !== null && (match[2]!.length > 5 || port < 1 || port > 65_535))
    throw refuse(header, "the port is out of range");
  if (bracketed !== null) {
    if (!isIPv6(match[1]!)) throw refuse(header, "not an IPv6 address");
    return { name: new URL(`http://[${match[1]}]`).hostname.slice(1, -1), port, kind: "ipv6" };
  }
  const name = match[1]!.toLowerCase().replace(/\.$/, "");
  if (isIPv4(name)) return { name, port, kind: "ipv4" };
  const problem = nameProblem(name);
  if (problem !== null) throw refuse(header, problem);
  return { name, port, kind: "name" };
}

/**
 * The one value of a header that must not come twice: two readers may take different ones.
 * @param values every value that was sent, one per header line
 * @throws RowhouseError `kind`
 */
export function singleHeader(
  values: readonly string[] | undefined,
  kind: "hostInvalid" | "tenantDisagreement" | "tokenInvalid",
): string | undefined {
  if (values !== undefined && values.length > 1) {
    throw new RowhouseError(kind, { details: "A header that may come once came twice", hint: "Send it once." });
  }
  return values?.[0];
}
