import type { Keyset } from "../auth/keyset.ts";
import { sites, type Route } from "./router.ts";

/** The public keys by which anyone can verify our tokens (RFC 7517 5, RFC 8414 `jwks_uri`). */
export function jwksRoute(keyset: Keyset): Route {
  return {
    path: "/.well-known/jwks.json",
    sites: sites("tenant", "platform", "api", "home"),
    get: async (ctx) => {
      const body = JSON.stringify(await keyset.jwks());
      ctx.set("Content-Type", "application/jwk-set+json");
      ctx.set("Cache-Control", "public, max-age=300");
      ctx.set("Access-Control-Allow-Origin", "*");
      ctx.body = body;
    },
  };
}
