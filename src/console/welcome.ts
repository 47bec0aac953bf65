import { h } from "preact";
import { originUnder } from "../tenant/origin.ts";
import { renderPage, section, type Page } from "./layout.ts";

/** What a browser gets at BASE_DOMAIN itself: where the homes are. Names no tenant. */
export function welcomePage(publicUrl: URL): Page {
  const admin = originUnder({ publicUrl }, "admin");
  return renderPage({
    title: "Rowhouse",
    subtitle: "Many homes, one building, a wall between each two.",
    mark: "R",
    sections: [
      section(
        "You are at the front gate",
        h("p", null, "Every tenant has an address of its own, and nothing is served at this one:"),
        h("p", null, h("code", { class: "address" }, `${publicUrl.protocol}//<tenant>.${publicUrl.host}`)),
        h("p", { class: "soft" }, "If you run this server, start at ", h("a", { href: `${admin}/` }, admin), "."),
      ),
    ],
  });
}

/** What a browser gets at `api.BASE_DOMAIN`. */
export function apiPage(publicUrl: URL): Page {
  return renderPage({
    title: "Rowhouse API",
    subtitle: `api.${publicUrl.host}`,
    mark: "R",
    sections: [
      section(
        "One address for all tenants",
        h("p", null, h("code", { class: "address" }, `${originUnder({ publicUrl }, "api")}/rest/v1`)),
        h(
          "p",
          { class: "soft" },
          "The token says which tenant a request is for. There is more to see at a tenant’s own address.",
        ),
      ),
    ],
  });
}
