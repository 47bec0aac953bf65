import type { ConnectionPool } from "../db/connections.ts";
import { findTenant } from "../tenant/change.ts";
import { findDatabase, openEntry } from "../tenant/databases.ts";
import { deleteMovedTenant, deleteTenant } from "../tenant/delete.ts";
import type { Home } from "../tenant/spread.ts";
import { makeReceipt, renderReceipt, type Receipt } from "./receipt.ts";
import { openSigner } from "./sign.ts";

/** The database where a tenant's rows are. */
export interface ErasurePlace extends AsyncDisposable {
  readonly address: string;
  /** Connections of rowhouse_platform. */
  readonly pool: ConnectionPool;
  readonly isHome: boolean;
}

/** @throws RowhouseError tenantUnknown, databaseUnknown, configInvalid */
export async function openErasurePlace({ platform, database }: Home, slug: string): Promise<ErasurePlace> {
  const { movedTo } = await findTenant(platform, slug);
  if (movedTo === null)
    return { address: database.address, pool: platform, isHome: true, [Symbol.asyncDispose]: async () => {} };
  const there = openEntry(database, await findDatabase(platform, movedTo));
  const pool = there.openPool("rowhouse_platform", { max: 2 });
  return { address: there.address, pool, isHome: false, [Symbol.asyncDispose]: () => pool.end() };
}

/** What a deletion leaves: the receipt, its text as a file has it, and who signed. */
export interface SignedReceipt {
  readonly receipt: Receipt;
  readonly text: string;
  /** SSHSIG, as in the file. */
  readonly signature: string;
  /** Of the key that signed. */
  readonly fingerprint: string;
}

/**
 * Deletes a tenant wherever it lives, and signs a receipt of what went.
 * @throws RowhouseError as deleteTenant does
 */
export async function eraseTenant(
  home: Home,
  place: ErasurePlace,
  slug: string,
  actor: string,
): Promise<SignedReceipt> {
  const { platform, database } = home;
  const erasure = place.isHome
    ? await deleteTenant(platform, database.keyring, slug, actor)
    : await deleteMovedTenant(platform, place.pool, database.keyring, slug, actor);
  const signer = openSigner(database.keyring);
  const receipt = makeReceipt(erasure, place.address, actor);
  const text = renderReceipt(receipt, signer);
  const { signature } = JSON.parse(text) as { signature: string };
  return { receipt, text, signature, fingerprint: signer.key.fingerprint };
}
