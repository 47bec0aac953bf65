import { z } from "zod";
import { inspectDatabase } from "../../../move/inspect.ts";
import { findDatabase, listDatabases } from "../../../tenant/databases.ts";
import { operation, type Operation } from "../operation.ts";
import type { PlatformSources } from "../sources.ts";

const tag = "Databases";
const database = z.object({
  name: z.string(),
  kind: z.enum(["shared", "dedicated"]),
  address: z.string(),
  peer: z.string().nullable(),
});
const health = z.looseObject({
  name: z.string(),
  version: z.enum(["equal", "older", "newer", "unknown"]),
  problems: z.array(z.object({ level: z.enum(["error", "warning"]), problem: z.string(), fix: z.string().nullable() })),
});

export const databaseOperations = ({ home }: PlatformSources): Operation[] => [
  operation({
    method: "GET",
    path: "/databases",
    tag,
    summary: "The databases that tenants live in; never an address with a password",
    permission: "databases.read",
    answer: z.array(database),
    handle: async () => {
      const entries = await listDatabases(home.platform);
      return { body: entries.map(({ secretRef: _secretRef, ...entry }) => entry) };
    },
  }),
  operation({
    method: "GET",
    path: "/databases/:database/health",
    tag,
    summary: "Connect to one: version, schema, latency, size, tenants, and whether moves can replicate",
    permission: "databases.read",
    answer: health,
    handle: async ({ params, actor }) => {
      const entry = await findDatabase(home.platform, params["database"]!);
      return { body: await inspectDatabase({ ...home, actor }, entry) };
    },
  }),
];
