import type { PasswordLinkKind } from "../auth/link-password.ts";
import type { LinkKind } from "../auth/links.ts";
import type { Brand } from "../tenant/brand.ts";
import type { Page } from "./page.ts";

export interface LinkShown {
  readonly brand: Brand;
  readonly kind: LinkKind;
  /** What the form sends back. */
  readonly fields: Readonly<Record<string, string>>;
}

export interface PasswordAsked extends LinkShown {
  readonly kind: PasswordLinkKind;
  /** Whose password it is. */
  readonly email: string;
  /** What was wrong with the one that was sent; null at first. */
  readonly problem: string | null;
}

/** Where the mails' links lead. The console makes the pages. */
export interface LinkPages {
  /** A button that follows the link. */
  readonly follow: (shown: LinkShown) => Page;
  /** The same with a field for a new password. */
  readonly askPassword: (asked: PasswordAsked) => Page;
  /** `site` is where the tenant's users sign in; null where that is not known. */
  readonly passwordSet: (set: Pick<PasswordAsked, "brand" | "kind"> & { readonly site: string | null }) => Page;
}
