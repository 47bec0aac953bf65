import { readVersion } from "../config.ts";
import { RowhouseError } from "../errors.ts";
import { readAuthSettings } from "../auth/sign-up.ts";
import { sendJson } from "./auth-answer.ts";
import { answerInvite, answerRecover, answerResend, answerSignUp } from "./auth-mail.ts";
import { openAnybodys, openKnown, type AuthRequest, type AuthSources } from "./auth-request.ts";
import { answerToken } from "./auth-token.ts";
import { answerLogout, answerUser, answerUserChange, type KnownRequest } from "./auth-user.ts";
import { answerLink, answerVerify } from "./auth-verify.ts";
import type { RequestContext } from "./request-state.ts";
import { answerMethods, AUTH_PATH, listMethods } from "./router.ts";

type Answer = (ctx: RequestContext, sources: AuthSources) => Promise<void>;

/** For anybody, a tenant alone has to be named. */
const anybody =
  (answer: (request: AuthRequest) => Promise<void>): Answer =>
  async (ctx, sources) =>
    answer(await openAnybodys(ctx, sources));
/** For who is signed in, or comes with a key. */
const known =
  (answer: (request: KnownRequest) => Promise<void>): Answer =>
  async (ctx, sources) =>
    answer(await openKnown(ctx, sources));

/** What front ends ask to know which ways to sign in there are. */
async function answerSettings({ ctx, desk }: AuthRequest): Promise<void> {
  const { signup, confirm } = await readAuthSettings(desk);
  sendJson(ctx, 200, {
    external: { email: true, phone: false, anonymous_users: false },
    disable_signup: !signup,
    mailer_autoconfirm: !confirm,
    phone_autoconfirm: false,
    sms_provider: "",
    saml_enabled: false,
  });
}

const version = readVersion();
const answerHealth: Answer = async (ctx) => sendJson(ctx, 200, { name: "Rowhouse", version, description: "Sign-in" });
const answerJwks: Answer = async (ctx, { keyset }) => sendJson(ctx, 200, await keyset.jwks());

const PATHS: Readonly<Record<string, Readonly<Record<string, Answer>>>> = {
  "/token": { POST: anybody(answerToken) },
  "/user": { GET: known(answerUser), PUT: known(answerUserChange) },
  "/logout": { POST: known(answerLogout) },
  "/signup": { POST: anybody(answerSignUp) },
  "/invite": { POST: known(answerInvite) },
  "/recover": { POST: anybody(answerRecover) },
  "/resend": { POST: anybody(answerResend) },
  "/verify": { GET: anybody(answerLink), POST: anybody(answerVerify) },
  "/settings": { GET: anybody(answerSettings) },
  "/health": { GET: answerHealth },
  "/.well-known/jwks.json": { GET: answerJwks },
};

/** `/auth/v1/…`: signing in, as supabase's clients speak it. */
export function serveAuth(sources: AuthSources): (ctx: RequestContext) => Promise<void> {
  return async (ctx) => {
    const path = ctx.path.slice(AUTH_PATH.length);
    const methods = Object.hasOwn(PATHS, path) ? PATHS[path] : undefined;
    if (methods === undefined)
      throw new RowhouseError("routeUnknown", { hint: "docs/reference/http.md lists what there is." });
    ctx.state.route = AUTH_PATH + path;
    const method = ctx.method === "HEAD" ? "GET" : ctx.method;
    const answer = Object.hasOwn(methods, method) ? methods[method] : undefined;
    if (answer === undefined) return answerMethods(ctx, listMethods([...Object.keys(methods), "OPTIONS"]));
    await sources.readiness.admit();
    await answer(ctx, sources);
  };
}
