import { readFile, stat } from "node:fs/promises";
import { RowhouseError } from "../errors.ts";
import { run, type RunAs } from "./process.ts";

/** Made when neither it nor `postgres` exists. */
const OWN_USER = "rowhouse";

/** Whether we are root, as which PostgreSQL refuses to run. Never on Windows. */
export function isRoot(): boolean {
  return process.geteuid?.() === 0;
}

async function systemUsers(): Promise<RunAs[]> {
  const text = await readFile("/etc/passwd", "utf8").catch(() => "");
  return text.split("\n").flatMap((line) => {
    const [name, , uid, gid] = line.split(":");
    return name && uid && gid ? [{ name, uid: Number(uid), gid: Number(gid) }] : [];
  });
}

async function makeUser(): Promise<RunAs> {
  const options = [
    "--system",
    "--user-group",
    "--no-create-home",
    "--home-dir",
    "/nonexistent",
    "--shell",
    "/bin/false",
  ];
  const made = await run("useradd", [...options, OWN_USER]);
  const user = (await systemUsers()).find(({ name }) => name === OWN_USER);
  if (user !== undefined) return user;
  throw new RowhouseError("embeddedFailed", {
    message: "PostgreSQL does not run as root, and no other user for it could be made",
    details: made.output,
    hint: `Make a system user named ${OWN_USER} or postgres, run Rowhouse as another user, or set DATABASE_URL.`,
  });
}

/**
 * The user that runs PostgreSQL: as root the owner of the data, `postgres`, or `rowhouse`, which is made if need be;
 * otherwise `null`, which is ourselves.
 * @param cluster the database's folder, if there is one
 * @throws RowhouseError embeddedFailed
 */
export async function chooseUser(cluster: string | null): Promise<RunAs | null> {
  if (!isRoot()) return null;
  const users = await systemUsers();
  const owner = cluster === null ? null : await stat(cluster).catch(() => null);
  if (owner !== null && owner.uid !== 0) {
    const name = users.find(({ uid }) => uid === owner.uid)?.name ?? `uid ${owner.uid}`;
    return { uid: owner.uid, gid: owner.gid, name };
  }
  const byName = (wanted: string) => users.find(({ name, uid }) => name === wanted && uid !== 0);
  return byName("postgres") ?? byName(OWN_USER) ?? (await makeUser());
}

/** Whether the user can go to the folder. Tried, not worked out: modes, ACLs and mounts all have a say. */
export async function canEnter(user: RunAs, folder: string): Promise<boolean> {
  return (await run("/bin/sh", ["-c", 'cd "$1"', "sh", folder], { user })).ok;
}
