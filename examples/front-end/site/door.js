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
  form.elements.email.focus();
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
  const button = form.querySelector("button");
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
