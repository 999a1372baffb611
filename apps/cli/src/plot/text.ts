/** A rectangle in picture units. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Height of the text of pictures, in picture units. */
export const fontSize = 12;

const narrow = new Set("ijl.,:;|!'()[]ft1 rI");
const wide = new Set("mwMWOQ@%—→");

/** Width of a line of text, estimated from above for usual sans-serif fonts, because there is no font to ask. */
export function textWidth(text: string, size = fontSize): number {
  let width = 0;
  for (const letter of text) {
    width += narrow.has(letter) ? 0.38 : wide.has(letter) ? 0.92 : /[A-Z0-9]/.test(letter) ? 0.66 : 0.58;
  }
  return width * size;
}

/** True when two boxes share an area. */
export function overlaps(a: Box, b: Box): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}
