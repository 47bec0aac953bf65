import { existsSync } from "node:fs";
import { join, sep } from "node:path";
import { PACKAGE_DIR } from "../config.ts";
import { SALES_DIR } from "./evaluation.ts";

/** Lines for the user's shell, which work when pasted on this machine. */
export interface PasteTarget {
  /** Of the tenant, without a slash at the end. */
  readonly tenantUrl: string;
  /** Of BASE_DOMAIN itself, where the token alone says which tenant. */
  readonly homeUrl: string;
  readonly token: string;
  readonly appDir: string | null;
}

const CLIENT = "@supabase/supabase-js";

/** For a POSIX shell. */
const quote = (text: string) => (/^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

/** The Node that runs us when it is one that npm brought: the shell's own may be too old for supabase-js. */
function nodeName(): string {
  return process.execPath.includes(`${sep}node_modules${sep}`) ? quote(process.execPath) : "node";
}

/** curl takes *.localhost for this machine from 7.77 on (RFC 6761 6.3). */
export function curlLine({ tenantUrl, token, appDir }: PasteTarget): string {
  const path = appDir === SALES_DIR ? "/rest/v1/customers?select=name,city&limit=3" : "/openapi.json";
  return `curl -H "Authorization: Bearer ${token}" "${tenantUrl}${path}"`;
}

/** Node asks the system for *.localhost, which seldom knows it: so the home address, with the tenant in the token. */
export function supabaseLine({ homeUrl, token }: PasteTarget): string {
  const script = [
    `import { createClient } from "${CLIENT}";`,
    `const tenant = createClient("${homeUrl}", "${token}");`,
    `const { data, error } = await tenant.from("customers").select("name,city").limit(3);`,
    "console.log(error ?? data);",
  ].join(" ");
  const run = (node: string) => `${node} --input-type=module -e '${script}'`;
  if (!existsSync(join(PACKAGE_DIR, "node_modules", CLIENT))) return `npm install ${CLIENT} && ${run(nodeName())}`;
  const link = join("node_modules", ".bin", "node");
  const line = run(nodeName() !== "node" && existsSync(join(PACKAGE_DIR, link)) ? link : nodeName());
  return process.cwd() === PACKAGE_DIR ? line : `cd ${quote(PACKAGE_DIR)} && ${line}`;
}
