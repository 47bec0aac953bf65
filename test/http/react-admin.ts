import { createRequire } from "node:module";
import { fetchFrom } from "./browser.ts";
import type { TestServer } from "./server.ts";

/** react-admin's data provider, of which the package takes the type from ra-core alone. */
export type Provider = Record<
  "getList" | "getOne" | "getMany" | "getManyReference" | "create" | "update" | "updateMany" | "delete" | "deleteMany",
  (
    resource: string,
    params: object,
  ) => Promise<{ data: unknown; total?: number; meta?: { prefetched: Record<string, unknown> } }>
>;

interface Config {
  readonly defaultListOp?: string;
  readonly primaryKeys?: ReadonlyMap<string, readonly string[]>;
  readonly schema?: () => string;
  readonly sortOrder?: string;
}

/** CommonJS, which TypeScript and Node take for modules of two kinds. */
interface Library {
  default(config: object): Provider;
  readonly defaultPrimaryKeys: ReadonlyMap<string, readonly string[]>;
  readonly defaultSchema: () => string;
}
const library = createRequire(import.meta.url)("@raphiniert/ra-data-postgrest") as Library;

/** The provider as it comes, for tenant acme of the server; `config` as an application changes it. */
export function dataProvider(server: TestServer, token: string, config: Config = {}): Provider {
  const send = fetchFrom(server, "acme.localhost");
  // As react-admin's fetchJson does it.
  const httpClient = async (url: string, options: RequestInit = {}) => {
    const headers = new Headers(options.headers);
    headers.set("authorization", `Bearer ${token}`);
    const answer = await send(url, { ...options, headers });
    const body = await answer.text();
    const json: unknown = body === "" ? undefined : JSON.parse(body);
    if (!answer.ok) throw Object.assign(new Error((json as { message: string }).message), { status: answer.status });
    return { status: answer.status, headers: answer.headers, body, json };
  };
  return library.default({
    apiUrl: `${server.url}/rest/v1`,
    httpClient,
    defaultListOp: "eq",
    primaryKeys: library.defaultPrimaryKeys,
    schema: library.defaultSchema,
    ...config,
  });
}
