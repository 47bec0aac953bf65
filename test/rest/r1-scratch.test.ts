import { afterAll, beforeAll, test } from "vitest";
import { readFileSync } from "node:fs";
import { testDatabase, type TestDatabase } from "../harness.ts";
import { guildClient, loadGuild } from "./guild-client.ts";
let db: TestDatabase;
beforeAll(async () => { db = await testDatabase(); await loadGuild(db); });
afterAll(() => db.close());
test("scratch", async () => {
  const guild = await guildClient(db, { aggregates: true });
  for (const line of readFileSync("/tmp/r1-urls.txt", "utf8").split("\n")) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    const served = await guild("GET", line).catch((error: unknown) => ({ status: 0, text: String(error), headers: {}, statement: undefined }));
    console.log(`${line}\n  ${served.status} ${(served.text ?? "").slice(0, 600)}` + (process.env["R1_SQL"] || served.status >= 500 || served.status === 0 ? `\n  ${served.statement?.text}` : "") + ((served.headers as Record<string,string>)["warning"] ? `\n W ${(served.headers as Record<string,string>)["warning"]}` : ""));
  }
}, 60000);
