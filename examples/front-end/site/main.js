import { openBrand, showBrand } from "./brand.js";
import { showDoor } from "./door.js";
import { askPassword } from "./password.js";
import { clearRoom, showRoom } from "./room.js";
import { sayError } from "./say.js";
import { openSession } from "./session.js";

const part = (name) => document.getElementById(name);

/** One of the page's parts; the focus goes along, so that who reads by ear or works by keyboard is there as well. */
function show(name) {
  for (const other of ["opening", "refused", "door", "room"]) part(other).hidden = other !== name;
  return part(name);
}

function showRefusal({ message, hint, code }) {
  const page = show("refused");
  for (const [place, text] of Object.entries({ title: message, hint, code }))
    page.querySelector(`[data-of=${place}]`).textContent = text ?? "";
  page.querySelector("h1").focus();
}

async function open() {
  const brand = await openBrand();
  showBrand(brand);
  const session = openSession(brand);
  const goOut = (why) => {
    // Said twice, by what was pressed and by supabase-js, which also tells the other tabs.
    if (!part("door").hidden) return;
    clearRoom(part("room"));
    showDoor(show("door"), session, goIn, why);
  };
  const goIn = (user) => showRoom(show("room"), session, user, goOut);
  const { type, error } = session.arrival ?? {};
  session.onChange?.((event) => event === "SIGNED_OUT" && !part("room").hidden && goOut());
  const user = await session.user();
  if (user === null) return goOut(error);
  goIn(user);
  if (error !== undefined) sayError(part("room"), error);
  if (type === "invite" || type === "recovery") askPassword(part("room"), session);
}

part("again").addEventListener("click", () => location.reload());
try {
  await open();
} catch (error) {
  showRefusal(error);
}
