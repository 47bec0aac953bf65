import { UUID } from "../db/uuid.ts";
import { RowhouseError } from "../errors.ts";
import type { Host } from "./host.ts";
import type { Registry } from "./registry.ts";
import type { Tenant } from "./tenant.ts";

/** Where a host name leads, before any look-up. */
export type Place =
  | { readonly kind: "platform" | "api" | "home" | "nowhere" }
  | { readonly kind: "subdomain"; readonly label: string }
  | { readonly kind: "custom"; readonly name: string };

/** How a tenant was named. */
export type Signal = "host" | "header" | "token" | "apikey";

/**
 * What a request is addressed to. `platform` is `admin.BASE_DOMAIN`; `api` and `home` (BASE_DOMAIN itself) are without a
 * tenant until a header or a token names one.
 */
export type Site = { readonly kind: "platform" | "api" | "home" } | TenantSite;

export interface TenantSite {
  readonly kind: "tenant";
  readonly tenant: Tenant;
  /** The first signal that named it. */
  readonly via: Signal;
}

/** The tenants that the signals of a request name; a signal that was not sent is left out. */
export interface Selection {
  readonly site: "platform" | "api" | "home" | "tenant";
  readonly host?: Tenant;
  readonly header?: Tenant;
  readonly token?: Tenant;
}

/** Two signals that name different tenants, with both: the edge writes them into the audit trail. */
export class TenantDisagreement extends RowhouseError {
  /** Tenant id, or `platform`, per signal. */
  readonly named: Readonly<Partial<Record<Signal, string>>>;

  constructor(named: Readonly<Partial<Record<Signal, string>>>) {
    super("tenantDisagreement", {
      details: `Signals that disagree: ${Object.keys(named).join(", ")}`,
      hint: "Host, X-Tenant and token must all name the same tenant. Leave out X-Tenant, or use the tenant's own address.",
    });
    this.named = named;
  }
}

/** Pure. `localhost` and `127.0.0.1` are hosts like any other. */
export function placeOf(host: Host, baseDomain: string): Place {
  if (host.kind !== "name") return { kind: "nowhere" };
  if (host.name === baseDomain) return { kind: "home" };
  if (!host.name.endsWith(`.${baseDomain}`)) return { kind: "custom", name: host.name };
  const label = host.name.slice(0, -baseDomain.length - 1);
  if (label === "admin") return { kind: "platform" };
  if (label === "api") return { kind: "api" };
  return label.includes(".") ? { kind: "nowhere" } : { kind: "subdomain", label };
}

/**
 * Selection is not authority, and no signal beats another: all that were sent must agree. Pure.
 * @throws TenantDisagreement; RowhouseError hostUnknown, tenantSuspended (an early answer: `platform.enter()` is the judge)
 */
export function agree({ site, host, header, token }: Selection): Site {
  const named = { host: site === "platform" ? "platform" : host?.id, header: header?.id, token: token?.id };
  const first = named.host ?? named.header ?? named.token;
  if ((named.header ?? first) !== first || (named.token ?? first) !== first)
    throw new TenantDisagreement(Object.fromEntries(Object.entries(named).filter(([, id]) => id !== undefined)));
  const tenant = host ?? header ?? token;
  if (tenant === undefined) {
    if (site === "tenant") throw unknown("hostUnknown");
    return { kind: site };
  }
  if (tenant.status !== "active") {
    throw new RowhouseError("tenantSuspended", { hint: "Its operator can activate it." });
  }
  return { kind: "tenant", tenant, via: host !== undefined ? "host" : header !== undefined ? "header" : "token" };
}

function unknown(kind: "hostUnknown" | "tenantUnknown"): RowhouseError {
  const hint =
    kind === "hostUnknown" ? "Use the address of a tenant, as `rowhouse domain list` shows them." : undefined;
  return new RowhouseError(kind, { hint });
}

