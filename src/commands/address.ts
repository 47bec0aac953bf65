import type { Config } from "../config.ts";

/** Address of a name of the deployment: a tenant's slug, `admin` or `api`. Without a slash at the end. */
export function addressOf(config: Pick<Config, "publicUrl">, label: string): string {
  const url = new URL(config.publicUrl);
  url.hostname = `${label}.${url.hostname}`;
  return url.origin;
}
