/** Titles of what people run into; the API's own sentence says the rest. */
const TITLES = {
  RH206: "Your role does not allow this",
  RH104: "This address and your sign-in are of different tenants",
  RH103: "This tenant is suspended",
  RH207: "You were signed out",
  RH208: "You were signed out",
  session_not_found: "You were signed out",
  user_banned: "You can’t sign in",
  invalid_credentials: "E-mail or password is wrong",
  over_request_rate_limit: "Too many attempts",
  RH430: "Your plan’s limit is reached",
};

const isNetwork = (message) => /Failed to fetch|NetworkError|Load failed/.test(message);

/** Shows what went wrong in the nearest place for it, and moves nothing else. @param {Element} within */
export function sayError(within, error) {
  const alert = within.querySelector(".alert");
  const title = document.createElement("strong");
  const message = isNetwork(error.message) ? "The API does not answer." : sentence(error.message);
  title.textContent = TITLES[error.code] ?? message;
  alert.replaceChildren(title);
  const isTold = TITLES[error.code] === undefined || error.code === "invalid_credentials";
  const rest = [isTold ? "" : message, sentence(error.hint)].filter(Boolean).join(" ");
  if (rest !== "") alert.append(document.createElement("br"), rest);
  alert.hidden = false;
}

export function unsay(within) {
  const alert = within.querySelector(".alert");
  alert.replaceChildren();
  alert.hidden = true;
}

const sentence = (text) => (!text ? "" : /[.!?]$/.test(text) ? text : `${text}.`);
