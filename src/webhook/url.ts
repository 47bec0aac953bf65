import { lookup } from "node:dns/promises";
import { RowhouseError } from "../errors.ts";
import { hostOf, openOutboundRule } from "../net/outbound-rule.ts";

const MOST = 1000;

/**
 * Whether events may be sent there, as far as it can be told now: each delivery is checked again (src/net/checked-fetch.ts). A name
 * that has no address yet passes.
 * @param allowed OUTBOUND_ALLOWED
 * @returns the URL as it is kept, without a fragment, which no server sees
 * @throws RowhouseError outboundRefused
 */
export async function checkWebhookUrl(text: string, allowed: readonly string[]): Promise<string> {
  const url = URL.parse(text);
  if (url === null || text.length > MOST)
    throw new RowhouseError("outboundRefused", {
      message: "The webhook's URL can't be read",
      hint: "A whole one, as https://hooks.example.com/rowhouse.",
    });
  url.hash = "";
  const rule = openOutboundRule(allowed);
  rule.checkUrl(url);
  const found = await lookup(hostOf(url), { all: true }).catch(() => []);
  for (const { address } of found) rule.checkAddress(url, address);
  return url.href;
}
