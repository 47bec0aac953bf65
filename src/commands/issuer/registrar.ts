import type { Registrar } from "../../auth/register-issuer.ts";
import { openCheckedFetch } from "../../net/checked-fetch.ts";
import type { Session } from "../session.ts";

/** @throws RowhouseError configInvalid for a malformed OUTBOUND_ALLOWED */
export function registrarOf({ platform, config, actor }: Session): Registrar {
  return { pool: platform, fetch: openCheckedFetch({ allowed: config.OUTBOUND_ALLOWED }), actor };
}
