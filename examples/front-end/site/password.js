import { sayError, unsay } from "./say.js";

/** Who came by a mail's link is signed in, and sets a password for the next time. */
export function askPassword(page, session) {
  const dialog = page.querySelector("#new-password");
  const form = dialog.querySelector("form");
  form.reset();
  unsay(form);
  form.querySelector("#later").onclick = () => dialog.close();
  form.onsubmit = (event) => {
    event.preventDefault();
    void setPassword(dialog, form, session);
  };
  dialog.showModal();
}

async function setPassword(dialog, form, session) {
  const { chosen } = form.elements;
  const submit = form.querySelector("[type=submit]");
  submit.disabled = true;
  unsay(form);
  try {
    await session.setPassword(chosen.value);
    dialog.close();
  } catch (error) {
    sayError(form, error);
    chosen.select();
  } finally {
    submit.disabled = false;
  }
}
