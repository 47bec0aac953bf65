import { z } from "zod";
import type { CheckedFetch } from "../net/checked-fetch.ts";
import { readJson, unfit } from "./key-set.ts";

const description = z.looseObject({ issuer: z.string(), jwks_uri: z.string().max(1000) });

/**
 * Where an issuer says that its key set is (OpenID Connect Discovery 1.0, 4). Asked once, when it is registered: what it says later
 * changes nothing until somebody registers it anew.
 * @throws RowhouseError outboundRefused, outboundFailed; issuerUnfit when it is not the issuer that it should be
 */
export async function discoverKeySet(fetch: CheckedFetch, issuer: string): Promise<string> {
  const url = `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
  const parsed = description.safeParse(await readJson(fetch, url));
  if (!parsed.success) throw unfit(`${url} names no issuer and no jwks_uri`);
  // 4.3: exactly; a slash more is another issuer, and its tokens say so.
  if (parsed.data.issuer !== issuer) throw unfit(`${url} is of the issuer ${parsed.data.issuer}, not of ${issuer}`);
  return parsed.data.jwks_uri;
}
