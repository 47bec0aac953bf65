/** Red, green and blue, 0 to 255. */
export type Rgb = readonly [number, number, number];

const WHITE: Rgb = [255, 255, 255];
const BLACK: Rgb = [0, 0, 0];
/** Text of normal size against its background (WCAG 2.2, 1.4.3, level AA). */
const READABLE = 4.5;

/** @returns null for anything but `#rgb` or `#rrggbb`: whatever else a tenant writes never gets near a style sheet */
export function parseColor(text: string | null): Rgb | null {
  const match = /^#(?:([0-9a-f]{3})|([0-9a-f]{6}))$/i.exec(text ?? "");
  if (match === null) return null;
  const hex = match[2] ?? match[1]!.replace(/./g, "$&$&");
  const number = Number.parseInt(hex, 16);
  return [number >> 16, (number >> 8) & 255, number & 255];
}

/** `#rrggbb`, as a style sheet takes it; parts are rounded. Pure. */
export function toHex(color: Rgb): string {
  return `#${color.map((part) => Math.round(part).toString(16).padStart(2, "0")).join("")}`;
}

/** Relative luminance (WCAG 2.2, definition). */
function luminance(color: Rgb): number {
  const [red, green, blue] = color.map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** Contrast ratio (WCAG 2.2, definition): 1 for equal colours, 21 for black on white. */
export function contrast(one: Rgb, other: Rgb): number {
  const [dark, light] = [luminance(one), luminance(other)].toSorted((a, b) => a - b) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

/** Black or white, whichever is easier to read on it; one of them always has 4.5 : 1. */
export function textOn(background: Rgb): Rgb {
  return contrast(background, WHITE) >= contrast(background, BLACK) ? WHITE : BLACK;
}

const mix = (from: Rgb, to: Rgb, share: number): Rgb =>
  from.map((part, index) => part + (to[index]! - part) * share) as unknown as Rgb;

/** The colour, moved towards black or white as little as makes it readable on the background. */
export function readableOn(color: Rgb, background: Rgb): Rgb {
  const away = textOn(background);
  for (let share = 0; share < 1; share += 0.05) {
    const moved = mix(color, away, share);
    if (contrast(moved, background) >= READABLE) return moved;
  }
  return away;
}
