import { readableOn, textOn, toHex, type Rgb } from "./color.ts";

const LIGHT_CARD: Rgb = [255, 255, 255];
const DARK_CARD: Rgb = [24, 27, 32];
/** Brick. */
export const HOUSE_COLOR: Rgb = [158, 63, 41];

const RULES = `
:root { color-scheme: light dark; --page: #f3f1ee; --card: #ffffff; --ink: #1a1d21; --soft: #5a6068; --line: #e2ded8; --code: #f7f5f2; }
@media (prefers-color-scheme: dark) {
  :root { --page: #101215; --card: #181b20; --ink: #eceef0; --soft: #a2a9b2; --line: #2c3138; --code: #101317; --accent: var(--accent-dark); }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; min-height: 100vh; background: var(--page); color: var(--ink);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main, footer { width: min(46rem, 100% - 2rem); margin-inline: auto; }
main { margin-top: clamp(1rem, 7vh, 4.5rem); background: var(--card); border: 1px solid var(--line); border-radius: 14px; overflow: hidden;
  box-shadow: 0 1px 2px rgb(0 0 0 / .05), 0 18px 40px -24px rgb(0 0 0 / .3); }
header { background: var(--brand); color: var(--on-brand); padding: clamp(1.5rem, 5vw, 2.5rem) clamp(1.25rem, 5vw, 2.5rem);
  display: flex; gap: 1.1rem; align-items: center; }
header .mark { flex: none; display: grid; place-items: center; width: 3.5rem; height: 3.5rem; border-radius: 11px; font-size: 1.6rem; font-weight: 700;
  background: var(--on-brand); color: var(--brand); }
h1 { margin: 0; font-size: clamp(1.5rem, 5vw, 2.1rem); line-height: 1.15; letter-spacing: -.015em; overflow-wrap: anywhere; }
header p { margin: .3rem 0 0; }
section { padding: 1.6rem clamp(1.25rem, 5vw, 2.5rem); }
section + section { border-top: 1px solid var(--line); }
h2 { margin: 0 0 .7rem; font-size: 1.05rem; letter-spacing: -.005em; }
p { margin: 0 0 .8rem; }
section > :last-child { margin-bottom: 0; }
.soft { color: var(--soft); }
a { color: var(--accent); text-underline-offset: .2em; }
a:hover { text-decoration-thickness: 2px; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: 4px; }
code, pre { font: .875rem/1.6 ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace; }
code { overflow-wrap: anywhere; }
:not(pre) > code { background: var(--code); border: 1px solid var(--line); border-radius: 5px; padding: .08em .38em; }
pre { margin: 0 0 1rem; padding: .85rem 1rem; background: var(--code); border: 1px solid var(--line); border-radius: 9px; overflow-x: auto; }
code.address { display: block; font-size: 1.05rem; font-weight: 600; background: none; border: 0; padding: 0; }
.actions { display: flex; flex-wrap: wrap; gap: .6rem; margin: 0; padding: 0; list-style: none; }
.actions a { display: inline-block; padding: .5rem 1rem; border-radius: 8px; border: 1px solid var(--line); text-decoration: none; font-weight: 600; color: var(--ink); }
.actions a.main { background: var(--brand); border-color: var(--brand); color: var(--on-brand); }
.actions a:hover { text-decoration: underline; }
ol.steps { margin: 0; padding-left: 1.3rem; }
ol.steps li { margin-bottom: .9rem; }
ol.steps li::marker { color: var(--soft); font-weight: 600; }
ol.steps pre { margin-top: .45rem; }
form { max-width: 26rem; }
label { display: block; margin-bottom: 1rem; font-weight: 600; }
label small { display: block; color: var(--soft); font-weight: 400; }
input { display: block; width: 100%; margin-top: .3rem; min-height: 2.75rem; padding: .5rem .75rem; font: inherit; font-weight: 400; color: inherit;
  background: var(--code); border: 1px solid var(--soft); border-radius: 8px; }
button { min-height: 2.75rem; padding: .5rem 1.2rem; font: inherit; font-weight: 600; color: var(--on-brand); background: var(--brand);
  border: 1px solid var(--brand); border-radius: 8px; cursor: pointer; }
button:hover { text-decoration: underline; } button:disabled { opacity: .6; }
form + p { margin-top: 1.1rem; }
.refused { margin-bottom: 1.1rem; padding: .75rem 1rem; border-left: 4px solid var(--accent); background: var(--code); border-radius: 8px; }
[hidden] { display: none; }
table { width: 100%; border-collapse: collapse; }
th { text-align: left; font-size: .82rem; font-weight: 600; color: var(--soft); }
th, td { padding: .5rem .75rem .5rem 0; border-bottom: 1px solid var(--line); vertical-align: baseline; }
td a { overflow-wrap: anywhere; }
tbody tr:last-child td { border-bottom: 0; }
.state { font-size: .82rem; font-weight: 600; } .state.off { color: var(--soft); }
footer { padding: 1.1rem .25rem 2.5rem; color: var(--soft); font-size: .85rem; }
@media (max-width: 32rem) { header:has(p) { align-items: flex-start; } ol.steps { padding-left: 1.1rem; } }
@media print { body, main { background: none; box-shadow: none; } }
`;

/**
 * The style sheet of a page in a brand's colour: text on it is black or white, whichever reads better, and links are moved
 * towards readable on light and on dark cards.
 */
export function styleOf(brand: Rgb): string {
  const accents = `--accent: ${toHex(readableOn(brand, LIGHT_CARD))}; --accent-dark: ${toHex(readableOn(brand, DARK_CARD))};`;
  return `:root { --brand: ${toHex(brand)}; --on-brand: ${toHex(textOn(brand))}; ${accents} }${RULES}`;
}
