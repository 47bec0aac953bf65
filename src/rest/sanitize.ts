/** In names that PostgreSQL makes up: `customers_tenant_id_number_key`. */
const IN_NAME = /tenant_id_|_tenant_id(?![a-z0-9])/g;
const IN_LIST = /\btenant_id, |, tenant_id\b/g;
/** Columns and values of a key, as PostgreSQL lists them: `Key (tenant_id, lower(name))=(7b9c…, ann) already exists.` */
const KEY = /\(((?:[^=()]|\([^=()]*\))*)\)=\(/;
const ROW = /^Failing row contains \((.*)\)\.$/s;
const NAMES = /\btenant_id\b|\btenant_row_id\b/;

/** `text` without the item `value` of its list: at the beginning or after a comma, and only if that is certain. */
function withoutItem(items: string, value: string): string | null {
  const parts = items.split(", ");
  const at = parts.indexOf(value);
  return at < 0 || parts.includes(value, at + 1) ? null : parts.toSpliced(at, 1).join(", ");
}

/**
 * `Failing row contains (1, 7b9c…, Ann).`: values in the table's order, in no quotes, so that a comma may be part of one. The tenant's own
 * is found by what it is; where it stands twice, or not at all, nothing of the row is shown.
 */
function failingRow(detail: string, tenantId: string | undefined): string | null {
  const values = ROW.exec(detail)?.[1];
  if (values === undefined) return detail;
  const shown = tenantId === undefined ? null : withoutItem(values, tenantId);
  return shown === null ? null : `Failing row contains (${shown}).`;
}

/** Keys without the tenant: its column is found by name, its value by place when it is the first, else by what it is. */
function withoutTenantKeys(text: string, tenantId: string | undefined): string {
  let shown = "";
  let rest = text;
  for (let match = KEY.exec(rest); match !== null; match = KEY.exec(rest)) {
    const columns = match[1]!.split(", ");
    const at = columns.indexOf("tenant_id");
    const end = match.index + match[0].length;
    let values = rest.slice(end);
    if (at === 0) values = values.replace(/^[^,)]*(, )?/, "");
    else if (at > 0 && tenantId !== undefined) values = values.replace(`, ${tenantId}`, "");
    const names = at < 0 ? columns : columns.toSpliced(at, 1);
    shown += `${rest.slice(0, match.index)}(${names.join(", ")})=(`;
    rest = values;
  }
  return shown + rest;
}

/**
 * A message of PostgreSQL without the column that no client knows of, nor the tenant's id.
 * @param tenantId of the tenant that asked, when it is known
 */
export function withoutTenant(text: string, tenantId?: string): string {
  let shown = text;
  if (text.includes("tenant_id")) {
    shown = withoutTenantKeys(text, tenantId)
      .replace(IN_LIST, "")
      .replace(IN_NAME, "")
      .replaceAll('"tenant_id"', "the tenant")
      .replaceAll("tenant_id", "the tenant");
  }
  return tenantId === undefined ? shown : shown.replaceAll(tenantId, "…");
}

/** A DETAIL likewise; null for one that can't be told without the tenant. */
export function detailWithoutTenant(detail: string, tenantId?: string): string | null {
  const row = failingRow(detail, tenantId);
  if (row === null) return null;
  const shown = withoutTenantKeys(row, tenantId).replace(IN_LIST, "");
  // A key of nothing else than the tenant: one row of a kind for each.
  if (shown.includes("()=()")) return null;
  const isBare = !NAMES.test(shown) && (tenantId === undefined || !shown.includes(tenantId));
  return isBare ? shown.replace(IN_NAME, "") : null;
}

/** A HINT likewise: one that suggests what the client can't name is none. */
export function hintWithoutTenant(hint: string, tenantId?: string): string | null {
  return NAMES.test(hint) || (tenantId !== undefined && hint.includes(tenantId)) ? null : withoutTenant(hint, tenantId);
}
