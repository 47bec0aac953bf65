/** A user as sign-in knows them. */
export interface User {
  /** uuid */
  readonly id: string;
  readonly email: string;
  readonly name: string | null;
  /** Membership role. */
  readonly role: string;
  readonly isActive: boolean;
  readonly hasPassword: boolean;
  /** The tenant's own fields. */
  readonly custom: Readonly<Record<string, unknown>>;
  /** ISO 8601, as the other times. */
  readonly confirmedAt: string | null;
  readonly lastSignInAt: string | null;
  readonly createdAt: string;
  readonly updatedAt: string;
}

/** {@link User} as JSON, of a row `u` of tenant.users. */
export const USER_JSON = `jsonb_build_object('id', u.id, 'email', u.email, 'name', u.name, 'role', u.role, 'isActive', u.is_active,
  'hasPassword', exists (select from tenant.credentials own where own.user_id = u.id), 'custom', u.custom,
  'confirmedAt', u.email_confirmed_at, 'lastSignInAt', u.last_sign_in_at, 'createdAt', u.created_at, 'updatedAt', u.updated_at)`;
