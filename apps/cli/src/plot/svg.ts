/** Attributes of an element; numbers are rounded to hundredths, undefined ones left out. */
export type Attributes = Readonly<Record<string, string | number | undefined>>;

/**
 * An SVG element as text.
 * @param children text that is markup already
 */
export function element(name: string, attributes: Attributes = {}, children: string | readonly string[] = ""): string {
  const inner = typeof children === "string" ? children : children.join("");
  const written = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}="${typeof value === "number" ? round(value) : escapeText(String(value))}"`)
    .join("");
  return inner === "" ? `<${name}${written}/>` : `<${name}${written}>${inner}</${name}>`;
}

/** Text for XML and HTML. */
export function escapeText(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");
}

/** A coordinate as text: hundredths of a picture unit are finer than any screen. */
export function round(value: number): string {
  const rounded = Math.round(value * 100) / 100;
  return String(rounded === 0 ? 0 : rounded);
}

/** Path data through points. */
export function polyline(points: Iterable<readonly [number, number]>): string {
  let path = "";
  for (const [x, y] of points) {
    path += `${path === "" ? "M" : "L"}${round(x)} ${round(y)}`;
  }
  return path;
}
