import { ArgumentError, RandomKey, type RandomStream } from "@diffusiongym/core";
import { alignNoise, bestRotation, type MoleculeGraph, minimumAssignment } from "@diffusiongym/molecules";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { randomGraph } from "../support/graphs.js";
import { randomRotation, rotated } from "../support/rotations.js";

function permutations(n: number): number[][] {
  return n === 0
    ? [[]]
    : permutations(n - 1).flatMap((rest) => Array.from({ length: n }, (_, at) => rest.toSpliced(at, 0, n - 1)));
}

function normals(stream: RandomStream, count: number): Float64Array {
  return Float64Array.from({ length: count }, () => stream.normal());
}

const seeds = fc.nat(10_000);

describe("minimumAssignment", () => {
  it("finds the cheapest of all permutations", () => {
    fc.assert(
      fc.property(seeds, fc.integer({ min: 0, max: 6 }), (seed, n) => {
        const cost = normals(RandomKey.fromSeed(seed).stream(), n * n);
        const total = (p: ArrayLike<number>): number =>
          Array.from(p).reduce((sum, column, row) => sum + cost[row * n + column]!, 0);
        const best = Math.min(...permutations(n).map(total));
        const found = minimumAssignment(cost, n);
        expect(Array.from(found).sort((a, b) => a - b)).toEqual(Array.from({ length: n }, (_, i) => i));
        expect(total(found)).toBeCloseTo(best, 10);
      }),
      { seed: 1, numRuns: 60 },
    );
  });

  it("sorts: with costs (a_i - b_j)^2 on the line, the k-th smallest meets the k-th smallest", () => {
    const [a, b] = [
      [3, -1, 7, 0],
      [10, -5, 2, 4],
    ];
    const cost = Float64Array.from(a!.flatMap((x) => b!.map((y) => (x - y) ** 2)));
    expect(Array.from(minimumAssignment(cost, 4))).toEqual([3, 1, 0, 2]);
  });

  it("refuses costs that are not finite, or too few", () => {
    expect(() => minimumAssignment(Float64Array.of(1, Number.NaN, 2, 3), 2)).toThrow(ArgumentError);
    expect(() => minimumAssignment(Float64Array.of(1, 2, 3), 2)).toThrow(ArgumentError);
  });
});

describe("bestRotation", () => {
  it("recovers a rotation from the points that it moved", () => {
    fc.assert(
      fc.property(seeds, fc.integer({ min: 3, max: 9 }), (seed, n) => {
        const stream = RandomKey.fromSeed(seed).stream();
        const rotation = randomRotation(stream);
        const points = normals(stream, 3 * n);
        const found = bestRotation(points, rotated(points, rotation));
        expect(Math.max(...found.map((entry, i) => Math.abs(entry - rotation[i]!)))).toBeLessThan(1e-7);
      }),
      { seed: 2, numRuns: 60 },
    );
  });

  it("is a proper rotation that no small turn improves, for mirror images too", () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const stream = RandomKey.fromSeed(seed).stream();
        const a = normals(stream, 15);
        const b = a.map((value, i) => (i % 3 === 0 ? -value : value));
        const best = bestRotation(a, b);
        const distance = (rotation: Float64Array): number =>
          rotated(a, rotation).reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0);
        expect(determinant(best)).toBeCloseTo(1, 10);
        for (let axis = 0; axis < 3; axis++) {
          const slope = (distance(turn(best, axis, 1e-5)) - distance(turn(best, axis, -1e-5))) / 2e-5;
          const curvature = distance(turn(best, axis, 1e-2)) - distance(best);
          expect(Math.abs(slope)).toBeLessThan(1e-4);
          expect(curvature).toBeGreaterThan(-1e-9);
        }
      }),
      { seed: 3, numRuns: 40 },
    );
  });

  it("is the identity where the points say nothing", () => {
    expect(Array.from(bestRotation(new Float64Array(6), new Float64Array(6)))).toEqual([1, 0, 0, 0, 1, 0, 0, 0, 1]);
  });
});

describe("alignNoise", () => {
  it("finds the molecule again in noise that is the molecule, turned and with its atoms in another order", () => {
    const stream = RandomKey.fromSeed(4).stream();
    const data = randomGraph([7, 1, 5], 1).centred();
    const noise = withPositions(data, (own) => {
      // Small turns, so that the nearest atom is still the right one.
      const turned = rotated(own, turn(turn(identity, 0, 0.05), 2, -0.04));
      const order = stream.permutation(own.length / 3);
      return Float64Array.from({ length: own.length }, (_, i) => turned[3 * order[Math.floor(i / 3)]! + (i % 3)]!);
    });
    const aligned = alignNoise(noise, data);
    expect(squaredDistance(aligned, data)).toBeLessThan(1e-8 * squaredDistance(noise, data) + 1e-9);
  });

  it("lowers the distance more with every part and every round, and moves no other feature", () => {
    const data = randomGraph([9, 4, 12, 1], 2).centred();
    const noise = data.randnLike(RandomKey.fromSeed(3).streams());
    const before = noise.clone();
    const distances = [
      noise,
      alignNoise(noise, data, { rotate: false }),
      alignNoise(noise, data),
      alignNoise(noise, data, { rounds: 4 }),
    ].map((aligned) => squaredDistance(aligned, data));
    expect(distances[1]).toBeLessThan(distances[0]!);
    expect(distances[2]).toBeLessThan(distances[1]!);
    expect(distances[3]).toBeLessThan(distances[2]!);
    const aligned = alignNoise(noise, data);
    expect(aligned.tensors().slice(1)).toEqual(noise.tensors().slice(1));
    expect(noise.tensors()).toEqual(before.tensors());
    // A molecule's noise keeps its norm and its centre.
    expect(Array.from(norms(aligned))).toEqual(Array.from(norms(noise), (norm) => expect.closeTo(norm, 3)));
    expect(squaredDistance(aligned.centred(), aligned)).toBeLessThan(1e-10);
  });
});

function norms(graph: MoleculeGraph): Float32Array {
  return graph.linearCombination({ positions: 1, atomTypes: 0, charges: 0, bonds: 0 }, []).squaredNorm();
}

function squaredDistance(a: MoleculeGraph, b: MoleculeGraph): number {
  return norms(a.sub(b)).reduce((sum, value) => sum + value, 0);
}

function withPositions(graph: MoleculeGraph, move: (own: Float32Array) => Float64Array): MoleculeGraph {
  const copy = graph.clone();
  const { nodeOffsets } = graph.structure;
  for (let m = 0; m < graph.length; m++) {
    const own = copy.positions.data.subarray(3 * nodeOffsets[m]!, 3 * nodeOffsets[m + 1]!);
    own.set(move(own));
  }
  return copy;
}

const identity = Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1);

/** A rotation followed by a turn about an axis. */
function turn(rotation: Float64Array, axis: number, angle: number): Float64Array {
  const [p, q] = [(axis + 1) % 3, (axis + 2) % 3];
  const [cosine, sine] = [Math.cos(angle), Math.sin(angle)];
  const result = rotation.slice();
  for (let column = 0; column < 3; column++) {
    const [a, b] = [rotation[3 * p + column]!, rotation[3 * q + column]!];
    result[3 * p + column] = cosine * a - sine * b;
    result[3 * q + column] = sine * a + cosine * b;
  }
  return result;
}

function determinant(r: Float64Array): number {
  const [a, b, c, d, e, f, g, h, i] = Array.from(r) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
}
