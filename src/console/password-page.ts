import { h } from "preact";
import type { LinkKind } from "../auth/links.ts";
import { PASSWORD_HINT, SHORTEST } from "../auth/password-policy.ts";
import type { Page } from "./layout.ts";
import { brandedPage, followForm, onceOnly, type LinkPage } from "./link-page.ts";

export interface PasswordPage extends LinkPage {
  readonly kind: Extract<LinkKind, "invitation" | "recovery">;
  /** Whose password it is. */
  readonly email: string;
  /** What was wrong with the one that was sent; null at first. */
  readonly problem: string | null;
}

const LEADS: Readonly<Record<PasswordPage["kind"], string>> = {
  invitation: "You were invited to sign in here. Choose a password for ",
  recovery: "Choose a new password for ",
};

/** No maximum: a browser would cut a pasted password off without a word. */
const newPassword = (problem: string | null) =>
  h(
    "label",
    null,
    "New password",
    h("small", { id: "policy" }, PASSWORD_HINT),
    h("input", {
      name: "password",
      type: "password",
      required: true,
      minLength: SHORTEST,
      autoComplete: "new-password",
      autoFocus: true,
      "aria-invalid": problem === null ? undefined : "true",
      "aria-describedby": problem === null ? "policy" : "problem policy",
    }),
  );

/** Where a mail's link leads, when no front end goes on from there: it asks for the new password itself. */
export function passwordPage({ brand, kind, fields, email, problem }: PasswordPage): Page {
  // Keepers of passwords take it for the account's name.
  const account = h("input", { type: "email", autoComplete: "username", value: email, readOnly: true, hidden: true });
  return brandedPage(
    brand,
    h("p", null, LEADS[kind], h("strong", null, email), "."),
    problem === null ? null : h("p", { class: "refused", role: "alert", id: "problem" }, problem),
    followForm(fields, account, newPassword(problem), h("button", { type: "submit" }, "Set the password")),
    onceOnly(),
  );
}

export interface PasswordSetPage extends Pick<PasswordPage, "brand" | "kind"> {
  /** Where the tenant's users sign in; null where that is not known. */
  readonly site: string | null;
}

/** What follows a password that was taken: the way to where it is used. Pure. */
export function passwordSetPage({ brand, kind, site }: PasswordSetPage): Page {
  return brandedPage(
    brand,
    h("p", { role: "status" }, h("strong", null, "Your password is set."), " You can sign in now."),
    kind === "recovery" ? h("p", { class: "soft" }, "Wherever you were signed in before, you are signed out.") : null,
    site === null
      ? null
      : h("ul", { class: "actions" }, h("li", null, h("a", { class: "main", href: site }, `Go to ${brand.name}`))),
  );
}
