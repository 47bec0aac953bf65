import fc from "fast-check";

const names = `id name city tags settings credit tenant_id nosuch "odd,name" number customers invoices items`.split(
  " ",
);
const words = "eq in like is not and or fts cs any all asc desc nullslast count null x 1".split(" ");
const signs = Array.from("().,:!*%{}\"\\ ->\0é😀';").concat("->>", "::", "::text", "...", "--");

/** Texts made of the grammar's own pieces: they come far further into a parser than random ones. */
export const scrap = fc
  .array(fc.constantFrom(...names.concat(words, signs)), { maxLength: 24 })
  .map((parts) => parts.join(""));
