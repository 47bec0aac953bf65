import type { ConnectionPool } from "../db/connections.ts";
import { openKeySets, type KeySetOptions } from "./key-sets.ts";
import { openKeyset } from "./keyset.ts";
import { openTokenSecrets } from "./secrets.ts";
import { openTrustedIssuers } from "./trusted-issuers.ts";
import type { VerifyingKeys } from "./verify.ts";

/**
 * Every key that tokens are verified by: the deployment's, the secrets of tenants' backends, and those of tenants' issuers.
 * @param pool connections of rowhouse_platform
 */
export function openVerifyingKeys(pool: ConnectionPool, options: KeySetOptions): VerifyingKeys {
  return {
    keyset: openKeyset(pool),
    secrets: openTokenSecrets(pool),
    issuers: openTrustedIssuers(pool),
    keySets: openKeySets(options),
  };
}
