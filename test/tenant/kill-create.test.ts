import { writeFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ended, start, type Ended } from "../commands/rowhouse.ts";
import { deathsAt, sample } from "../demo/approval.ts";
import { openWire, type Death, type Wire } from "../demo/wire.ts";
import { testDatabase, type DedicatedDatabase, type TestDatabase } from "../harness.ts";

/**
 * `rowhouse tenant create --database` as a process that is killed (SIGKILL) at what it asks of either database, and run again. At every
 * statement with `TEST_CRASHES=all` (`npm run test:crashes`); else at its commits in each way, and at a few others.
 */
let db: TestDatabase;
let big: DedicatedDatabase;
let wires: { readonly home: Wire; readonly there: Wire };
type Side = keyof typeof wires;
interface Point extends Death {
  readonly side: Side;
}
beforeAll(async () => {
  db = await testDatabase();
  big = await db.dedicated("big1");
  wires = { home: await openWire(db.url), there: await openWire(big.url) };
  await writeFile(big.secretRef.replace(/^file:/, ""), wires.there.url);
});
afterAll(async () => {
  await wires?.home[Symbol.asyncDispose]();
  await wires?.there[Symbol.asyncDispose]();
  await db?.close();
});

/** @returns also the signal that ended it */
async function create(slug: string, point: Point | null): Promise<Ended & { signal: string | null }> {
  const args = ["tenant", "create", slug, "--database", "big1", "--admin-email", `ann@${slug}.example`];
  const child = start([...args, "--if-not-exists", "--json"], { env: { DATABASE_URL: wires.home.url } });
  for (const side of ["home", "there"] as const)
    wires[side].arm(point?.side === side ? point : null, () => child.kill("SIGKILL"));
  child.stdin.end();
  return { ...(await ended(child)), signal: child.signalCode };
}

/** What there is of it, by how many of its three transactions were committed: the entry, the tenant where it lives, and that it is served. */
const NOTHING = { status: null, addresses: 0, told: 0, there: { tenants: 0, addresses: 0, settings: 0, users: 0 } };
const ENTRY = { ...NOTHING, status: "importing", addresses: 1 };
const FILLED = { ...ENTRY, there: { tenants: 1, addresses: 1, settings: 1, users: 1 } };
const SERVED = { ...FILLED, status: "active", told: 1 };
const STAGES = [NOTHING, ENTRY, FILLED, SERVED];

async function findMade(slug: string) {
  const { rows } = await db.admin.query<{ id: string; seal: Buffer; epoch: string }>(
    `select t.id, t.seal, t.epoch::text, (select status from platform.tenants where slug = $1) as status,
       (select count(*)::integer from platform.domains where name = $1) as addresses,
       (select count(*)::integer from platform.webhook_events where type = 'tenant.created' and payload ->> 'slug' = $1) as told
     from (select $1::text as slug) s left join platform.tenants t using (slug)`,
    [slug],
  );
  const { id, seal, epoch, ...home } = rows[0]!;
  const there = await big.admin.query(
    `select (select count(*)::integer from platform.tenants where slug = $1 and id = $2 and seal = $3 and epoch = $4) as tenants,
       (select count(*)::integer from platform.domains where name = $1) as addresses,
       (select count(*)::integer from tenant.settings where tenant_id = $2) as settings,
       (select count(*)::integer from tenant.users where email = 'ann@' || $1 || '.example') as users`,
    [slug, id, seal, epoch],
  );
  return { ...home, there: there.rows[0] as object };
}

const commitsOf = (statements: readonly string[]) => statements.filter((text) => text === "commit").length;

/** A commit that the server never got has not happened; one that it was working on may have. */
function allowedAfter({ side, when }: Point): unknown[] {
  const asked = commitsOf(wires.home.statements()) + commitsOf(wires.there.statements());
  const isAtCommit = wires[side].statements().at(-1) === "commit";
  if (!isAtCommit || when === "after") return [STAGES[asked]];
  return when === "before" ? [STAGES[asked - 1]] : [STAGES[asked - 1], STAGES[asked]];
}

test("killed at its statements and run again: one tenant, in both databases", { timeout: 1_800_000 }, async () => {
  const whole = await create("whole", null);
  expect({ code: whole.code, made: await findMade("whole") }).toEqual({ code: 0, made: SERVED });
  const asked = { home: [...wires.home.statements()], there: [...wires.there.statements()] };
  expect([commitsOf(asked.home), commitsOf(asked.there)]).toEqual([2, 1]);

  const all = (["home", "there"] as const).flatMap((side) =>
    deathsAt(asked[side]).map((death): Point => ({ ...death, side })),
  );
  const points = sample(all, 2, ({ side, at }) => asked[side][(at as number) - 1] === "commit");
  console.log(`${points.length} of ${all.length} boundaries`);
  for (const point of points) {
    const slug = `killed-${point.side}-${point.at}-${point.when}`;
    const killed = await create(slug, point);
    expect({ slug, signal: killed.signal, stdout: killed.stdout }).toEqual({ slug, signal: "SIGKILL", stdout: "" });
    const left = await findMade(slug);
    expect({ slug, allowed: allowedAfter(point) }).toEqual({
      slug,
      allowed: expect.arrayContaining([left]) as unknown,
    });

    const again = await create(slug, null);
    expect({ slug, code: again.code, ...(await findMade(slug)) }).toEqual({ slug, code: 0, ...SERVED });
    expect(again.json()).toMatchObject({ slug, status: "active", movedTo: "big1" });
  }
});
