import { IncompatibleError, nearestName, ShapeError, sameShape } from "@diffusiongym/core";

/** Anything that names arrays and says their shapes. */
export type Layout = Iterable<readonly [string, { readonly shape: readonly number[] }]>;

/**
 * Compares names and shapes.
 * @param caller who asks, for the message
 * @param expected what is needed
 * @param given what there is
 * @param options.anyOrder accept another order @default false
 * @throws IncompatibleError naming what is missing, left over or in another order; ShapeError for another shape
 */
export function requireSameLayout(
  caller: string,
  expected: Layout,
  given: Layout,
  { anyOrder = false }: { readonly anyOrder?: boolean } = {},
): void {
  const needed = new Map(expected);
  const found = new Map(given);
  const missing = [...needed.keys()].filter((name) => !found.has(name));
  const unknown = [...found.keys()].filter((name) => !needed.has(name));
  if (missing.length > 0 || unknown.length > 0) {
    throw new IncompatibleError(
      `${caller}: the names do not fit.${listed(" Missing", missing, unknown)}${listed(" Not a parameter here", unknown, needed.keys())}`,
    );
  }
  for (const [name, { shape }] of needed) {
    const other = found.get(name)!.shape;
    if (!sameShape(shape, other)) {
      throw new ShapeError(
        `${caller}: "${name}" has the shape [${shape.join(", ")}] and was given [${other.join(", ")}].`,
        shape,
        other,
      );
    }
  }
  if (!anyOrder) {
    const order = [...found.keys()];
    const index = [...needed.keys()].findIndex((name, i) => name !== order[i]);
    if (index >= 0) {
      throw new IncompatibleError(
        `${caller}: the same parameters in another order; the first that differs is number ${index}.`,
      );
    }
  }
}

/** At most five names, each with the nearest on the other side. */
function listed(title: string, names: readonly string[], candidates: Iterable<string>): string {
  if (names.length === 0) {
    return "";
  }
  const others = [...candidates];
  const shown = names.slice(0, 5).map((name) => {
    const nearest = nearestName(name, others);
    return nearest === undefined ? `"${name}"` : `"${name}" (near to "${nearest}")`;
  });
  const rest = names.length - shown.length;
  return `${title}: ${shown.join(", ")}${rest > 0 ? ` and ${rest} more` : ""}.`;
}
