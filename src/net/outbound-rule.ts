import { isIP } from "node:net";
import { RowhouseError } from "../errors.ts";
import { isPublicAddress } from "./public-address.ts";
import { openRanges } from "./ranges.ts";

/** Where this server may send requests that somebody else wrote the URL of (threats.md H32; ASVS 13.2.4). */
export interface OutboundRule {
  /** @throws RowhouseError outboundRefused for a URL that nothing is asked for, whatever its host's addresses are */
  checkUrl(url: URL): void;
  /** @throws RowhouseError outboundRefused unless requests for the URL may go to the address */
  checkAddress(url: URL, address: string): void;
}

const SETTING = "OUTBOUND_ALLOWED";
const NAMED = /^([a-z0-9.-]+|\[[0-9a-f:.]+\]):(\d{1,5})$/i;

/**
 * The refusal (outboundRefused) of a request that is not sent; every one of them names the setting that would allow it. Pure.
 * @param message one sentence for whoever wrote the URL; it goes into answers and must not hold the URL's secrets
 */
export function refuseOutbound(message: string, cause?: unknown): RowhouseError {
  const hint = `Where it is meant to be reached, the operator lists it in ${SETTING}.`;
  return new RowhouseError("outboundRefused", { message, hint, cause });
}

/** A URL's host as it is compared: without brackets. */
export const hostOf = ({ hostname }: URL): string => hostname.replace(/^\[|\]$/g, "");

const portOf = ({ port, protocol }: URL): number => (port === "" ? (protocol === "http:" ? 80 : 443) : Number(port));

/** Ports below are those of mail, shells and the like: a request to one is none to a web server. */
const isWebPort = (port: number) => port === 443 || port >= 1024;

/**
 * Everybody may be asked over HTTPS, at public addresses. What `allowed` lists may be private and spoken to in plain HTTP: `host:port` for
 * one service, by the name or the address that the URL has, or an address or CIDR range for every port there.
 * @param allowed OUTBOUND_ALLOWED
 * @throws RowhouseError configInvalid
 */
export function openOutboundRule(allowed: readonly string[]): OutboundRule {
  const services = new Set(allowed.filter((item) => NAMED.test(item)).map((item) => item.toLowerCase()));
  const isListed = openRanges(
    allowed.filter((item) => !NAMED.test(item)),
    SETTING,
  );
  const isService = (url: URL) => services.has(`${url.hostname}:${portOf(url)}`);
  const isAllowed = (url: URL, address: string) => isService(url) || isListed(address);

  return {
    checkUrl: (url) => {
      if (url.protocol !== "https:" && url.protocol !== "http:") throw refuseOutbound("Only https is spoken");
      if (url.username !== "" || url.password !== "") throw refuseOutbound("The URL carries credentials");
      if (isService(url)) return;
      const host = hostOf(url);
      // A name's addresses are not known yet, and a range is no leave to look it up for plain HTTP.
      const isListedLiteral = isIP(host) !== 0 && isListed(host);
      if (url.protocol === "http:" && !isListedLiteral) throw refuseOutbound("Only https is spoken");
      if (!isListedLiteral && !isWebPort(portOf(url)))
        throw refuseOutbound(`Port ${portOf(url)} is not a web server's`);
    },
    checkAddress: (url, address) => {
      if (isPublicAddress(address) || isAllowed(url, address)) return;
      throw refuseOutbound(`${hostOf(url)} has an address that is not public`);
    },
  };
}
