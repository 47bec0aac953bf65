import { createHash } from "node:crypto";
import { h, type ComponentChildren, type VNode } from "preact";
import { renderToString } from "preact-render-to-string";
import type { Rgb } from "./color.ts";
import { HOUSE_COLOR, styleOf } from "./style.ts";

export interface Page {
  readonly html: string;
  /** `sha256-…` of its one style element, for the Content-Security-Policy. */
  readonly styleHash: string;
}

export interface PageParts {
  readonly title: string;
  /** Under the title. */
  readonly subtitle: string | null;
  /** One or two characters beside the title. */
  readonly mark: string;
  readonly color?: Rgb;
  readonly sections: readonly VNode[];
  readonly footer?: ComponentChildren;
}

/** One part of a page. @param title null for one without a heading. Pure. */
export function section(title: string | null, ...children: ComponentChildren[]): VNode {
  return h("section", null, title === null ? null : h("h2", null, title), ...children);
}

/** A block to copy. It can be scrolled, so it can be reached by keyboard (WCAG 2.2, 2.1.1). */
export function codeBlock(label: string, text: string): VNode {
  return h("pre", { tabIndex: 0, role: "region", "aria-label": label }, h("code", null, text));
}

/** What a reader takes for the first character of a name, which may be several of Unicode's. */
export const initialOf = (name: string): string =>
  new Intl.Segmenter().segment(name.trim())[Symbol.iterator]().next().value?.segment.toUpperCase() ?? "·";

const FOOTER = "Served by Rowhouse. The database itself keeps every tenant’s rows apart.";

/** One whole page, without anything from elsewhere. Text and attributes are escaped by the renderer. */
export function renderPage({ title, subtitle, mark, color = HOUSE_COLOR, sections, footer = FOOTER }: PageParts): Page {
  const style = styleOf(color);
  const head = h(
    "head",
    null,
    h("meta", { charSet: "utf-8" }),
    h("meta", { name: "viewport", content: "width=device-width, initial-scale=1" }),
    h("title", null, title),
    h("link", { rel: "icon", href: "data:," }),
    h("style", { dangerouslySetInnerHTML: { __html: style } }),
  );
  const header = h(
    "header",
    null,
    h("div", { class: "mark", "aria-hidden": "true" }, mark),
    h("div", null, h("h1", null, title), subtitle === null ? null : h("p", null, subtitle)),
  );
  const body = h("body", null, h("main", null, header, ...sections), h("footer", null, footer));
  return {
    html: `<!doctype html>${renderToString(h("html", { lang: "en" }, head, body))}`,
    styleHash: `sha256-${createHash("sha256").update(style).digest("base64")}`,
  };
}
