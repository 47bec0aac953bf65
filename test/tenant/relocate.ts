import type { DedicatedDatabase, TestDatabase } from "../harness.ts";

type Side = Pick<TestDatabase, "admin"> | Pick<DedicatedDatabase, "admin">;

export const RUN = "00000000-0000-4000-8000-00000000aaaa";

/** The tenant's row at the target, as a move makes it before it copies. */
export async function arrive(source: Side, sourceName: string, target: Side, slug: string): Promise<string> {
  const { rows } = await source.admin.query(
    "select id, slug, name, status, epoch, seal from platform.tenants where slug = $1",
    [slug],
  );
  const { id, name, status, epoch, seal } = rows[0];
  await target.admin.query(
    `insert into platform.tenants (id, slug, name, status, epoch, seal, moved_to, arriving) values ($1, $2, $3, $4, $5, $6, $7, $8)
     on conflict (id) do update set arriving = excluded.arriving`,
    [id, slug, name, status, epoch, seal, sourceName, RUN],
  );
  return id;
}

/** Writes wait from here on, for so long at most. */
export async function fence(source: Side, id: string, ms: number): Promise<void> {
  await source.admin.query("select platform.fence_tenant($1, $2, $3, '1s')", [id, RUN, ms]);
}

/** The commit point. @returns the new epoch */
export async function release(source: Side, id: string, to: string): Promise<string> {
  const { rows } = await source.admin.query("select platform.release_tenant($1, $2, $3) as epoch", [id, RUN, to]);
  return rows[0].epoch;
}

export async function activate(target: Side, id: string, epoch: string): Promise<void> {
  await target.admin.query("select platform.activate_tenant($1, $2)", [id, epoch]);
}

/** The registry's row, when it is neither source nor target. */
export async function flip(home: Side, id: string, to: string, epoch: string): Promise<void> {
  await home.admin.query("update platform.tenants set moved_to = $2, epoch = $3 where id = $1 and epoch < $3", [
    id,
    to,
    epoch,
  ]);
}

/** A whole move, without any row but the tenant's own. */
export async function relocate(
  source: Side,
  sourceName: string,
  target: Side,
  targetName: string,
  slug: string,
): Promise<string> {
  const id = await arrive(source, sourceName, target, slug);
  await fence(source, id, 60_000);
  const epoch = await release(source, id, targetName);
  await activate(target, id, epoch);
  return id;
}

/** Runs SQL without a word to the servers, as when a notification is lost. */
export async function silently({ admin }: Side, work: () => Promise<unknown>): Promise<void> {
  await admin.query("set session_replication_role = replica");
  await work();
  await admin.query("reset session_replication_role");
}
