import { connect, createServer, type AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test, vi } from "vitest";
import { openDatabase, type Database } from "../../src/db/connections.ts";
import { openPools, type Pools, type SharedPool } from "../../src/db/pools.ts";
import { assertAdoptable } from "../../src/tenant/adopt.ts";
import { createTenantIn } from "../../src/tenant/create-elsewhere.ts";
import { locateTenant } from "../../src/tenant/locate.ts";
import { openPlacements } from "../../src/tenant/placements.ts";
import { spreadRename, spreadStatus } from "../../src/tenant/spread.ts";
import { openFences } from "../../src/tenant/fence.ts";
import { RowhouseError } from "../../src/errors.ts";
import { testDatabase, type DedicatedDatabase, type TestDatabase } from "../harness.ts";
import { arrive, relocate } from "./relocate.ts";

let db: TestDatabase;
let big1: DedicatedDatabase;
let big2: DedicatedDatabase;
beforeAll(async () => {
  db = await testDatabase();
  [big1, big2] = [await db.dedicated("big1"), await db.dedicated("big2")];
});
afterAll(async () => {
  await db?.close();
});

const rowIn = async ({ admin }: Pick<DedicatedDatabase, "admin">, id: string) => {
  const { rows } = await admin.query("select slug, name, status, moved_to from platform.tenants where id = $1", [id]);
  return rows[0];
};

/** The same, for which a server may take as long as it does to accept a connection. */
const patient = (database: Database): Database => ({
  ...database,
  openPool: (role, options) => database.openPool(role, { ...options, waitMs: 60_000 }),
});

