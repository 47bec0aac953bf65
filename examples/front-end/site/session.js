const { createClient } = globalThis.supabase;

/**
 * Who is signed in, one of two ways. Both give:
 * - `data`, supabase-js, for `.from(…)`
 * - `user()`: who is signed in, or null
 * - `signIn(email, password)` and `signOut()`, which throw what the API refuses
 * - `how`, a sentence for people
 * The way by token also has `refresh()`, `onChange(listener)`, `recover(email)` and `setPassword(password)`, and `arrival`: what a mail's link that
 * led here was for (`invite`, `recovery`), or the error it brought.
 */
export const openSession = (brand) => (brand.session === "cookie" ? byCookie(brand) : byToken(brand));

/** What everything here resolves to; what went wrong is thrown. */
async function must(answer) {
  const { data, error } = await answer;
  if (error !== null) throw error;
  return data;
}

function readArrival() {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const error = fragment.get("error_description");
  if (error !== null) history.replaceState(null, "", location.pathname);
  return { type: fragment.get("type"), error: error === null ? undefined : new Error(error) };
}

/**
 * A page on a domain of its own: tokens in this origin's storage, which supabase-js keeps and refreshes. `X-Tenant` says for whom; the
 * token is what counts, and the API refuses one of another tenant.
 */
function byToken({ api, key, headers }) {
  const arrival = readArrival(); // supabase-js takes the fragment away
  const client = createClient(api, key, { global: { headers } });
  const { auth } = client;
  return {
    data: client,
    arrival,
    how: "By token: this page keeps it in its own storage.",
    user: async () => {
      const { session } = await must(auth.getSession());
      if (session === null) return null;
      // Asked, not read from the storage: whoever was deactivated since is signed out.
      const { data, error } = await auth.getUser();
      if (error === null) return data.user;
      if (error.status === undefined || error.status >= 500) throw error;
      await auth.signOut({ scope: "local" });
      return null;
    },
    signIn: async (email, password) => (await must(auth.signInWithPassword({ email, password }))).user,
    signOut: () => auth.signOut({ scope: "local" }),
    expiresAt: async () => (await must(auth.getSession())).session?.expires_at ?? null,
    refresh: () => must(auth.refreshSession()),
    recover: (email) => must(auth.resetPasswordForEmail(email, { redirectTo: location.origin + location.pathname })),
    setPassword: (password) => must(auth.updateUser({ password })),
    onChange: (listener) => void auth.onAuthStateChange((event) => listener(event)),
  };
}

/** supabase-js sends its key with every request, and a key or token counts before a cookie. */
async function fetchByCookie(input, init = {}) {
  const headers = new Headers(init.headers);
  headers.delete("apikey");
  headers.delete("authorization");
  return fetch(input, { ...init, headers });
}

async function ask(path, init) {
  const answer = await fetch(path, init);
  if (answer.status === 204) return null;
  const body = await answer.json();
  if (answer.ok) return body;
  throw Object.assign(new Error(body.msg ?? body.title), {
    code: body.error_code,
    status: answer.status,
    hint: body.hint,
  });
}

/** A page on the tenant's own host: a `__Host-` cookie that no script can read, and that counts for pages of this host alone. */
function byCookie({ key }) {
  const auth = { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false };
  const signIn = (email, password) =>
    ask("/auth/v1/token?grant_type=password&cookie=1", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ email, password }),
    });
  return {
    data: createClient(location.origin, key, { auth, global: { fetch: fetchByCookie } }),
    how: "By a __Host- cookie, which no script can read.",
    user: async () => {
      try {
        return await ask("/auth/v1/user");
      } catch (error) {
        if (error.status === 401 || error.status === 403) return null;
        throw error;
      }
    },
    signIn: async (email, password) => (await signIn(email, password)).user,
    signOut: () => ask("/auth/v1/logout?scope=local", { method: "POST" }),
  };
}
