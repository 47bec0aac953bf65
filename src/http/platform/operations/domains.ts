import { z } from "zod";
import { addDomain, listDomains, removeDomain, setPrimaryDomain, verifyDomain } from "../../../tenant/domains.ts";
import { operation, type Operation } from "../operation.ts";
import { tenantOf, type PlatformSources } from "../sources.ts";
import { time } from "./shapes.ts";

const tag = "Domains";
const record = z.object({ name: z.string(), type: z.literal("TXT"), value: z.string() });
const domain = z.object({
  name: z.string(),
  kind: z.enum(["subdomain", "custom"]),
  tenantId: z.uuid(),
  tenant: z.string(),
  isPrimary: z.boolean(),
  verifiedAt: time.nullable(),
  record: record.nullable().describe("The record that has to stand in DNS; null where none is needed any more"),
});
const path = "/tenants/:tenant/domains/:domain";

export const domainOperations = (sources: PlatformSources): Operation[] => {
  const pool = sources.home.platform;
  const change = (method: "POST" | "DELETE", verb: string, summary: string, run: typeof setPrimaryDomain) =>
    operation({
      method,
      path: path + verb,
      tag,
      summary,
      permission: "domains.write",
      answer: domain,
      handle: async (call) => {
        const { slug } = await tenantOf(sources, call);
        return { body: await run(pool, slug, call.params["domain"]!, call.actor) };
      },
    });
  return [
    operation({
      method: "GET",
      path: "/tenants/:tenant/domains",
      tag,
      summary: "Addresses of a tenant",
      permission: "domains.read",
      answer: z.array(domain),
      handle: async (call) => ({ body: await listDomains(pool, (await tenantOf(sources, call)).slug) }),
    }),
    operation({
      method: "POST",
      path: "/tenants/:tenant/domains",
      tag,
      summary: "Claim a custom domain; the answer has the TXT record to set, a new one at each attempt",
      permission: "domains.write",
      status: 201,
      body: z.strictObject({ name: z.string().min(1).max(253) }),
      answer: domain,
      handle: async (call) => {
        const { slug } = await tenantOf(sources, call);
        const added = await addDomain(pool, slug, call.body.name, sources.baseDomain, call.actor);
        return { body: added, location: `/tenants/${slug}/domains/${added.name}` };
      },
    }),
    change("POST", "/verify", "Look for the record in DNS, and serve the tenant there from then on", verifyDomain),
    change("POST", "/primary", "Lead the tenant's links to this address", setPrimaryDomain),
    change("DELETE", "", "Give a domain up; no other tenant may claim it for a week", removeDomain),
  ];
};
