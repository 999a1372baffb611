/** Molecular formula in Hill's order: carbon, hydrogen, then the others by letter; "CH2O". */
export function formulaOf(elements: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const element of elements) {
    counts.set(element, (counts.get(element) ?? 0) + 1);
  }
  const rest = [...counts.keys()].filter((element) => element !== "C" && (element !== "H" || !counts.has("C"))).sort();
  const order = counts.has("C") ? ["C", ...(counts.has("H") ? ["H"] : []), ...rest] : rest;
  return order.map((element) => `${element}${counts.get(element) === 1 ? "" : counts.get(element)}`).join("");
}
