import { addDraft, listCustomers, listInvoices, rowOf } from "./invoices.js";
import { sayError, unsay } from "./say.js";

/** Sign-in is over: ended, revoked, deactivated, or the tenant is suspended. */
const ENDED = new Set(["RH103", "RH207", "RH208", "PGRST301", "PGRST302", "PGRST303"]);

/** What who is signed in works with. */
export function showRoom(page, session, user, goOut) {
  const room = { page, session, goOut, status: "", shown: 0, currency: "EUR" };
  page.querySelector("[data-of=user]").textContent = user.user_metadata?.name ?? user.email;
  page.querySelector("[data-of=role]").textContent = user.app_metadata.role;
  page.querySelector("input[name=status]").checked = true;
  page.querySelector("main").focus();
  wire(room);
  void showSession(room);
  void load(room, true);
}

/** Nothing of what somebody saw is left for who comes next. */
export function clearRoom(page) {
  page.querySelector("tbody").replaceChildren();
  page.querySelector("#count").textContent = "";
  for (const dialog of page.querySelectorAll("dialog")) dialog.close();
}

/** Runs a step; what goes wrong is said where it happened, and who is not signed in any more goes out. */
async function attempt(room, within, step) {
  unsay(within);
  try {
    await step();
  } catch (error) {
    if (ENDED.has(error.code)) room.goOut(error);
    else sayError(within, error);
  }
}

function wire(room) {
  const { page, session, goOut } = room;
  const main = page.querySelector("main");
  const on = (id, listener) => (page.querySelector(`#${id}`).onclick = listener);
  for (const radio of page.querySelectorAll("input[name=status]"))
    radio.onchange = () => {
      room.status = radio.value;
      void load(room, true);
    };
  on("more", () => void load(room, false));
  on("new", () => void attempt(room, main, () => openDraft(room)));
  on("sign-out", async () => {
    await session.signOut().catch(() => {});
    goOut();
  });
  page.querySelector("#refresh").hidden = session.refresh === undefined;
  on("refresh", () =>
    attempt(room, main, async () => {
      await session.refresh();
      await showSession(room, "Refreshed. ");
    }),
  );
}

async function showSession({ page, session }, news = "") {
  const expires = await session.expiresAt?.();
  const until = expires
    ? ` It is good until ${new Date(expires * 1000).toLocaleTimeString()}, and renewed before that.`
    : "";
  page.querySelector("#session").textContent = `${news}Signed in. ${session.how}${until}`;
}

/** Shows the first page of the list, or one more. */
function load(room, isAnew) {
  const { page, session, status } = room;
  const body = page.querySelector("tbody");
  return attempt(room, page.querySelector("main"), async () => {
    page.querySelector("table").setAttribute("aria-busy", "true");
    try {
      const { rows, count } = await listInvoices(session.data, status, isAnew ? 0 : room.shown);
      if (status !== room.status) return; // another choice was made meanwhile
      if (isAnew) body.replaceChildren();
      body.append(...rows.map(rowOf));
      room.shown = body.children.length;
      room.currency = rows[0]?.currency ?? room.currency;
      page.querySelector("#count").textContent = `${room.shown.toLocaleString()} of ${count.toLocaleString()}`;
      page.querySelector("#more").hidden = room.shown >= count;
    } finally {
      page.querySelector("table").removeAttribute("aria-busy");
    }
  });
}

async function openDraft(room) {
  const dialog = room.page.querySelector("#draft");
  const form = dialog.querySelector("form");
  form.reset();
  unsay(form);
  const customers = await listCustomers(room.session.data);
  form.elements.customer.replaceChildren(
    new Option("Choose …", ""),
    ...customers.map(({ id, name, city }) => new Option(city === null ? name : `${name}, ${city}`, id)),
  );
  dialog.querySelector("[data-of=currency]").textContent = room.currency;
  form.querySelector("#cancel").onclick = () => dialog.close();
  form.onsubmit = (event) => {
    event.preventDefault();
    void sendDraft(room, dialog, form);
  };
  dialog.showModal();
}

async function sendDraft(room, dialog, form) {
  const { customer, amount, reference } = form.elements;
  const wrong = [customer, amount].find((field) => !field.checkValidity());
  for (const field of [customer, amount]) field.setAttribute("aria-invalid", String(field === wrong));
  if (wrong !== undefined) {
    sayError(form, new Error(wrong === customer ? "Choose a customer" : "The amount is a number above zero"));
    wrong.focus();
    return;
  }
  const submit = form.querySelector("[type=submit]");
  submit.disabled = true;
  await attempt(room, form, async () => {
    const row = await addDraft(room.session.data, {
      customer_id: customer.value,
      net_cents: Math.round(amount.valueAsNumber * 100),
      currency: room.currency,
      reference: reference.value.trim() || null,
    });
    dialog.close();
    showAdded(room, row);
  });
  submit.disabled = false;
}

function showAdded(room, invoice) {
  const row = rowOf(invoice);
  row.className = "added";
  room.page.querySelector("tbody").prepend(row);
  room.shown += 1;
  room.page.querySelector("#count").textContent = "The draft was added.";
}
