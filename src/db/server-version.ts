import type pg from "pg";
import { RowhouseError } from "../errors.ts";

/**
 * First minor of each major without known holes in row-level security (CVE-2026-120154, CVE-2026-14666 and others,
 * PostgreSQL releases of 2026-11-12). Below it, plain SQL can read another tenant's row.
 */
const FLOORS: ReadonlyMap<number, number> = new Map([
  [15, 20],
  [16, 16],
  [17, 12],
  [18, 7],
]);
const OLDEST = 15;

export interface ServerVersion {
  readonly major: number;
  readonly minor: number;
  readonly text: string;
  /** The version to upgrade to, when this one has known holes; null when it has none. */
  readonly floor: string | null;
}

/** Pure: what `server_version_num` (150018) says. Majors newer than the table are taken as safe. */
export function parseServerVersion(number: number): ServerVersion {
  const major = Math.floor(number / 10_000);
  const minor = number % 10_000;
  const floor = FLOORS.get(major);
  return {
    major,
    minor,
    text: `${major}.${minor}`,
    floor: floor !== undefined && minor < floor ? `${major}.${floor}` : null,
  };
}

/**
 * @throws RowhouseError databaseTooOld below PostgreSQL 15, whose foreign keys can't set a single column to null and whose
 * publications have no row filter
 */
export async function readServerVersion(client: pg.ClientBase): Promise<ServerVersion> {
  const { rows } = await client.query<{ number: string }>("select current_setting('server_version_num') as number");
  const version = parseServerVersion(Number(rows[0]?.number));
  if (version.major < OLDEST) {
    throw new RowhouseError("databaseTooOld", {
      message: `PostgreSQL ${version.text} is too old`,
      hint: `Use PostgreSQL ${OLDEST} or newer.`,
    });
  }
  return version;
}
