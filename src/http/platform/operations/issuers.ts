import { z } from "zod";
import { readEmail } from "../../../auth/email.ts";
import { linkIdentity } from "../../../auth/identities.ts";
import { changeIssuer, registerIssuer, type Registrar } from "../../../auth/register-issuer.ts";
import { findIssuer, listIssuers, removeIssuer } from "../../../tenant/issuers.ts";
import { operation, type Call, type Operation } from "../operation.ts";
import { insideAs, tenantOf, type PlatformSources } from "../sources.ts";
import { email, membershipRole, text, time } from "./shapes.ts";

const tag = "Issuers";
const jwksUrl = z.url({ protocol: /^https?$/ }).max(1000);
/** Visible ASCII: an `iss` is a URI (OpenID Connect Core 2), or the name of a backend. */
const name = z.string().regex(/^[\x21-\x7e]{1,500}$/);

const rules = z.object({
  jwksUrl: jwksUrl.nullable(),
  audience: z.string(),
  roleClaim: z.string().nullable(),
  roles: z.record(z.string(), z.string()),
  defaultRole: z.string(),
  allowsOwner: z.boolean(),
  users: z.enum(["none", "match", "create"]),
  isActive: z.boolean(),
});
const issuer = rules.extend({
  id: z.uuid(),
  tenantId: z.uuid(),
  issuer: z.string(),
  kind: z.enum(["jwks", "secret"]),
  createdAt: time,
});

/** What may be said of one, when it is added and later. */
const change = z.strictObject({
  audience: text(500).optional(),
  jwksUrl: jwksUrl.optional(),
  roleClaim: text(200).nullable().optional().describe("Name of a claim, or the way to it by dots"),
  roles: z.record(text(200), membershipRole).optional().describe("Membership role by a value of that claim"),
  defaultRole: membershipRole.optional(),
  allowsOwner: z.boolean().optional(),
  users: z.enum(["none", "match", "create"]).optional(),
  isActive: z.boolean().optional(),
});

const registrarOf = ({ home, checkedFetch }: PlatformSources, { actor }: Pick<Call, "actor">): Registrar => ({
  pool: home.platform,
  fetch: checkedFetch,
  actor,
});

/** What was given, without what was left out. */
const given = <T extends object>(body: T) =>
  Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };

const PATH = "/tenants/:tenant/issuers";

export const issuerOperations = (sources: PlatformSources): Operation[] => [
  operation({
    method: "GET",
    path: PATH,
    tag,
    summary: "Who besides this deployment may sign tokens for the tenant",
    permission: "issuers.read",
    answer: z.array(issuer),
    handle: async (call) => ({ body: await listIssuers(sources.home.platform, (await tenantOf(sources, call)).id) }),
  }),
  operation({
    method: "POST",
    path: PATH,
    tag,
    summary:
      "Register one, by the URL of its key set, which a URL as the issuer's name is asked for when it is left out; a name that is no URL gets a shared secret, shown once",
    permission: "issuers.write",
    status: 201,
    body: change.extend({ issuer: name, audience: text(500), kind: z.enum(["jwks", "secret"]).optional() }),
    answer: issuer.extend({ secret: z.string().nullable() }),
    secrets: ["secret"],
    handle: async (call) => {
      const { id } = await tenantOf(sources, call);
      return { body: await registerIssuer(registrarOf(sources, call), id, given(call.body)) };
    },
  }),
  operation({
    method: "PATCH",
    path: `${PATH}/:issuer`,
    tag,
    summary: "Change what is taken of one, from the next request on",
    permission: "issuers.write",
    body: change,
    answer: issuer,
    handle: async (call) => {
      const { id } = await tenantOf(sources, call);
      return {
        body: await changeIssuer(registrarOf(sources, call), id, call.params["issuer"]!, given(call.body)),
      };
    },
  }),
  operation({
    method: "DELETE",
    path: `${PATH}/:issuer`,
    tag,
    summary: "Trust one no more",
    permission: "issuers.write",
    status: 204,
    handle: async (call) => {
      const { id } = await tenantOf(sources, call);
      await removeIssuer(sources.home.platform, id, call.params["issuer"]!, call.actor);
      return {};
    },
  }),
  operation({
    method: "PUT",
    path: `${PATH}/:issuer/identities`,
    tag,
    summary: "Say which user of the tenant a subject of the issuer is, where no verified e-mail address does",
    permission: "issuers.write",
    body: z.strictObject({ email, subject: text(255) }),
    answer: z.object({ user: z.uuid(), issuer: z.string(), subject: z.string() }),
    handle: async (call) => {
      const tenant = await tenantOf(sources, call);
      const registered = await findIssuer(sources.home.platform, tenant.id, call.params["issuer"]!);
      const desk = sources.deskOf(tenant, call.requestId);
      const identity = { issuer: registered.issuer, subject: call.body.subject };
      return { body: await linkIdentity(desk, insideAs(call), readEmail(call.body.email), identity) };
    },
  }),
];
