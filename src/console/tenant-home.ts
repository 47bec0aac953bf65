import { h } from "preact";
import type { Brand } from "../tenant/brand.ts";
import type { Tenant } from "../tenant/tenant.ts";
import { parseColor } from "./color.ts";
import { codeBlock, initialOf, renderPage, section, type Page } from "./layout.ts";

export interface TenantHome {
  readonly tenant: Tenant;
  readonly brand: Brand;
  /** `https://acme.example.com`, as the visitor came. */
  readonly origin: string;
  /** A table to read from; null when there is none to read. */
  readonly table: string | null;
}

function requestSteps({ tenant, origin, table }: TenantHome) {
  if (table === null) return h("p", null, "There is no table to read yet. Add one by a migration.");
  const curl = `curl '${origin}/rest/v1/${encodeURIComponent(table)}?limit=3' \\\n  -H "Authorization: Bearer $TOKEN"`;
  const client = constantName(tenant);
  const script = [
    'import { env } from "node:process";',
    'import { createClient } from "@supabase/supabase-js";',
    `const ${client} = createClient("${origin}", env.TOKEN);`,
    `const { data, error } = await ${client}`,
    `  .from(${JSON.stringify(table)}).select().limit(3);`,
  ].join("\n");
  return h(
    "ol",
    { class: "steps" },
    h(
      "li",
      null,
      "Get a token for this tenant, from whoever runs the server:",
      codeBlock("Command for a token", `export TOKEN=$(npx rowhouse token ${tenant.slug} --role admin --ttl 1h)`),
    ),
    h("li", null, "Read three rows with curl …", codeBlock("Request with curl", curl)),
    h("li", null, "… or with supabase-js, in a Node project:", codeBlock("Request with supabase-js", script)),
  );
}

/** A slug may hold hyphens, and so is no name in JavaScript. */
const constantName = ({ slug }: Tenant) => slug.replace(/-+(.)/g, (_, letter: string) => letter.toUpperCase());

/** What a browser gets at a tenant's address. */
export function tenantHome(home: TenantHome): Page {
  const { brand, origin } = home;
  return renderPage({
    title: brand.name,
    subtitle: brand.tagline ?? new URL(origin).host,
    mark: initialOf(brand.name),
    color: parseColor(brand.color) ?? undefined,
    sections: [
      section(
        "API",
        h("p", null, h("code", { class: "address" }, `${origin}/rest/v1`)),
        h(
          "p",
          { class: "soft" },
          "It speaks the dialect of PostgREST, so supabase-js and other clients of it work as they are.",
        ),
        h(
          "ul",
          { class: "actions" },
          h("li", null, h("a", { class: "main", href: "/docs" }, "API documentation")),
          h("li", null, h("a", { href: "/openapi.json" }, "OpenAPI description")),
        ),
      ),
      section("First request", requestSteps(home)),
    ],
  });
}
