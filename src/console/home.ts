import type { Relation, Served } from "../catalog/catalog.ts";
import { readBrand, type ReadAnonymously } from "../tenant/brand.ts";
import type { Site } from "../tenant/resolve.ts";
import type { Tenant } from "../tenant/tenant.ts";
import type { Page } from "./layout.ts";
import { platformHome } from "./platform-home.ts";
import { tenantHome } from "./tenant-home.ts";
import { apiPage, welcomePage } from "./welcome.ts";

export interface HomeSources {
  readonly read: ReadAnonymously;
  readonly served: () => Served;
  readonly listTenants: () => Promise<Tenant[]>;
  readonly publicUrl: URL;
}

export interface Visit {
  readonly site: Site;
  /** `https://acme.example.com`, as the visitor came. */
  readonly origin: string;
  /** Whether the visitor sits at this machine. */
  readonly isLocal: boolean;
}

/** The first table that can be read, for the example on the page. */
function exampleTable({ catalogs }: Served): string | null {
  const { relations } = catalogs.values().next().value ?? { relations: new Map<string, Relation>() };
  for (const { name, hasTenant, verbs } of relations.values()) {
    if (hasTenant && verbs.has("select")) return name;
  }
  return null;
}

/**
 * Without sign-in, tenants are listed to somebody at the machine only, and only where no public name leads: behind a proxy that
 * adds no header, everybody seems to be local.
 */
const mayList = ({ publicUrl }: HomeSources, { isLocal }: Visit) =>
  isLocal && /(^|\.)localhost$/.test(publicUrl.hostname);

/**
 * What stands at `/` of each kind of host.
 * @throws RowhouseError as reading the brand does
 */
export async function homePage(sources: HomeSources, visit: Visit): Promise<Page> {
  const { site, origin } = visit;
  switch (site.kind) {
    case "tenant": {
      const { tenant } = site;
      const brand = await readBrand(sources.read, tenant);
      return tenantHome({ tenant, brand, origin, table: exampleTable(sources.served()) });
    }
    case "platform": {
      const tenants = mayList(sources, visit) ? await sources.listTenants() : null;
      return platformHome({ tenants, publicUrl: sources.publicUrl });
    }
    case "api":
      return apiPage(sources.publicUrl);
    case "home":
      return welcomePage(sources.publicUrl);
  }
}
