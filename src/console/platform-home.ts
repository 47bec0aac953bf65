import { h } from "preact";
import { originUnder } from "../tenant/origin.ts";
import type { Tenant } from "../tenant/tenant.ts";
import { codeBlock, renderPage, section, type Page } from "./layout.ts";

export interface PlatformHome {
  /** Null when this visitor may not see them. */
  readonly tenants: readonly Tenant[] | null;
  /** Public address of BASE_DOMAIN. */
  readonly publicUrl: URL;
}

/** What to do next, and the command that does it. */
const NEXT = [
  [
    "Make a tenant, with its address, settings and first user:",
    "npx rowhouse tenant create hooli --name 'Hooli' \\\n  --admin-email you@hooli.example",
  ],
  ["Sign a token for its API:", "npx rowhouse token hooli --role admin --ttl 1h"],
  ["Serve it at a domain of its own:", "npx rowhouse domain add hooli shop.hooli.example"],
  ["Take one consistent archive of one tenant, at any moment:", "npx rowhouse export acme -o acme.rowhouse"],
  ["Check that every table keeps its tenants apart:", "npx rowhouse check"],
] as const;

function tenantRow(publicUrl: URL, { slug, name, status }: Tenant) {
  const href = `${originUnder({ publicUrl }, slug)}/`;
  return h(
    "tr",
    null,
    h("td", null, name),
    h("td", null, h("a", { href }, new URL(href).host)),
    h("td", null, h("span", { class: status === "active" ? "state" : "state off" }, status)),
  );
}

function tenantList({ tenants, publicUrl }: PlatformHome) {
  if (tenants === null) {
    return h(
      "p",
      null,
      "Tenants are listed to the operator, at the machine itself: ",
      h("code", null, "rowhouse tenant list"),
      ".",
    );
  }
  if (tenants.length === 0) return h("p", null, "There is none yet. The first command below makes one.");
  const head = h(
    "tr",
    null,
    h("th", { scope: "col" }, "Name"),
    h("th", { scope: "col" }, "Address"),
    h("th", { scope: "col" }, "Status"),
  );
  const rows = tenants.map((tenant) => tenantRow(publicUrl, tenant));
  return h("table", null, h("thead", null, head), h("tbody", null, ...rows));
}

/** What a browser gets at `admin.BASE_DOMAIN`. */
export function platformHome(home: PlatformHome): Page {
  const next = NEXT.map(([purpose, command]) => h("li", null, purpose, codeBlock(purpose, command)));
  return renderPage({
    title: "Rowhouse platform",
    subtitle: `admin.${home.publicUrl.host}`,
    mark: "R",
    sections: [section("Tenants", tenantList(home)), section("What to do next", h("ol", { class: "steps" }, ...next))],
  });
}
