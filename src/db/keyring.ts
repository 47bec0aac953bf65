import { createHash, createHmac, pbkdf2Sync, randomBytes, scryptSync } from "node:crypto";
import { LRUCache } from "lru-cache";
import { RowhouseError } from "../errors.ts";

/** Everything that is derived from the deployment's one secret. The secret itself is not kept. */
export interface Keyring {
  /** Password of a database role. */
  rolePassword(role: string): string;
  /** The secret that opens a tenant's context: 32 bytes. The registry keeps its SHA-256 (see {@link sealOf}). */
  tenantSecret(tenantId: string): Buffer;
  /** Seed of the Ed25519 key that signs archives and receipts: 32 bytes (RFC 8032, 5.1.5). */
  archiveSeed(): Buffer;
}

/**
 * @param secret ROWHOUSE_SECRET, or the password in DATABASE_URL
 * @throws RowhouseError configInvalid when there is none: a role must not get a password that anyone can work out
 */
export function openKeyring(secret: string | undefined): Keyring {
  if (secret === undefined || secret === "") {
    throw new RowhouseError("configInvalid", {
      message: "No secret to derive the passwords of the database roles from",
      hint: "Set ROWHOUSE_SECRET (16 characters or more), or put a password into DATABASE_URL.",
    });
  }
  // Slow on purpose: a leaked role password must not lead back to a guessable secret.
  const master = scryptSync(secret, "rowhouse", 32);
  const derive = (label: string) => createHmac("sha256", master).update(label).digest();
  const secrets = new LRUCache<string, Buffer>({ max: 10_000 });
  return {
    rolePassword: (role) => derive(`role:${role}`).toString("base64url"),
    tenantSecret: (tenantId) => {
      let found = secrets.get(tenantId);
      if (found === undefined) secrets.set(tenantId, (found = derive(`tenant:${tenantId}`)));
      return found;
    },
    archiveSeed: () => derive("archive-signing"),
  };
}

/** What the registry keeps of a tenant's secret. */
export function sealOf(secret: Buffer): Buffer {
  return createHash("sha256").update(secret).digest();
}

/**
 * The verifier that PostgreSQL stores for a password (RFC 5803 form), so that the password never stands in a statement or a
 * server log.
 */
export function scramVerifier(password: string): string {
  const iterations = 4096;
  const salt = randomBytes(16);
  const salted = pbkdf2Sync(password, salt, iterations, 32, "sha256");
  const hmac = (text: string) => createHmac("sha256", salted).update(text).digest();
  const storedKey = createHash("sha256").update(hmac("Client Key")).digest("base64");
  const serverKey = hmac("Server Key").toString("base64");
  return `SCRAM-SHA-256$${iterations}:${salt.toString("base64")}$${storedKey}:${serverKey}`;
}
