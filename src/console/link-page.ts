import { h } from "preact";
import type { LinkKind } from "../auth/links.ts";
import type { Brand } from "../tenant/brand.ts";
import { parseColor } from "./color.ts";
import { initialOf, renderPage, section, type Page } from "./layout.ts";

export interface LinkPage {
  readonly brand: Brand;
  readonly kind: LinkKind;
  /** What the form sends back. */
  readonly fields: Readonly<Record<string, string>>;
}

const TEXTS: Readonly<Record<LinkKind, { readonly what: string; readonly act: string }>> = {
  recovery: { what: "Go on to set a new password for your account.", act: "Set a new password" },
  invitation: { what: "You were invited to sign in here.", act: "Accept the invitation" },
  confirmation: { what: "Confirm that this e-mail address is yours.", act: "Confirm the address" },
  email_change: { what: "Confirm the new e-mail address of your account.", act: "Confirm the new address" },
};

/** Where a mail's link leads: one button, since programs that look through mail follow links, and must not use them up. */
export function linkPage({ brand, kind, fields }: LinkPage): Page {
  const { what, act } = TEXTS[kind];
  const inputs = Object.entries(fields).map(([name, value]) => h("input", { type: "hidden", name, value }));
  return renderPage({
    title: brand.name,
    subtitle: brand.tagline,
    mark: initialOf(brand.name),
    color: parseColor(brand.color) ?? undefined,
    sections: [
      section(
        null,
        h("p", null, what),
        h("form", { method: "post", action: "/auth/v1/verify" }, ...inputs, h("button", { type: "submit" }, act)),
        h(
          "p",
          { class: "soft" },
          "The link works once. If you did not ask for it, close this page: nothing has happened yet.",
        ),
      ),
    ],
  });
}
