import { readable } from "./color.js";

/**
 * What this build is for, as its brand file says, and what the tenant shows to anybody: name, colour, tagline, and its public key.
 * @returns {Promise<object>}
 * @throws {Refusal}
 */
export async function openBrand() {
  const build = await (await fetch("brand.json")).json();
  // Without an address the API is where this page is, and the host says whose.
  const api = build.api ?? location.origin;
  const headers = build.tenant === undefined ? {} : { "X-Tenant": build.tenant };
  const tenant = await readTenant(api, headers);
  const { brand = {} } = tenant.settings;
  return { api, headers, session: build.session, key: tenant.key, name: brand.name ?? tenant.name, ...pick(brand) };
}

const text = (value) => (typeof value === "string" ? value : "");
const pick = ({ color, tagline }) => ({ color: text(color), tagline: text(tagline) });

/** What the API refuses before anybody has signed in: a problem document (RFC 9457). */
export class Refusal extends Error {
  constructor({ title, detail, hint, code }) {
    super(title);
    Object.assign(this, { details: detail, hint, code });
  }
}

async function readTenant(api, headers) {
  const answer = await fetch(`${api}/tenant.json`, { headers }).catch(() => {
    // A browser does not say whether nobody answered, or the answer was not for this origin.
    throw new Refusal({
      title: "The API does not answer this page",
      hint: `Either ${api} is not running, or it does not know ${location.origin} as an address of this tenant.`,
    });
  });
  const body = await answer.json();
  if (!answer.ok) throw new Refusal(body);
  return body;
}

/** Puts name, mark and colour where they belong. Styles are set by script, one property at a time, which the page's policy allows. */
export function showBrand({ name, tagline, color }) {
  document.title = `Invoices · ${name}`;
  for (const [place, value] of Object.entries({ name, tagline }))
    for (const element of document.querySelectorAll(`[data-of=${place}]`)) element.textContent = value;
  const [first] = new Intl.Segmenter().segment(name);
  for (const element of document.querySelectorAll(".mark")) element.textContent = first?.segment.toUpperCase() ?? "";
  const colors = readable(color);
  if (colors === null) return;
  for (const [property, value] of Object.entries(colors)) document.documentElement.style.setProperty(property, value);
}
