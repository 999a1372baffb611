// Rough 3-D coordinates from a table of bond lengths and angles, good enough to be relaxed in a force field. openchemlib's own conformers
// are better starting points and take half a second each, which is too long for thousands.

/** Half of a single bond's length, in angstrom. @type {Readonly<Record<string, number>>} */
const radii = { H: 0.33, C: 0.76, N: 0.71, O: 0.67, F: 0.62 };
const shortening = [0, 0, 0.19, 0.32];
/** Closest distances of atoms four bonds apart or more, with and without a hydrogen. */
const [apart, apartHydrogen] = [2.9, 2.3];
const steps = 400;

/**
 * @param {readonly string[]} elements
 * @param {readonly { from: number, to: number, order: number }[]} bonds Kekule orders
 * @param {import("@diffusiongym/core").RandomStream} stream draws the start
 * @returns {Float64Array} [3 n]
 */
export function embed(elements, bonds, stream) {
  const n = elements.length;
  const wanted = distanceBounds(elements, bonds);
  const x = Float64Array.from({ length: 3 * n }, () => 1.5 * stream.normal());
  const velocity = new Float64Array(3 * n);
  for (let step = 0; step < steps; step++) {
    const force = new Float64Array(3 * n);
    for (const { i, j, low, high, stiffness } of wanted) {
      const [dx, dy, dz] = [0, 1, 2].map((k) => (x[3 * i + k] ?? 0) - (x[3 * j + k] ?? 0));
      const distance = Math.hypot(dx ?? 0, dy ?? 0, dz ?? 0) + 1e-9;
      const excess = distance < low ? distance - low : distance > high ? distance - high : 0;
      if (excess === 0) continue;
      for (const [k, d] of [dx, dy, dz].entries()) {
        const pull = (stiffness * excess * (d ?? 0)) / distance;
        force[3 * i + k] = (force[3 * i + k] ?? 0) - pull;
        force[3 * j + k] = (force[3 * j + k] ?? 0) + pull;
      }
    }
    for (let k = 0; k < x.length; k++) {
      velocity[k] = 0.85 * (velocity[k] ?? 0) + 0.08 * (force[k] ?? 0);
      x[k] = (x[k] ?? 0) + (velocity[k] ?? 0);
    }
  }
  return x;
}

/**
 * @param {readonly string[]} elements
 * @param {readonly { from: number, to: number, order: number }[]} bonds
 */
function distanceBounds(elements, bonds) {
  const n = elements.length;
  const around = elements.map((_, atom) =>
    bonds.flatMap(({ from, to, order }) =>
      from === atom ? [{ atom: to, order }] : to === atom ? [{ atom: from, order }] : [],
    ),
  );
  /** @type {(i: number, j: number) => number} */
  const length = (i, j) => {
    const order = around[i]?.find(({ atom }) => atom === j)?.order ?? 1;
    return (radii[elements[i] ?? ""] ?? 0.7) + (radii[elements[j] ?? ""] ?? 0.7) - (shortening[order] ?? 0);
  };
  /** @type {Map<number, number>} by i n + j */
  const third = new Map();
  for (const [middle, ends] of around.entries()) {
    const orders = ends.map(({ order }) => order);
    const isLinear = orders.includes(3);
    const isFlat =
      orders.includes(2) ||
      (elements[middle] === "N" && ends.some(({ atom }) => around[atom]?.some(({ order }) => order === 2)));
    for (const { atom: i } of ends) {
      for (const { atom: j } of ends) {
        if (i >= j || around[i]?.some(({ atom }) => atom === j)) continue;
        const isSquare = around[i]?.some(
          ({ atom }) => atom !== middle && around[j]?.some((other) => other.atom === atom),
        );
        const angle = ((isLinear ? 180 : isSquare ? 90 : isFlat ? 120 : 109.5) * Math.PI) / 180;
        const [a, b] = [length(i, middle), length(middle, j)];
        third.set(i * n + j, Math.sqrt(a * a + b * b - 2 * a * b * Math.cos(angle)));
      }
    }
  }
  return Array.from({ length: n * n }, (_, k) => ({ i: Math.floor(k / n), j: k % n }))
    .filter(({ i, j }) => i < j)
    .map(({ i, j }) => {
      if (around[i]?.some(({ atom }) => atom === j)) {
        return { i, j, low: length(i, j), high: length(i, j), stiffness: 1 };
      }
      const exact = third.get(i * n + j);
      if (exact !== undefined) return { i, j, low: exact, high: exact, stiffness: 0.6 };
      const isFourth = around[i]?.some(({ atom }) =>
        around[atom]?.some((next) => around[next.atom]?.some((last) => last.atom === j)),
      );
      const least = elements[i] === "H" || elements[j] === "H" ? apartHydrogen : isFourth ? 2.5 : apart;
      return { i, j, low: least, high: Number.POSITIVE_INFINITY, stiffness: 0.3 };
    });
}
