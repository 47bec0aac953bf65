/** What an operator of each role may do, by the permission that every operation of the platform API names. */
const READS = [
  "tenants.read",
  "domains.read",
  "users.read",
  "plans.read",
  "subscriptions.read",
  "issuers.read",
  "demo.read",
  "databases.read",
] as const;
const SUPPORT = [
  "tenants.create",
  "tenants.update",
  "tenants.suspend",
  "domains.write",
  "users.write",
  "demo.decide",
  "audit.read",
  "mail.read",
  "impersonate",
  "webhooks.read",
] as const;
const BILLING = ["tenants.suspend", "plans.write", "subscriptions.write", "audit.read"] as const;
const OWNER = [
  ...READS,
  ...SUPPORT,
  ...BILLING,
  "tenants.delete",
  "issuers.write",
  "webhooks.write",
  "operators.read",
  "operators.write",
] as const;

export type OperatorPermission = (typeof OWNER)[number];
export type OperatorRole = "owner" | "support" | "billing" | "read-only";

export const OPERATOR_PERMISSIONS: Readonly<Record<OperatorRole, ReadonlySet<OperatorPermission>>> = {
  owner: new Set(OWNER),
  support: new Set<OperatorPermission>([...READS, ...SUPPORT]),
  billing: new Set<OperatorPermission>([...READS, ...BILLING]),
  "read-only": new Set<OperatorPermission>(READS),
};

export const OPERATOR_ROLES = Object.keys(OPERATOR_PERMISSIONS) as OperatorRole[];