describe("pools of several databases", () => {
  let pools: Pools;
  let one: SharedPool;
  let two: SharedPool;
  const open = (waitMs: number) => {
    pools = openPools({ total: 4, each: 3, waitMs, idleMs: 300, statementTimeoutMs: 0 });
    one = pools.open(patient(big1.database), "rowhouse_api");
    two = pools.open(patient(big2.database), "rowhouse_api");
  };
  beforeEach(() => open(60_000));
  afterEach(() => pools.end());
  const take = (pool: SharedPool, count: number) => Promise.all(Array.from({ length: count }, () => pool.connect()));

  test("open no more than their number together, and no more than each may", async () => {
    open(100); // for one that does not become free
    const first = await take(one, 3);
    await expect(one.connect()).rejects.toMatchObject({ kind: "busy" });
    const second = await take(two, 1);
    await expect(two.connect()).rejects.toMatchObject({ kind: "busy" });
    expect([one.size(), two.size(), pools.size()]).toEqual([3, 1, 4]);
    for (const client of [...first, ...second]) client.release();
  });

  test("an idle connection of one gives way to another's, and what nobody uses is closed", async () => {
    for (const client of await take(one, 3)) client.release();
    const clients = await take(two, 3);
    expect(pools.size()).toBeLessThanOrEqual(4);
    expect(two.size()).toBe(3);
    for (const client of clients) client.release();
    await expect.poll(() => pools.size()).toBe(0);
  });

  test("whoever waits in a short line is served in turn with a long one", async () => {
    const held = [...(await take(one, 3)), ...(await take(two, 1))];
    const order: string[] = [];
    const use = async (name: string, pool: SharedPool) => {
      const client = await pool.connect();
      order.push(name);
      client.release();
    };
    const waiting = [...Array.from({ length: 6 }, () => use("one", one)), use("two", two)];
    // One place for all of them, which whoever is done with it passes on.
    held.shift()!.release();
    await Promise.all(waiting);
    for (const client of held) client.release();
    expect(order).toHaveLength(7);
    expect(order.indexOf("two")).toBeLessThan(2);
  });

  test("a server that is gone is refused at once after the first failure, and found again when it is back", async () => {
    const { port } = new URL(big1.url);
    const at = (other: number) =>
      pools.open(patient(db.database.sibling(big1.url.replace(`:${port}/`, `:${other}/`))), "rowhouse_api");
    const nowhere = at(1);
    await expect(nowhere.connect()).rejects.toMatchObject({
      kind: "databaseUnavailable",
      message: expect.stringContaining("ECONNREFUSED"),
    });
    await nowhere.end();

    let [asked, isBack] = [0, false];
    const server = createServer((socket) => {
      asked += 1;
      if (!isBack) return void socket.destroy();
      const beyond = connect(Number(port), "127.0.0.1");
      for (const end of [socket, beyond]) end.on("error", () => {});
      socket.pipe(beyond).pipe(socket);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const gone = at((server.address() as AddressInfo).port);
    await expect(gone.connect()).rejects.toMatchObject({ kind: "databaseUnavailable" });
    expect(asked).toBe(1);
    const refused = await Promise.allSettled(Array.from({ length: 100 }, () => gone.connect()));
    expect(refused.every(({ status }) => status === "rejected")).toBe(true);
    expect(asked).toBeLessThanOrEqual(2); // one to see whether it is back
    isBack = true;
    await expect.poll(() => gone.connect().then((client) => client.release()), { timeout: 60_000 }).toBeUndefined();
    await gone.end();
    await new Promise((resolve) => server.close(resolve));
  });
});

describe("what is known of a database", () => {
  // Only the clock by which an examination grows old: it stands still.
  beforeEach(() => vi.useFakeTimers({ toFake: ["performance"] }));
  afterEach(() => vi.useRealTimers());

  test("one examination serves all who ask, and its failure is not asked again at once", async () => {
    let [examined, isFit] = [0, false];
    const pools = openPools({ total: 4, each: 2, waitMs: 1000, idleMs: 1000, statementTimeoutMs: 1000 });
    const changes: (string | null)[] = [];
    const placements = openPlacements({
      home: db.database,
      homeResidence: { api: db.api, platform: db.platform },
      pools,
      examine: async () => {
        examined += 1;
        await sleep(20);
        if (!isFit) throw new RowhouseError("databaseVersion", { message: "older" });
      },
      onChange: (_name, refusal) => changes.push(refusal?.kind ?? null),
    });
    const ask = async () => placements.residenceIn("big1");
    const answers = await Promise.allSettled(Array.from({ length: 20 }, ask));
    expect(answers.every(({ status }) => status === "rejected")).toBe(true);
    await expect(ask()).rejects.toMatchObject({ kind: "databaseVersion" });
    expect([examined, changes]).toEqual([1, ["databaseVersion"]]);
    vi.advanceTimersByTime(1000);
    await expect(ask()).rejects.toMatchObject({ kind: "databaseVersion" });
    expect(examined).toBe(1);
    expect(placements.outOfService()).toMatchObject([{ database: "big1", code: "RH706" }]);
    isFit = true;
    placements.invalidate("big1");
    await ask();
    expect([examined, changes, placements.outOfService()]).toEqual([2, ["databaseVersion", null], []]);
    await expect(async () => placements.residenceIn("nobody")).rejects.toMatchObject({ status: 503 });
    await placements.close();
    await pools.end();
  });
});

describe("a fence at the server", () => {
  test("is looked at once at a time, however many wait, and each has a patience of its own", async () => {
    const fences = openFences();
    let [looks, running, most, stands] = [0, 0, 0, true];
    const look = async () => {
      looks += 1;
      most = Math.max(most, (running += 1));
      await sleep(5);
      running -= 1;
      return stands;
    };
    const patience = (ms: number, isGone = () => false) => ({ deadline: performance.now() + ms, isGone });
    const leaving = Promise.allSettled([
      fences.wait("t", patience(60), look),
      fences.wait(
        "t",
        patience(Infinity, () => true),
        look,
      ),
    ]);
    const long = Array.from({ length: 200 }, () => fences.wait("t", patience(Infinity), look));
    const refused = { status: "rejected", reason: { kind: "tenantFenced" } };
    expect(await leaving).toMatchObject([refused, refused]);
    expect(fences.isClosed("t")).toBe(true);
    stands = false;
    await Promise.all(long);
    expect([most, fences.isClosed("t")]).toEqual([1, false]);
    expect(looks).toBeLessThan(40);
  });
});

describe("a server that another deployment uses", () => {
  // A server that trusts whoever comes can't tell.
  test.skipIf(new URL(inject("adminUrl")).password === "")(
    "is refused before its roles get new passwords",
    async () => {
      await using fresh = await testDatabase("empty");
      const others = openDatabase(db.url, "the secret of somebody else");
      const candidate = { name: "big3", database: others.sibling(fresh.url) };
      await expect(assertAdoptable({ database: others, platform: db.platform }, candidate)).rejects.toMatchObject({
        kind: "databaseUnfit",
        message: expect.stringContaining("passwords"),
      });
    },
  );
});

describe("a tenant that lives elsewhere", () => {
  const home = () => ({ database: db.database, platform: db.platform });

  test("is created there, all or nothing, and found there", async () => {
    const { tenant, created } = await createTenantIn(
      home(),
      "big1",
      { slug: "helmex", name: "Helmex", adminEmail: "a@helmex.example" },
      "test",
    );
    expect([created, tenant.movedTo, tenant.status]).toEqual([true, "big1", "active"]);
    expect(await rowIn(big1, tenant.id)).toMatchObject({ slug: "helmex", status: "active", moved_to: null });
    const { rows } = await big1.admin.query("select email from tenant.users where tenant_id = $1", [tenant.id]);
    expect(rows).toEqual([{ email: "a@helmex.example" }]);
    expect(await locateTenant(db.database, db.platform, "helmex")).toMatchObject({ place: "big1" });
    await expect(createTenantIn(home(), "big1", { slug: "helmex", name: "H" }, "test")).rejects.toMatchObject({
      kind: "tenantExists",
    });
    const again = await createTenantIn(home(), "big2", { slug: "helmex", name: "H", ifNotExists: true }, "test");
    expect([again.created, again.tenant.movedTo]).toEqual([false, "big1"]);
  });

  test("an interrupted creation is taken up, and one that is refused there leaves nothing", async () => {
    await db.admin.query(
      `insert into platform.tenants (id, slug, name, seal, status, moved_to) select gen_random_uuid(), 'half', 'Half', seal, 'importing', 'big1' from platform.tenants limit 1`,
    );
    await db.admin.query(
      "insert into platform.domains (name, kind, tenant_id, verified_at) select 'half', 'subdomain', id, now() from platform.tenants where slug = 'half'",
    );
    const { tenant, created } = await createTenantIn(home(), "big1", { slug: "half", name: "Half" }, "test");
    expect([created, tenant.status, (await rowIn(big1, tenant.id)).status]).toEqual([true, "active", "active"]);
    await big1.admin.query("update platform.tenants set slug = 'taken-there' where slug = 'half'");
    await expect(createTenantIn(home(), "big1", { slug: "taken-there", name: "T" }, "test")).rejects.toMatchObject({
      kind: "tenantExists",
    });
    await expect(db.tenant("taken-there")).rejects.toMatchObject({ kind: "tenantUnknown" });
  });

  test("is suspended, activated and renamed in both databases", async () => {
    const id = await relocate(db, "shared", big1, "big1", "acme");
    await spreadStatus(home(), "acme", "suspended", "test");
    expect([(await rowIn(db, id)).status, (await rowIn(big1, id)).status]).toEqual(["suspended", "suspended"]);
    const { epoch } = await db.tenant("acme");
    const scope = await db.scope("acme");
    expect(scope.epoch).toBe(epoch);
    await spreadStatus(home(), "acme", "active", "test");
    expect((await rowIn(big1, id)).status).toBe("active");
    await spreadRename(home(), "acme", { slug: "acme-inc", name: "Acme Inc." }, "test");
    expect(await rowIn(big1, id)).toMatchObject({ slug: "acme-inc", name: "Acme Inc." });
    const { rows } = await big1.admin.query(
      "select action, actor from platform.audit_events where tenant_id = $1 and action = 'tenant.suspended'",
      [id],
    );
    expect(rows).toEqual([{ action: "tenant.suspended", actor: "test" }]);
  });

  test("suspended while it moves, it arrives suspended", async () => {
    const id = await arrive(db, "shared", big2, "globex");
    await db.admin.query(
      `insert into platform.moves (id, tenant_id, slug, from_database, to_database, state, token, epoch, forward_name, reverse_name, settings, actor)
       values (gen_random_uuid(), $1, 'globex', 'shared', 'big2', 'copying', gen_random_uuid(), 1, 'f', 'r', '{}', 'test')`,
      [id],
    );
    await spreadStatus(home(), "globex", "suspended", "test");
    expect(await rowIn(big2, id)).toMatchObject({ status: "suspended", moved_to: "shared" });
  });

  test("whose database can't be reached is not suspended by halves", async () => {
    const id = await relocate(db, "shared", big2, "big2", "initech");
    await db.admin.query("update platform.databases set secret_ref = 'env:NOWHERE_AT_ALL' where name = 'big2'");
    await expect(spreadStatus(home(), "initech", "suspended", "test")).rejects.toMatchObject({ kind: "configInvalid" });
    expect((await rowIn(db, id)).status).toBe("active");
  });
});
