/** Relative luminance (WCAG 2.2, definition). */
function luminance(rgb) {
  const [red, green, blue] = rgb.map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one, other) {
  const [dark, light] = [luminance(one), luminance(other)].toSorted((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

const WHITE = [255, 255, 255];
const BLACK = [0, 0, 0];
const DARK_CARD = [24, 27, 33];
const css = (rgb) => `rgb(${rgb.map(Math.round).join(" ")})`;

/** Moved towards `end` as little as makes it readable on the background (WCAG 2.2, 1.4.3: 4.5 to 1). */
function towards(color, end, background) {
  for (let share = 0; share < 1; share += 0.05) {
    const moved = color.map((part, index) => part + (end[index] - part) * share);
    if (contrast(moved, background) >= 4.5) return moved;
  }
  return end;
}

/**
 * The colours of a page that follow from a tenant's: text that can be read on it, and itself as text on light and on dark.
 * @returns {Record<string, string> | null} custom properties; null for anything but `#rgb` and `#rrggbb`
 */
export function readable(color) {
  const hex = /^#([0-9a-f]{3}|[0-9a-f]{6})$/i.exec(color)?.[1];
  if (hex === undefined) return null;
  const digits = hex.length === 3 ? hex.replace(/./g, "$&$&") : hex;
  const rgb = [0, 2, 4].map((at) => Number.parseInt(digits.slice(at, at + 2), 16));
  const on = contrast(rgb, WHITE) >= contrast(rgb, BLACK) ? WHITE : BLACK;
  return {
    "--brand": css(rgb),
    "--on-brand": css(on),
    "--accent-light": css(towards(rgb, BLACK, WHITE)),
    "--accent-dark": css(towards(rgb, WHITE, DARK_CARD)),
  };
}
