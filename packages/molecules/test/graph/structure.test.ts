import { ArgumentError } from "@diffusiongym/core";
import { graphStructure, sameStructure, upperEdge } from "@diffusiongym/molecules";
import { describe, expect, it } from "vitest";

describe("graphStructure", () => {
  it("lists, molecule by molecule, all upper edges by rows and then the lower ones in the same order", () => {
    const structure = graphStructure([1, 4, 2]);
    expect(Array.from(structure.nodeOffsets)).toEqual([0, 1, 5, 7]);
    expect(Array.from(structure.edgeOffsets)).toEqual([0, 0, 12, 14]);
    const edges = Array.from(structure.edgeSources, (source, k) => [source, structure.edgeTargets[k]]);
    const upper = [
      [1, 2],
      [1, 3],
      [1, 4],
      [2, 3],
      [2, 4],
      [3, 4],
    ];
    expect(edges).toEqual([...upper, ...upper.map(([i, j]) => [j, i]), [5, 6], [6, 5]]);
  });

  it("has every bond where upperEdge says", () => {
    const { edgeSources, edgeTargets } = graphStructure([9]);
    for (let k = 0; k < 36; k++) {
      expect(upperEdge(9, edgeSources[k]!, edgeTargets[k]!)).toBe(k);
      expect(upperEdge(9, edgeTargets[k]!, edgeSources[k]!)).toBe(k);
    }
  });

  it("refuses sizes that no molecule has", () => {
    for (const count of [0, -1, 1.5, Number.NaN, 2001]) {
      expect(() => graphStructure([3, count])).toThrowError(ArgumentError);
      expect(() => graphStructure([3, count])).toThrowError(`molecule 1 has ${count} atoms`);
    }
  });

  it("is the same for the same sizes in the same order", () => {
    expect(sameStructure(graphStructure([2, 3]), graphStructure([2, 3]))).toBe(true);
    expect(sameStructure(graphStructure([2, 3]), graphStructure([3, 2]))).toBe(false);
    expect(sameStructure(graphStructure([2, 3]), graphStructure([2, 3, 1]))).toBe(false);
  });
});
