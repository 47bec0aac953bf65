import { z } from "zod";
import { ROLE_NAME } from "../../../db/scope.ts";

/** Shapes that several operations share. */
export const email = z.string().trim().min(3).max(254);
export const slug = z.string().min(1).max(63);
/** One line: no control character of a stranger gets into a header, a terminal or a log (CWE-93, CWE-117, CWE-150). */
export const text = (longest: number) =>
  z
    .string()
    .trim()
    .min(1)
    .max(longest)
    .regex(/^\P{Cc}*$/u, "Control characters are refused");
/** Of a tenant's user; an operator's is in {@link operator}. */
export const membershipRole = z.string().regex(ROLE_NAME);
export const time = z.iso.datetime();
export const personName = text(200);
export const reason = text(1000);

/** Query of a list that comes in pages. */
export const page = z.object({
  limit: z.coerce.number().int().min(1).max(1000).default(100).describe("Most entries of one page"),
  after: z.string().min(1).max(200).optional().describe("From the Link of the page before"),
});

/** The page, and where the next one begins when there may be one. */
export function paged<T>(rows: readonly T[], limit: number, cursor: (last: T) => string) {
  const last = rows.length === limit ? rows.at(-1) : undefined;
  return { body: rows, ...(last !== undefined && { next: cursor(last) }) };
}

export const profile = z.object({
  contactName: text(200).nullish(),
  contactEmail: email.nullish(),
  contactPhone: text(50).nullish(),
  industry: text(100).nullish(),
  size: text(50).nullish().describe("Of the company, as 11-50"),
});
export const location = z.object({
  code: text(50),
  name: text(200),
  address: z.record(z.string(), z.unknown()).optional(),
});

export const operator = z.object({
  id: z.uuid(),
  email: z.string(),
  name: z.string().nullable(),
  role: z.enum(["owner", "support", "billing", "read-only"]),
  isActive: z.boolean(),
  lastSignInAt: time.nullable(),
  createdAt: time,
});
export const tenant = z.object({
  id: z.uuid(),
  slug: z.string(),
  name: z.string(),
  status: z.enum(["active", "suspended", "importing", "deleting"]),
  epoch: z.string(),
  movedTo: z.string().nullable().describe("The database that it lives in; null for the registry's"),
  createdAt: time,
  url: z.url(),
});
