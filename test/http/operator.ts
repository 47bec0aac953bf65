import { linkFirstOperator } from "../../src/auth/operator-links.ts";
import type { TestDatabase } from "../harness.ts";
import type { TestAnswer, TestServer } from "./server.ts";

const HOST = "admin.localhost";
const BASE = "/platform/v1";
const PASSWORD = "correct battery horse";

/** Somebody who is signed in at the platform API. */
export interface TestOperator {
  readonly token: string;
  readonly operator: Record<string, unknown>;
  /** @param path under /platform/v1 */
  get(path: string): Promise<TestAnswer>;
  request(method: string, path: string, body?: object): Promise<TestAnswer>;
  /** Another operator, who comes in by the link. */
  invite(email: string, role: string): Promise<TestOperator>;
}

async function accept(server: TestServer, body: object): Promise<TestOperator> {
  const answer = await server.request(HOST, `${BASE}/sessions/link`, { method: "POST", body });
  if (answer.status !== 201) throw new Error(answer.text);
  const { token, operator } = answer.json<{ token: string; operator: Record<string, unknown> }>();
  const request = (method: string, path: string, sent?: object) =>
    server.request(HOST, BASE + path, { method, token, ...(sent !== undefined && { body: sent }) });
  return {
    token,
    operator,
    get: (path) => request("GET", path),
    request,
    invite: async (email, role) => {
      const invited = (await request("POST", "/operators", { email, role })).json<{ token: string }>();
      return accept(server, { token: invited.token, password: PASSWORD });
    },
  };
}

/** The first operator of the database, an owner. */
export async function openOperator(db: TestDatabase, server: TestServer): Promise<TestOperator> {
  const link = await linkFirstOperator(db.platform, "test");
  return accept(server, { token: link!.token, email: "owner@ops.example", name: "Olive", password: PASSWORD });
}
