import type { Molecule } from "@diffusiongym/molecules";
import fc from "fast-check";

/** Formaldehyde. */
export const formaldehyde: Molecule = {
  elements: ["C", "O", "H", "H"],
  charges: [0, 0, 0, 0],
  bonds: [
    { from: 0, to: 1, order: 2 },
    { from: 2, to: 0, order: 1 },
    { from: 0, to: 3, order: 1 },
  ],
  positions: Float32Array.of(0, 0, 0, 0, 0, 1.21, 0.94, 0, -0.54, -0.94, 0, -0.54),
};

/** Ammonium beside fluoride, two pieces with charges. */
export const ammoniumFluoride: Molecule = {
  elements: ["N", "H", "H", "H", "H", "F"],
  charges: [1, 0, 0, 0, 0, -1],
  bonds: [1, 2, 3, 4].map((to) => ({ from: 0, to, order: 1 })),
  positions: Float32Array.from({ length: 18 }, (_, k) => ((k * 7) % 11) / 4),
};

/** Benzene: six aromatic bonds. */
export const benzene: Molecule = {
  elements: [...new Array(6).fill("C"), ...new Array(6).fill("H")],
  charges: new Int8Array(12),
  bonds: [
    ...[0, 1, 2, 3, 4, 5].map((i) => ({ from: i, to: (i + 1) % 6, order: "aromatic" as const })),
    ...[0, 1, 2, 3, 4, 5].map((i) => ({ from: i, to: i + 6, order: 1 as const })),
  ],
  positions: Float32Array.from({ length: 36 }, (_, k) => {
    const [atom, axis] = [Math.floor(k / 3), k % 3];
    const radius = atom < 6 ? 1.39 : 2.48;
    const place = [radius * Math.cos((atom * Math.PI) / 3), radius * Math.sin((atom * Math.PI) / 3), 0][axis]!;
    return Number(place.toFixed(4)) + 0;
  }),
};

const elements = ["C", "H", "N", "O", "F"];
const orders = [1, 2, 3, "aromatic"] as const;

/** Records of 1 to 12 atoms that no chemist checked: any elements, charges, bonds; positions to four decimals. */
export const anyMolecule: fc.Arbitrary<Molecule> = fc.integer({ min: 1, max: 12 }).chain((n) =>
  fc
    .record({
      elements: fc.array(fc.constantFrom(...elements), { minLength: n, maxLength: n }),
      charges: fc.array(fc.integer({ min: -2, max: 3 }), { minLength: n, maxLength: n }),
      kinds: fc.array(fc.option(fc.constantFrom(...orders), { freq: 2 }), {
        minLength: (n * (n - 1)) / 2,
        maxLength: (n * (n - 1)) / 2,
      }),
      positions: fc.array(fc.integer({ min: -2_000_000, max: 2_000_000 }), { minLength: 3 * n, maxLength: 3 * n }),
    })
    .map(({ elements, charges, kinds, positions }) => {
      const pairs = Array.from({ length: n * n }, (_, k) => ({ from: Math.floor(k / n), to: k % n })).filter(
        ({ from, to }) => from < to,
      );
      return {
        elements,
        charges: Int8Array.from(charges),
        bonds: pairs.flatMap((pair, k) => (kinds[k] === null ? [] : [{ ...pair, order: kinds[k]! }])),
        positions: Float32Array.from(positions, (value) => value / 1e4),
      };
    }),
);

/** The same record with every bond going from the lower to the higher atom, in order. */
export function normalised({ elements, charges, bonds, positions }: Molecule): Molecule {
  const sorted = bonds
    .map(({ from, to, order }) => ({ from: Math.min(from, to), to: Math.max(from, to), order }))
    .sort((a, b) => a.from - b.from || a.to - b.to);
  return { elements, charges: Int8Array.from(charges), bonds: sorted, positions };
}
