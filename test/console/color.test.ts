import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { contrast, parseColor, readableOn, textOn, toHex, type Rgb } from "../../src/console/color.ts";

const rgb = fc.tuple(
  fc.integer({ min: 0, max: 255 }),
  fc.integer({ min: 0, max: 255 }),
  fc.integer({ min: 0, max: 255 }),
) as fc.Arbitrary<Rgb>;

describe("colours", () => {
  test("three and six hexadecimal digits, and nothing else", () => {
    expect(parseColor("#0b4f8a")).toEqual([11, 79, 138]);
    expect(parseColor("#FFF")).toEqual([255, 255, 255]);
    for (const text of [
      null,
      "",
      "red",
      "#12",
      "#1234",
      "#gggggg",
      "#0b4f8a;",
      " #0b4f8a",
      "rgb(1,2,3)",
      "#0b4f8a\n",
      "var(--x)",
    ]) {
      expect(parseColor(text)).toBeNull();
    }
  });
  test("what is printed is read back", () => {
    fc.assert(
      fc.property(rgb, (color) => {
        expect(parseColor(toHex(color))).toEqual(color);
      }),
    );
  });
  test("contrast as WCAG has it", () => {
    expect(contrast([0, 0, 0], [255, 255, 255])).toBeCloseTo(21, 5);
    expect(contrast([119, 119, 119], [255, 255, 255])).toBeCloseTo(4.48, 2);
  });
  test("text on any brand has 4.5 : 1", () => {
    fc.assert(
      fc.property(rgb, (brand) => {
        expect(contrast(textOn(brand), brand)).toBeGreaterThanOrEqual(4.5);
      }),
    );
  });
  test("a link in any brand has 4.5 : 1 on any card", () => {
    fc.assert(
      fc.property(rgb, rgb, (brand, card) => {
        expect(contrast(readableOn(brand, card), card)).toBeGreaterThanOrEqual(4.5);
      }),
    );
  });
  test("a readable brand is left as it is", () => {
    expect(readableOn([11, 79, 138], [255, 255, 255])).toEqual([11, 79, 138]);
  });
});
