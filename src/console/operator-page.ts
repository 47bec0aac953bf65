import { createHash } from "node:crypto";
import { h } from "preact";
import { codeBlock, renderPage, section, type Page } from "./layout.ts";

/**
 * The token stands in the address after `#`, which a browser sends to no server, so it takes a script to use it. It runs under its hash
 * (CSP 3) and talks to its own host alone.
 */
const SCRIPT = `
const [form, refused, done, token] = ["form", ".refused", ".done", ".done code"].map((found) => document.querySelector(found));
const button = form.querySelector("button");
function say(text) { refused.textContent = text; refused.hidden = false; }
async function send() {
  const given = Object.fromEntries([...new FormData(form)].filter(([, value]) => value !== ""));
  const answer = await fetch("/platform/v1/sessions/link", { method: "POST", headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ ...given, token: location.hash.slice(1) }) });
  const body = await answer.json();
  if (!answer.ok) return say([body.title, body.detail, body.hint].filter(Boolean).map((text) => text.replace(/[.]?$/, ".")).join(" "));
  history.replaceState(null, "", location.pathname);
  form.hidden = refused.hidden = true;
  document.querySelector(".who").textContent = "You are in, " + body.operator.email + ", as " + body.operator.role + ".";
  document.querySelector(".until").textContent = "It is good until " + new Date(body.expiresAt).toLocaleString() + ".";
  token.textContent = body.token;
  done.hidden = false;
  done.focus();
}
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  button.disabled = true;
  refused.hidden = true;
  try { await send(); } catch { say("The server does not answer. Try again."); }
  button.disabled = false;
});
if (location.hash.length < 2) say("The address has no link's token in it. Open the whole link.");
`;

/** A page with a script of its own. */
export interface ScriptedPage extends Page {
  /** `sha256-…` of the script, for the Content-Security-Policy. */
  readonly scriptHash: string;
}

const field = (label: string, hint: string | null, attributes: Record<string, unknown>) =>
  h("label", null, label, hint === null ? null : h("small", null, hint), h("input", attributes));

function form() {
  return h(
    "form",
    { method: "post" },
    field("E-mail", "Only the first operator need say it.", { name: "email", type: "email", autoComplete: "username" }),
    field("Name", null, { name: "name", maxLength: 200, autoComplete: "name" }),
    field("Password", "10 characters or more.", {
      name: "password",
      type: "password",
      required: true,
      minLength: 10,
      autoComplete: "new-password",
    }),
    h("button", { type: "submit" }, "Come in"),
  );
}

/** What takes the form's place: the token is shown this once. */
function welcome() {
  return h(
    "div",
    { class: "done", tabIndex: -1, hidden: true },
    h("p", { class: "who" }),
    h("p", null, "Your token for the platform API, shown this once:"),
    codeBlock("Token for the platform API", ""),
    h("p", { class: "soft until" }),
  );
}

/** Where an operator's one-time link leads. */
export function operatorPage(): ScriptedPage {
  const page = renderPage({
    title: "Become an operator",
    subtitle: "The link works once",
    mark: "R",
    sections: [
      section(
        null,
        h("p", { class: "refused", role: "alert", hidden: true }),
        form(),
        welcome(),
        h("script", { dangerouslySetInnerHTML: { __html: SCRIPT } }),
      ),
    ],
  });
  return { ...page, scriptHash: `sha256-${createHash("sha256").update(SCRIPT).digest("base64")}` };
}
