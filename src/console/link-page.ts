import { h, type ComponentChildren } from "preact";
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

/** A page of one section in the tenant's name and colours. */
export const brandedPage = (brand: Brand, ...children: ComponentChildren[]): Page =>
  renderPage({
    title: brand.name,
    subtitle: brand.tagline,
    mark: initialOf(brand.name),
    color: parseColor(brand.color) ?? undefined,
    sections: [section(null, ...children)],
  });

/** What the link of a mail is followed by: nothing else does, since programs that look through mail open links as well. */
export const followForm = (fields: LinkPage["fields"], ...children: ComponentChildren[]) =>
  h(
    "form",
    { method: "post", action: "/auth/v1/verify" },
    ...Object.entries(fields).map(([name, value]) => h("input", { type: "hidden", name, value })),
    ...children,
  );

/** The last words of every page that a mail's link leads to. Pure. */
export const onceOnly = () =>
  h(
    "p",
    { class: "soft" },
    "The link works once. If you did not ask for it, close this page: nothing has happened yet.",
  );

/** Where a mail's link leads, when a front end goes on from there: one button. */
export function linkPage({ brand, kind, fields }: LinkPage): Page {
  const { what, act } = TEXTS[kind];
  return brandedPage(brand, h("p", null, what), followForm(fields, h("button", { type: "submit" }, act)), onceOnly());
}
