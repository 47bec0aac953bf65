import * as crypto from "node:crypto";
import { availableParallelism } from "node:os";
import { promisify } from "node:util";
import { openFairShare } from "../db/fair-share.ts";

/** Parameters of a hash, as its PHC string names them. */
export interface Argon2Cost {
  readonly kind: "argon2id";
  /** KiB */
  readonly m: number;
  readonly t: number;
  readonly p: number;
}
export interface ScryptCost {
  readonly kind: "scrypt";
  /** N as a power of two. */
  readonly ln: number;
  readonly r: number;
  readonly p: number;
}
export type Cost = Argon2Cost | ScryptCost;

interface Parsed {
  readonly cost: Cost;
  readonly salt: Buffer;
  readonly hash: Buffer;
}

/** What RFC 9106 and OWASP's cheat sheet give as the least for argon2id, and for scrypt. */
const ARGON2: Cost = { kind: "argon2id", m: 19_456, t: 2, p: 1 };
const SCRYPT: Cost = { kind: "scrypt", ln: 17, r: 8, p: 1 };
/** Node has it with OpenSSL 3.2 and later only. */
export const PREFERRED: Cost = typeof crypto.argon2 === "function" ? ARGON2 : SCRYPT;

const HASH_BYTES = 32;
const PHC_ARGON2 = /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,2})\$([\w+/]{8,88})\$([\w+/]{16,88})$/;
const PHC_SCRYPT = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([\w+/]{8,88})\$([\w+/]{16,88})$/;

/**
 * Each takes a core and 19 to 128 MiB: no more at once than there are cores, and who waits too long is sent away (CWE-400). One tenant's
 * guesses keep no other's users out (threats.md, H23).
 */
const share = openFairShare({
  places: availableParallelism(),
  most: availableParallelism(),
  waitMs: 5000,
  hint: "Try again in a moment.",
});

async function derive(
  password: string,
  { salt, cost }: Pick<Parsed, "salt" | "cost">,
  bytes: number,
  whose: string,
): Promise<Buffer> {
  // Two ways to type the same letter must not make two passwords (RFC 8265 4.2).
  const message = Buffer.from(password.normalize("NFC"), "utf8");
  const turn = await share.enter(whose);
  try {
    if (cost.kind === "argon2id") {
      const { m: memory, t: passes, p: parallelism } = cost;
      const parameters = { message, nonce: salt, memory, passes, parallelism, tagLength: bytes };
      return Buffer.from(await promisify(crypto.argon2)("argon2id", parameters));
    }
    const N = 2 ** cost.ln;
    return await new Promise((resolve, reject) => {
      const options = { N, r: cost.r, p: cost.p, maxmem: 256 * N * cost.r };
      crypto.scrypt(message, salt, bytes, options, (error, key) => (error === null ? resolve(key) : reject(error)));
    });
  } finally {
    turn.end();
  }
}

const unpadded = (bytes: Buffer) => bytes.toString("base64").replace(/=+$/, "");

function formatPhc({ cost, salt, hash }: Parsed): string {
  const head =
    cost.kind === "argon2id"
      ? `$argon2id$v=19$m=${cost.m},t=${cost.t},p=${cost.p}`
      : `$scrypt$ln=${cost.ln},r=${cost.r},p=${cost.p}`;
  return `${head}$${unpadded(salt)}$${unpadded(hash)}`;
}

function parsePhc(text: string): Parsed | null {
  const argon2 = PHC_ARGON2.exec(text);
  const found = argon2 ?? PHC_SCRYPT.exec(text);
  if (found === null) return null;
  const [a, b, p] = [Number(found[1]), Number(found[2]), Number(found[3])];
  const cost: Cost = argon2 === null ? { kind: "scrypt", ln: a, r: b, p } : { kind: "argon2id", m: a, t: b, p };
  return { cost, salt: Buffer.from(found[4]!, "base64"), hash: Buffer.from(found[5]!, "base64") };
}

/**
 * @param whose tenant, in whose line it waits; left out for operators and commands, which have one together
 * @returns a PHC string, as `$argon2id$v=19$m=19456,t=2,p=1$salt$hash`
 * @throws RowhouseError busy
 */
export async function hashPassword(password: string, whose = "", cost: Cost = PREFERRED): Promise<string> {
  const salt = crypto.randomBytes(16);
  return formatPhc({ cost, salt, hash: await derive(password, { salt, cost }, HASH_BYTES, whose) });
}

export interface PasswordCheck {
  readonly matches: boolean;
  /** It was hashed with other parameters than today's: worth hashing again now that it is at hand. */
  readonly isStale: boolean;
}

/** Nobody's password: what a guess at an unknown user is compared with, for as long as at a known one (threats.md H24). */
const NOBODY = formatPhc({ cost: PREFERRED, salt: crypto.randomBytes(16), hash: crypto.randomBytes(HASH_BYTES) });

/**
 * @param phc the user's; null where there is no user or no password, which takes as long
 * @param whose as for {@link hashPassword}
 * @throws RowhouseError busy
 */
export async function checkAgainst(password: string, phc: string | null, whose = ""): Promise<PasswordCheck> {
  const known = phc === null ? null : parsePhc(phc);
  const { cost, salt, hash } = known ?? parsePhc(NOBODY)!;
  const derived = await derive(password, { salt, cost }, hash.length, whose);
  const matches = crypto.timingSafeEqual(derived, hash) && known !== null;
  return { matches, isStale: JSON.stringify(cost) !== JSON.stringify(PREFERRED) };
}
