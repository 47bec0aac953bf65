import { z } from "zod";
import { eraseTenant, openErasurePlace } from "../../../archive/erase.ts";
import { inPlatformTransaction } from "../../../db/transaction.ts";
import { RowhouseError } from "../../../errors.ts";
import { findPlan } from "../../../plan/plans.ts";
import { subscribe } from "../../../plan/subscription.ts";
import { pageTenants } from "../../../tenant/change.ts";
import { createTenantIn } from "../../../tenant/create-elsewhere.ts";
import { createTenant, type NewTenant } from "../../../tenant/create.ts";
import { HOME } from "../../../tenant/databases.ts";
import { originUnder } from "../../../tenant/origin.ts";
import { changeProfile, readProfile, writeProfile, type TenantProfile } from "../../../tenant/profile.ts";
import { spreadRename, spreadStatus } from "../../../tenant/spread.ts";
import type { Tenant } from "../../../tenant/tenant.ts";
import { operation, type Operation } from "../operation.ts";
import { tenantOf, type PlatformSources } from "../sources.ts";
import { email, location, page, paged, personName, profile, slug, tenant } from "./shapes.ts";

const tag = "Tenants";
const described = tenant.extend({ profile: profile.required() });
const description = profile.shape;

const newTenant = z.strictObject({
  slug,
  name: personName,
  plan: z.string().min(1).max(63).optional(),
  trialEndsAt: z.iso.datetime().optional(),
  adminEmail: email.optional().describe("First user, with the membership role owner"),
  database: z.string().min(1).max(63).optional().describe("The database that it lives in from the start"),
  locations: z.array(location).max(1000).optional(),
  ...description,
});

const show = (sources: PlatformSources, found: Tenant) => ({ ...found, url: originUnder(sources, found.slug) });

async function describe(sources: PlatformSources, found: Tenant) {
  return { ...show(sources, found), profile: await readProfile(sources.home.platform, found.id) };
}

async function create(
  sources: PlatformSources,
  { plan, trialEndsAt, database, slug: label, name, adminEmail, locations, ...rest }: z.output<typeof newTenant>,
  actor: string,
): Promise<Tenant> {
  const { home } = sources;
  const change = trialEndsAt === undefined ? {} : ({ status: "trial", trialEndsAt } as const);
  const inside = plan === undefined ? [] : [subscribe(await findPlan(home.platform, plan), change)];
  const wanted: NewTenant = { slug: label, name, adminEmail, locations, inside };
  const about = Object.values(rest).some((value) => value != null) ? rest : undefined;
  if (database === undefined || database === HOME) {
    const made = await createTenant(home.platform, home.database.keyring, { ...wanted, profile: about }, actor);
    return made.tenant;
  }
  const made = await createTenantIn(home, database, wanted, actor);
  if (about !== undefined)
    await inPlatformTransaction(home.platform, actor, (client) => writeProfile(client, made.tenant.id, about));
  return made.tenant;
}

const statusOperation = (sources: PlatformSources, verb: "suspend" | "activate"): Operation =>
  operation({
    method: "POST",
    path: `/tenants/:tenant/${verb}`,
    tag,
    summary:
      verb === "suspend" ? "Refuse its requests from now on, whatever tokens they carry" : "Serve its requests again",
    permission: "tenants.suspend",
    answer: tenant,
    handle: async (call) => {
      const found = await tenantOf(sources, call);
      const status = verb === "suspend" ? "suspended" : "active";
      return { body: show(sources, await spreadStatus(sources.home, found.slug, status, call.actor)) };
    },
  });

const changeOperation = (sources: PlatformSources): Operation =>
  operation({
    method: "PATCH",
    path: "/tenants/:tenant",
    tag,
    summary: "Rename it, or change what is known about it; a former slug goes on leading to it",
    permission: "tenants.update",
    body: z.strictObject({ slug: slug.optional(), name: personName.optional(), ...description }),
    answer: described,
    handle: async (call) => {
      const { slug: label, name, ...about } = call.body;
      let found = await tenantOf(sources, call);
      if (label !== undefined || name !== undefined)
        found = await spreadRename(sources.home, found.slug, { slug: label, name }, call.actor);
      if (Object.keys(about).length > 0)
        await inPlatformTransaction(sources.home.platform, call.actor, (client) =>
          changeProfile(client, found.id, about),
        );
      return { body: await describe(sources, found) };
    },
  });

const deleteOperation = (sources: PlatformSources): Operation =>
  operation({
    method: "DELETE",
    path: "/tenants/:tenant",
    tag,
    summary: "Delete it and every row of it; the answer is a signed receipt of what went",
    permission: "tenants.delete",
    query: z.object({ confirm: z.string().max(63).describe("The slug once more") }),
    answer: z.object({ receipt: z.looseObject({}), signature: z.string(), fingerprint: z.string() }),
    handle: async (call) => {
      const { slug: label } = await tenantOf(sources, call);
      if (call.query.confirm !== label)
        throw new RowhouseError("confirmationMissing", { message: `confirm is not ${label}; nothing was deleted` });
      await using place = await openErasurePlace(sources.home, label);
      const { receipt, signature, fingerprint } = await eraseTenant(sources.home, place, label, call.actor);
      return { body: { receipt, signature, fingerprint } };
    },
  });

export const tenantOperations = (sources: PlatformSources): Operation[] => [
  operation({
    method: "GET",
    path: "/tenants",
    tag,
    summary: "Tenants, by slug",
    permission: "tenants.read",
    query: page.extend({
      status: tenant.shape.status.optional(),
      search: z.string().min(1).max(100).optional().describe("Part of the slug or the name"),
    }),
    answer: z.array(tenant),
    handle: async ({ query }) => {
      const rows = await pageTenants(sources.home.platform, query);
      return paged(
        rows.map((row) => show(sources, row)),
        query.limit,
        (last) => last.slug,
      );
    },
  }),
  operation({
    method: "POST",
    path: "/tenants",
    tag,
    summary: "Make a tenant with its address, settings, plan, locations and first user, all or nothing",
    permission: "tenants.create",
    status: 201,
    body: newTenant,
    answer: described,
    handle: async ({ body, actor }) => {
      const made = await create(sources, body, actor);
      const { contactName = null, contactEmail = null, contactPhone = null, industry = null, size = null } = body;
      const known: TenantProfile = { contactName, contactEmail, contactPhone, industry, size };
      return { body: { ...show(sources, made), profile: known }, location: `/tenants/${made.slug}` };
    },
  }),
  operation({
    method: "GET",
    path: "/tenants/:tenant",
    tag,
    summary: "One tenant, by slug or id",
    permission: "tenants.read",
    answer: described,
    handle: async (call) => ({ body: await describe(sources, await tenantOf(sources, call)) }),
  }),
  changeOperation(sources),
  statusOperation(sources, "suspend"),
  statusOperation(sources, "activate"),
  deleteOperation(sources),
];
