import { BlockList, isIP } from "node:net";
import { RowhouseError } from "../errors.ts";

function addRange(list: BlockList, range: string, setting: string): void {
  const [address = "", bits, ...rest] = range.split("/");
  const version = isIP(address);
  const longest = version === 6 ? 128 : 32;
  if (
    version === 0 ||
    rest.length > 0 ||
    (bits !== undefined && !(/^\d{1,3}$/.test(bits) && Number(bits) <= longest))
  ) {
    throw new RowhouseError("configInvalid", {
      message: `${setting}: ${range} is not an address or a CIDR range`,
      hint: "Write it as 10.0.0.5, 10.0.0.0/8 or fd00::/8.",
    });
  }
  list.addSubnet(address, bits === undefined ? longest : Number(bits), version === 6 ? "ipv6" : "ipv4");
}

/**
 * @param ranges addresses and CIDR ranges, of IPv4 and IPv6
 * @param setting what an error says they are from
 * @returns whether an address is in one of them
 * @throws RowhouseError configInvalid, naming the malformed range
 */
export function openRanges(ranges: readonly string[], setting: string): (address: string) => boolean {
  const list = new BlockList();
  for (const range of ranges) addRange(list, range, setting);
  // BlockList takes IPv4-mapped addresses (::ffff:10.0.0.5) for the IPv4 address that they are.
  return (address) => isIP(address) !== 0 && list.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
}
