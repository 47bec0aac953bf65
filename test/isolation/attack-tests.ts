import type pg from "pg";
import { describe, expect, test } from "vitest";
import { fingerprint, enter, MARKER, outcome, type Arena } from "./arena.ts";
import { ATTACKS, type Attack } from "./attacks.ts";

/** All that the server said: rows, errors with every field, notices. */
class Ear {
  readonly heard: string[] = [];
  readonly #client: pg.Client;

  constructor(client: pg.Client) {
    this.#client = client;
    client.on("notice", (notice) =>
      this.heard.push(JSON.stringify([notice.message, notice.detail, notice.hint, notice.where])),
    );
    client.on("notification", ({ channel, payload }) => this.heard.push(`${channel} ${payload}`));
    // Outgoing COPY data pass by `pg` unread; here they are overheard.
    (client as unknown as { connection: pg.Connection }).connection.on("copyData", (message: { chunk: Buffer }) =>
      this.heard.push(message.chunk.toString()),
    );
  }

  /** @returns SQLSTATE of the error, or `harmless` */
  async send(text: string): Promise<string> {
    try {
      const results = await this.#client.query(text);
      this.heard.push(JSON.stringify([results].flat().map(({ rows }) => rows)));
      return "harmless";
    } catch (error) {
      const { code = "", message, detail, hint, where } = error as pg.DatabaseError;
      this.heard.push(JSON.stringify([message, detail, hint, where]));
      return code;
    }
  }
}

/** Whose rows are in reach: none of B's, whatever state the transaction is in. */
async function expectNothingOfB(client: pg.Client, { b }: Arena): Promise<void> {
  const seen = await outcome(client, "select from app.customers where tenant_id = $1", [b.tenantId]);
  expect([0, "42501", "25P02"]).toContain(seen);
}

async function mount(arena: Arena, attack: Attack, client: pg.Client): Promise<string> {
  const { a, b } = arena;
  const names = { b: b.tenantId, hex: b.tenantId.replaceAll("-", ""), secretA: a.secret.toString("hex") };
  const ear = new Ear(client);
  await enter(client, a);
  let came = "harmless";
  for (const step of attack.steps(names)) if (came === "harmless") came = await ear.send(step);
  await expectNothingOfB(client, arena);
  // What the attacker wrote may come back in an error; what only B knows may not.
  expect(ear.heard.join("\n")).not.toContain(`${MARKER}@b.example`);
  return came;
}

/** Each attack inside A's transaction, then a look at what is left on the connection for the next request. */
export function testAttacks(arenaOf: () => Arena): void {
  test.each(ATTACKS.map((attack) => [attack.name, attack] as const))("%s", async (_, attack) => {
    const arena = arenaOf();
    const { admin, a, b, database, mode } = arena;
    const before = await fingerprint(admin, "app.customers", b.tenantId);
    const client = await database.connect("rowhouse_api");
    await client.query("set lock_timeout = 0"); // of roles, for which another test's migrate makes it wait
    try {
      let came = await mount(arena, attack, client);
      // Roles are the whole cluster's: another test's migrate may be changing the same rows at this moment ("tuple concurrently updated").
      for (let attempt = 1; came === "XX000" && attempt < 10; attempt++) {
        await client.query("rollback");
        came = await mount(arena, attack, client);
      }
      expect(came).toBe(typeof attack.expect === "string" ? attack.expect : attack.expect[mode]);
      await client.query(attack.rollback === true ? "rollback" : "commit");
      expect(await outcome(client, "select count(*) from app.customers")).toBe("42501");
      await enter(client, a);
      await expectNothingOfB(client, arena);
      await client.query("rollback");
      expect(await fingerprint(admin, "app.customers", b.tenantId)).toBe(before);
    } finally {
      await client.end();
    }
  });

  describe("the arena", () => {
    test("B's marker can be overheard, by who may read it", async () => {
      const { database, b } = arenaOf();
      const client = await database.connect("rowhouse_api");
      const ear = new Ear(client);
      await enter(client, b, "read");
      await ear.send("copy app.customers to stdout");
      expect(ear.heard.join("\n")).toContain(`${MARKER}@b.example`);
      await client.end();
    });
  });
}
