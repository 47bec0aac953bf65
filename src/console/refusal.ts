import { h } from "preact";
import { renderPage, section, type Page } from "./layout.ts";

/** What is shown of a problem document (RFC 9457). */
export interface Refusal {
  readonly title: string;
  readonly status: number;
  readonly code: string;
  readonly hint: string | null;
  readonly request_id: string;
}

/** Hints name commands between backticks. */
function withCode(text: string) {
  return text.split("`").map((part, index) => (index % 2 === 0 ? part : h("code", null, part)));
}

/** What a browser gets instead of a page. */
export function refusalPage({ title, status, code, hint, request_id }: Refusal): Page {
  return renderPage({
    title,
    subtitle: `Error ${status}`,
    mark: status === 404 ? "?" : "!",
    sections: [
      section(
        null,
        hint === null ? null : h("p", null, ...withCode(hint)),
        h("p", { class: "soft" }, "Code ", h("code", null, code), ", request ", h("code", null, request_id)),
      ),
    ],
  });
}
