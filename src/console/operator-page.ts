import { createHash } from "node:crypto";
import { h } from "preact";
import { renderPage, section, type Page } from "./layout.ts";

/**
 * The token stands in the address after `#`, which a browser sends to no server, so it takes a script to use it. It runs under its hash
 * (CSP 3) and talks to its own host alone.
 */
const SCRIPT = `
const form = document.querySelector("form"), said = document.querySelector("output");
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const given = Object.fromEntries([...new FormData(form)].filter(([, value]) => value !== ""));
  const answer = await fetch("/platform/v1/sessions/link", { method: "POST", headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ ...given, token: location.hash.slice(1) }) });
  const body = await answer.json();
  if (!answer.ok) { said.textContent = [body.title, body.detail, body.hint].filter(Boolean).join(". "); return; }
  history.replaceState(null, "", location.pathname);
  form.remove();
  said.textContent = "You are in, " + body.operator.email + ", as " + body.operator.role + ". Your token until " + body.expiresAt + ": " + body.token;
});
`;

/** A page with a script of its own. */
export interface ScriptedPage extends Page {
  /** `sha256-…` of the script, for the Content-Security-Policy. */
  readonly scriptHash: string;
}

const field = (label: string, name: string, attributes: Record<string, unknown>) =>
  h("p", null, h("label", null, label, h("br", null), h("input", { name, ...attributes })));

/** Where an operator's one-time link leads. */
export function operatorPage(): ScriptedPage {
  const page = renderPage({
    title: "Become an operator",
    subtitle: "The link works once",
    mark: "R",
    sections: [
      section(
        null,
        h(
          "form",
          null,
          field("E-mail (only the first operator need say it)", "email", { type: "email", autoComplete: "username" }),
          field("Name", "name", { maxLength: 200, autoComplete: "name" }),
          field("Password", "password", {
            type: "password",
            required: true,
            minLength: 10,
            autoComplete: "new-password",
          }),
          h("p", null, h("button", { type: "submit" }, "Come in")),
        ),
        h("p", null, h("output", null)),
      ),
      section(null, h("script", { dangerouslySetInnerHTML: { __html: SCRIPT } })),
    ],
  });
  return { ...page, scriptHash: `sha256-${createHash("sha256").update(SCRIPT).digest("base64")}` };
}
