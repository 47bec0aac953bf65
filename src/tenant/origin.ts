/**
 * Address of a name under BASE_DOMAIN, as `https://acme.example.com`: a tenant's slug, `admin` or `api`. Without a slash at the end. Pure.
 * @param publicUrl public address of BASE_DOMAIN
 */
export function originUnder({ publicUrl }: { readonly publicUrl: URL }, label: string): string {
  const url = new URL(publicUrl);
  url.hostname = `${label}.${url.hostname}`;
  return url.origin;
}
