const PAGE = 12;
const COLUMNS = "id, number, status, issued_on, total_cents, currency, reference, customers(name, city)";

/** @returns the rows from `from` on, newest first, each with its customer, and how many there are in all */
export async function listInvoices(data, status, from) {
  let query = data.from("invoices").select(COLUMNS, { count: "exact" });
  if (status !== "") query = query.eq("status", status);
  const {
    data: rows,
    count,
    error,
  } = await query
    .order("created_at", { ascending: false })
    .order("id")
    .range(from, from + PAGE - 1);
  if (error !== null) throw error;
  return { rows, count };
}

/** The row comes back as the list shows it. */
export async function addDraft(data, draft) {
  const { data: row, error } = await data.from("invoices").insert(draft).select(COLUMNS).single();
  if (error !== null) throw error;
  return row;
}

export async function listCustomers(data) {
  const { data: rows, error } = await data
    .from("customers")
    .select("id, name, city")
    .eq("is_active", true)
    .order("name")
    .limit(100);
  if (error !== null) throw error;
  return rows;
}

const money = (cents, currency) =>
  new Intl.NumberFormat(undefined, { style: "currency", currency }).format(cents / 100);
const day = (text) =>
  new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeZone: "UTC" }).format(new Date(text));

function cell(label, className, ...children) {
  const element = document.createElement("td");
  element.dataset.label = label;
  element.className = className;
  element.append(...children);
  return element;
}

function soft(text) {
  const element = document.createElement("span");
  element.className = "soft";
  element.textContent = text;
  return element;
}

function badge(status) {
  const element = document.createElement("span");
  element.className = `badge ${status}`;
  element.textContent = status;
  return element;
}

/** Text only ever goes in as text. */
export function rowOf({ number, status, issued_on, total_cents, currency, reference, customers }) {
  const row = document.createElement("tr");
  const place = customers?.city ?? null;
  row.append(
    cell("Number", "number", number ?? soft(reference ?? "not issued")),
    cell("Customer", "", customers?.name ?? "", ...(place === null ? [] : [" ", soft(place)])),
    cell("Issued", "day", issued_on === null ? soft("–") : day(issued_on)),
    cell("Status", "", badge(status)),
    cell("Total", "amount", money(total_cents, currency)),
  );
  return row;
}
