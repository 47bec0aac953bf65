/** `Key (tenant_id, number)=(7b9c…, C-1) already exists.`: the first of both lists. A tenant's id holds no comma. */
const KEY = /\(tenant_id, ([^)]*)\)=\([^,)]*, /g;
const IN_LIST = /\btenant_id, |, tenant_id\b/g;
/** In names that PostgreSQL makes up: `customers_tenant_id_number_key`. */
const IN_NAME = /tenant_id_|_tenant_id(?![a-z0-9])/g;

/** A message of PostgreSQL without the column that no client knows of. */
export function withoutTenant(text: string): string {
  if (!text.includes("tenant_id")) return text;
  return text
    .replace(KEY, "($1)=(")
    .replace(IN_LIST, "")
    .replace(IN_NAME, "")
    .replaceAll('"tenant_id"', "the tenant")
    .replaceAll("tenant_id", "the tenant");
}
