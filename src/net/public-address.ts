import { isIPv6 } from "node:net";
import { openRanges } from "./ranges.ts";

/**
 * IANA IPv4 Special-Purpose Address Registry (RFC 6890 and what was added to it since), multicast (RFC 5771), and what hosting providers
 * serve credentials at.
 */
const SPECIAL_IPV4 = [
  "0.0.0.0/8", // this network; Linux takes 0.0.0.0 for the loopback
  "10.0.0.0/8", // private (RFC 1918)
  "100.64.0.0/10", // shared by carriers' NAT (RFC 6598); Alibaba's metadata is in it
  "127.0.0.0/8", // loopback
  "168.63.129.16", // Azure's WireServer: public by its number alone
  "169.254.0.0/16", // link-local (RFC 3927), and most clouds' metadata
  "172.16.0.0/12", // private
  "192.0.0.0/24", // protocol assignments; Oracle's metadata is in it
  "192.0.2.0/24", // documentation (RFC 5737)
  "192.31.196.0/24", // AS112 (RFC 7535)
  "192.52.193.0/24", // AMT (RFC 7450)
  "192.88.99.0/24", // 6to4 relays (RFC 7526)
  "192.168.0.0/16", // private
  "192.175.48.0/24", // AS112 (RFC 7534)
  "198.18.0.0/15", // benchmarks (RFC 2544)
  "198.51.100.0/24", // documentation
  "203.0.113.0/24", // documentation
  "224.0.0.0/4", // multicast
  "240.0.0.0/4", // reserved, and the limited broadcast
];

/** Of IPv6 only this is given out for hosts on the Internet (IANA IPv6 Address Space); unique local, link-local, NAT64 … are not in it. */
const UNICAST_IPV6 = ["2000::/3"];

/** Special-purpose all the same (IANA IPv6 Special-Purpose Address Registry). */
const SPECIAL_IPV6 = [
  "2001::/23", // protocol assignments: Teredo, benchmarks, ORCHID
  "2001:db8::/32", // documentation (RFC 3849)
  "2002::/16", // 6to4: carries any IPv4 address (RFC 3056)
  "2620:4f:8000::/48", // AS112
  "3fff::/20", // documentation (RFC 9637)
];

const isSpecial = openRanges([...SPECIAL_IPV4, ...SPECIAL_IPV6], "the special-purpose addresses");
const isUnicast = openRanges(UNICAST_IPV6, "the unicast addresses");

/**
 * Whether an address is one that a host on the Internet can have, so that what answers there is nobody's inside. An IPv4 address written
 * as IPv6 is refused, whatever it is: name servers have no use for it.
 * @param address IPv4 or IPv6
 */
export function isPublicAddress(address: string): boolean {
  return !isSpecial(address) && (!isIPv6(address) || isUnicast(address));
}
