import { sayError, unsay } from "./say.js";

/** The form where people sign in. Called again, it forgets what was typed. @param why an error that brought them here */
export function showDoor(page, session, goIn, why) {
  const form = page.querySelector("form");
  form.reset();
  unsay(form);
  if (why !== undefined) sayError(form, why);
  page.querySelector("[data-of=how]").textContent = session.how;
  form.onsubmit = (event) => {
    event.preventDefault();
    void signIn(form, session, goIn);
  };
  const forgot = form.querySelector("#forgot");
  forgot.hidden = session.recover === undefined;
  forgot.onclick = () => void recover(form, session);
  form.querySelector(".news").textContent = "";
  form.elements.email.focus();
}

/** The answer is the same whoever asks: it tells nobody who has an account. */
async function recover(form, session) {
  const { email } = form.elements;
  unsay(form);
  email.setAttribute("aria-invalid", String(!email.checkValidity()));
  if (!email.checkValidity()) {
    sayError(form, new Error("Your e-mail address is needed, to send a link to"));
    email.focus();
    return;
  }
  try {
    await session.recover(email.value.trim());
    form.querySelector(".news").textContent = "If there is an account of this address, a link is on its way to it.";
  } catch (error) {
    sayError(form, error);
  }
}

async function signIn(form, session, goIn) {
  const { email, password } = form.elements;
  const wrong = [email, password].find((field) => !field.checkValidity());
  for (const field of [email, password]) field.setAttribute("aria-invalid", String(field === wrong));
  if (wrong !== undefined) {
    sayError(form, new Error(wrong === email ? "Your e-mail address is needed" : "Your password is needed"));
    wrong.focus();
    return;
  }
  const button = form.querySelector("[type=submit]");
  button.disabled = true;
  unsay(form);
  try {
    goIn(await session.signIn(email.value.trim(), password.value));
  } catch (error) {
    sayError(form, error);
    password.select();
  } finally {
    button.disabled = false;
  }
}