/** What lives at a place, in the way of the one of two lookups that it takes; undefined where no tenant can. */
function lookUp<T>(place: Place, subdomain: (label: string) => T, custom: (name: string) => T): T | undefined {
  if (place.kind === "subdomain") return subdomain(place.label);
  if (place.kind === "custom") return custom(place.name);
  return undefined;
}

async function hostTenant(registry: Registry, place: Place): Promise<Tenant | undefined> {
  if (place.kind !== "subdomain" && place.kind !== "custom" && place.kind !== "nowhere") return undefined;
  const tenant = await lookUp(
    place,
    (label) => registry.bySubdomain(label),
    (name) => registry.byCustomDomain(name),
  );
  if (tenant === undefined) throw unknown("hostUnknown");
  return tenant;
}

/** The tenant that lives at a host, suspended or not. @throws RowhouseError hostUnknown */
export const tenantAt = (registry: Registry, baseDomain: string, host: Host): Promise<Tenant | undefined> =>
  hostTenant(registry, placeOf(host, baseDomain));

/** @param text `X-Tenant`: a uuid, or a slug, present or former */
async function headerTenant(registry: Registry, text: string): Promise<Tenant> {
  const wanted = text.trim().toLowerCase();
  const tenant = UUID.test(wanted)
    ? await registry.byId(wanted)
    : /^[a-z0-9-]{1,63}$/.test(wanted)
      ? await registry.bySubdomain(wanted)
      : undefined;
  if (tenant === undefined) throw unknown("tenantUnknown");
  return tenant;
}

/** A token can outlive its tenant. */
async function tokenTenant(registry: Registry, id: string, others: readonly (Tenant | undefined)[]): Promise<Tenant> {
  const tenant = others.find((other) => other?.id === id) ?? (await registry.byId(id));
  if (tenant === undefined) throw unknown("tenantUnknown");
  return tenant;
}

export interface Signals {
  readonly host: Host;
  /** Value of `X-Tenant`. */
  readonly tenantHeader?: string;
  /** Tenant id of a **verified** token or key. */
  readonly tokenTenantId?: string;
}

/**
 * {@link resolveSite} without waiting, for most requests: nothing but the host names their tenant, and it was asked for a moment ago.
 * @returns undefined for any other
 * @throws RowhouseError tenantSuspended
 */
export function knownSite(
  registry: Registry,
  baseDomain: string,
  { host, tenantHeader, tokenTenantId }: Signals,
): Site | undefined {
  if (tenantHeader !== undefined || tokenTenantId !== undefined) return undefined;
  const tenant = lookUp(
    placeOf(host, baseDomain),
    (label) => registry.knownSubdomain(label),
    (name) => registry.knownCustomDomain(name),
  );
  return tenant === undefined ? undefined : agree({ site: "tenant", host: tenant });
}

/**
 * Which tenant, or which place without one, the request is addressed to. Call it again with the token's tenant once the token
 * is verified: what is cached makes that free.
 * @throws RowhouseError hostUnknown, tenantUnknown, tenantSuspended; TenantDisagreement
 */
export async function resolveSite(registry: Registry, baseDomain: string, signals: Signals): Promise<Site> {
  const place = placeOf(signals.host, baseDomain);
  const { tenantHeader, tokenTenantId } = signals;
  const host = await hostTenant(registry, place);
  const header = tenantHeader === undefined ? undefined : await headerTenant(registry, tenantHeader);
  const token = tokenTenantId === undefined ? undefined : await tokenTenant(registry, tokenTenantId, [host, header]);
  const site = place.kind === "platform" || place.kind === "api" || place.kind === "home" ? place.kind : "tenant";
  return agree({ site, host, header, token });
}

/**
 * The tenant, where only a tenant will do.
 * @throws RowhouseError tenantMissing, or hostUnknown on the platform's host
 */
export function requireTenant(site: Site): TenantSite {
  if (site.kind === "tenant") return site;
  if (site.kind === "platform") throw unknown("hostUnknown");
  throw new RowhouseError("tenantMissing", { hint: "Use the tenant's own address, or send X-Tenant or a token." });
}
