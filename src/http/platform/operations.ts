import { z } from "zod";
import { originUnder } from "../../tenant/origin.ts";
import { describePlatform } from "./openapi.ts";
import { operation, type Operation } from "./operation.ts";
import { auditOperations } from "./operations/audit.ts";
import { databaseOperations } from "./operations/databases.ts";
import { demoOperations } from "./operations/demo.ts";
import { domainOperations } from "./operations/domains.ts";
import { impersonationOperations } from "./operations/impersonations.ts";
import { issuerOperations } from "./operations/issuers.ts";
import { operatorOperations } from "./operations/operators.ts";
import { subscriptionOperations } from "./operations/plans.ts";
import { roleOperations } from "./operations/roles.ts";
import { sessionOperations } from "./operations/sessions.ts";
import { tenantOperations } from "./operations/tenants.ts";
import { userOperations } from "./operations/users.ts";
import { webhookOperations } from "./operations/webhooks.ts";
import type { PlatformSources } from "./sources.ts";

/** The whole platform API, in the order of its description, which is one of them. */
export function platformOperations(sources: PlatformSources): Operation[] {
  const all: Operation[] = [
    sessionOperations,
    operatorOperations,
    tenantOperations,
    domainOperations,
    subscriptionOperations,
    userOperations,
    roleOperations,
    issuerOperations,
    demoOperations,
    webhookOperations,
    auditOperations,
    impersonationOperations,
    databaseOperations,
  ].flatMap((make) => make(sources));
  let described: object | undefined;
  const description = operation({
    method: "GET",
    path: "/openapi.json",
    tag: "Description",
    summary: "This description",
    permission: null,
    answer: z.looseObject({}),
    // At the first request, since every start would pay for it.
    handle: async () => ({ body: (described ??= describePlatform(all, originUnder(sources, "admin"))) }),
  });
  all.push(description);
  return all;
}
