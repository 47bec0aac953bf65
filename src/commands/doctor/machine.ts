import * as crypto from "node:crypto";
import { lookup } from "node:dns/promises";
import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { readConfig, type Config } from "../../config.ts";
import { lockHolder } from "../../embedded/lock.ts";
import { tryPort } from "../port.ts";
import { formatBytes } from "../progress.ts";
import { error, ok, warn, type Fact } from "./fact.ts";

const OLDEST_NODE = 24;
const LOW_BYTES = 1e9;
const FULL_BYTES = 100e6;

function examineNode(): Fact {
  const { node } = process.versions;
  if (Number.parseInt(node, 10) >= OLDEST_NODE) return ok("node", node);
  return error("node", node, `Install Node ${OLDEST_NODE} or newer, or start with \`npm start\`, which brings one.`);
}

/** Node has argon2 only where its OpenSSL does, from 3.2 on. */
function examineOpenssl(): Fact {
  const { openssl } = process.versions;
  if ("argon2" in crypto) return ok("openssl", `${openssl}, with argon2`);
  return warn(
    "openssl",
    `${openssl}, without argon2`,
    "Passwords are hashed by scrypt. A Node from nodejs.org has argon2.",
  );
}

/** The folder itself may not be there yet. */
async function findDisk(folder: string): Promise<{ folder: string; free: number }> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return { folder, free: bavail * bsize };
  } catch (cause) {
    if (dirname(folder) === folder) throw cause;
    return findDisk(dirname(folder));
  }
}

async function examineDisk({ dataDir }: Config): Promise<Fact> {
  const { folder, free } = await findDisk(dataDir);
  const found = `${formatBytes(free)} free in ${folder}`;
  const fix = "Make room, or choose another folder with ROWHOUSE_DATA.";
  if (free < FULL_BYTES) return error("disk", found, fix);
  return free < LOW_BYTES ? warn("disk", found, fix) : ok("disk", found);
}

async function examinePort({ HOST, PORT, dataDir }: Config): Promise<Fact> {
  const problem = PORT === 0 ? null : await tryPort(HOST, PORT);
  if (problem === null) return ok("port", `${HOST}:${PORT} is free`);
  const holder = await lockHolder(dataDir).catch(() => null);
  if (holder?.url !== undefined && new URL(holder.url).port === String(PORT))
    return ok("port", `${PORT}: this Rowhouse, process ${holder.pid}`);
  return warn(
    "port",
    `${HOST}:${PORT} can't be listened on: ${problem}`,
    `Choose another one: --port ${PORT + 1}, or PORT=${PORT + 1}.`,
  );
}

/** Browsers and curl take *.localhost for this machine by themselves (RFC 6761 6.3); many resolvers, and Node with them, don't. */
async function examineNames({ BASE_DOMAIN }: Config): Promise<Fact> {
  const name = `acme.${BASE_DOMAIN}`;
  try {
    const { address } = await lookup(name);
    return ok("names", `${name} is ${address}`);
  } catch {
    const fix =
      BASE_DOMAIN === "localhost"
        ? `Browsers and curl reach it all the same. From Node, use http://${BASE_DOMAIN} with the tenant's token, or add ${name} to /etc/hosts.`
        : `Add a wildcard record *.${BASE_DOMAIN} to your DNS.`;
    return warn("names", `${name} does not resolve here`, fix);
  }
}

/** What can be seen without a database. Never throws but for settings that can't be read. */
export async function examineMachine(): Promise<Fact[]> {
  const config = readConfig();
  return [
    examineNode(),
    examineOpenssl(),
    await examineDisk(config),
    await examinePort(config),
    await examineNames(config),
  ];
}
