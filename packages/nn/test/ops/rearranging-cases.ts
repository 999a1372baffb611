import { attribute, constantTensor } from "../../src/ir/index.js";
import type { OpName } from "../../src/ops/index.js";
import { floats, integers, type OpCase, one, separated } from "./case-helpers.js";
import type { TestTensor } from "./run-graph.js";

const scatter = (
  reduction: string,
  updates: TestTensor,
  entries: readonly number[] = [0, 3, 1, -1, 2, 0],
  x = floats([3, 4], 0.5, 1.5),
): OpCase => ({
  inputs: { x, updates },
  build: (g, { x, updates }) =>
    g.emit(
      "ScatterElements",
      [x, g.constant(constantTensor("int64", [3, 2], BigInt64Array.from(entries, BigInt))), updates],
      { attributes: { axis: attribute.int(1), reduction: attribute.string(reduction) } },
    )[0]!,
});

/** Two updates of one entry in the first row, and one or two zeros among those of the second and third. */
const repeated = [2, 2, 1, 0, 3, 3];
const zeros: TestTensor = { shape: [3, 2], data: Float32Array.of(0.7, 1.3, 0, 1.2, 0, 0) };

const scatterBlocks = (reduction: string, updates: TestTensor, rows: readonly number[]): OpCase => ({
  inputs: { x: separated([4, 2]), indices: integers(rows, [rows.length, 1]), updates },
  ...one("ScatterND", { reduction: attribute.string(reduction) }),
  fixed: ["indices"],
});

/** Cases of the operators that move entries, choose them by index, or make them: see `opCases`. */
export const rearrangingCases = {
  Range: [
    {
      inputs: { start: floats([], 0.25, 0.25), step: floats([], 0.55, 0.55) },
      build: (g, { start, step }) => g.square(g.emit("Range", [start, g.scalar(1.075), step])[0]!),
    },
  ],
  Reshape: [
    { inputs: { x: floats([2, 6]) }, build: (g, { x }) => g.reshape(x!, [3, 4]) },
    { inputs: { x: floats([2, 3, 2]) }, build: (g, { x }) => g.reshape(x!, [-1, 2]) },
    { inputs: { x: floats([2, 3, 2]) }, build: (g, { x }) => g.reshape(x!, [0, -1]) },
    { inputs: { x: floats([2, 3]) }, build: (g, { x }) => g.reshape(x!, [-1]) },
  ],
  Flatten: [0, 1, 2, -1, 3].map(
    (axis): OpCase => ({
      inputs: { x: floats([2, 3, 2]) },
      ...one("Flatten", { axis: attribute.int(axis) }),
    }),
  ),
  Unsqueeze: [
    { inputs: { x: floats([2, 3]) }, build: (g, { x }) => g.unsqueeze(x!, [0, -1]) },
    { inputs: { x: floats([2, 3]) }, build: (g, { x }) => g.unsqueeze(x!, [1]) },
  ],
  Squeeze: [
    { inputs: { x: floats([1, 3, 1, 2]) }, build: (g, { x }) => g.squeeze(x!, [0, -2]) },
    { inputs: { x: floats([1, 3, 1]) }, build: (g, { x }) => g.emit("Squeeze", [x])[0]!, dynamic: false },
  ],
  Transpose: [
    { inputs: { x: floats([2, 3]) }, build: (g, { x }) => g.transpose(x!) },
    { inputs: { x: floats([2, 3, 4]) }, build: (g, { x }) => g.transpose(x!, [2, 0, 1]) },
  ],
  Trilu: [
    { inputs: { x: floats([2, 3, 3]) }, ...one("Trilu") },
    {
      inputs: { x: floats([3, 4]) },
      build: (g, { x }) => g.emit("Trilu", [x, g.scalar(-1, "int64")], { attributes: { upper: attribute.int(0) } })[0]!,
    },
  ],
  Expand: [
    { inputs: { x: floats([3, 1]) }, build: (g, { x }) => g.expand(x!, [2, 1, 4]) },
    { inputs: { x: floats([1, 3]) }, build: (g, { x }) => g.expand(x!, [2, 3]) },
  ],
  Tile: [
    { inputs: { x: floats([2, 3]) }, build: (g, { x }) => g.emit("Tile", [x, g.integers([2, 1])])[0]! },
    { inputs: { x: floats([2, 1, 2]) }, build: (g, { x }) => g.emit("Tile", [x, g.integers([1, 3, 2])])[0]! },
    { inputs: { x: floats([2, 2]), repeats: integers([2, 3]) }, ...one("Tile"), fixed: ["repeats"] },
  ],
  DepthToSpace: ["DCR", "CRD"].map(
    (mode): OpCase => ({
      inputs: { x: floats([2, 8, 1, 2]) },
      ...one("DepthToSpace", { blocksize: attribute.int(2), mode: attribute.string(mode) }),
    }),
  ),
  SpaceToDepth: [{ inputs: { x: floats([1, 2, 2, 4]) }, ...one("SpaceToDepth", { blocksize: attribute.int(2) }) }],
  Concat: [
    { inputs: { a: floats([2, 3]), b: floats([2, 1], -1, 1, 2) }, build: (g, { a, b }) => g.concat([a!, b!], 1) },
    {
      inputs: { a: floats([1, 2]), b: floats([3, 2], -1, 1, 2) },
      build: (g, { a, b }) => g.concat([a!, b!, a!], -2),
    },
  ],
  Split: [
    { inputs: { x: floats([2, 5]) }, build: (g, { x }) => g.split(x!, [2, 3], 1) },
    { inputs: { x: floats([2, 6]) }, build: (g, { x }) => g.split(x!, [1, 2, 3], -1)[1]! },
    {
      inputs: { x: floats([5, 2]) },
      build: (g, { x }) => g.emit("Split", [x], { outputs: 2, attributes: { num_outputs: attribute.int(2) } }),
    },
  ],
  Slice: [
    { inputs: { x: floats([4, 3]) }, build: (g, { x }) => g.slice(x!, { starts: [1], ends: [3], axes: [0] }) },
    { inputs: { x: floats([4, 3]) }, build: (g, { x }) => g.slice(x!, { starts: [-3, 1], ends: [-1, 9] }) },
    {
      inputs: { x: floats([5, 3]) },
      build: (g, { x }) => g.slice(x!, { starts: [0, 1], ends: [2 ** 40, 2], axes: [0, 1] }),
    },
    {
      inputs: { x: floats([5, 4]) },
      build: (g, { x }) =>
        g.emit("Slice", [x, g.integers([4, 1]), g.integers([-9, 4]), g.integers([0, 1]), g.integers([-2, 1])])[0]!,
      dynamic: false,
    },
    {
      inputs: { x: floats([2, 7]) },
      build: (g, { x }) =>
        g.emit("Slice", [x, g.integers([1]), g.integers([6]), g.integers([-1]), g.integers([3])])[0]!,
      dynamic: false,
    },
    {
      // Steps along an axis whose length only the run decides.
      inputs: { x: floats([2, 8, 2]) },
      build: (g, { x }) =>
        g.emit("Slice", [x, g.integers([1]), g.integers([-1]), g.integers([1]), g.integers([3])])[0]!,
    },
    {
      // Bounds that only the run decides.
      inputs: { x: floats([5, 4]), starts: integers([1, -3]), ends: integers([4, -1]) },
      build: (g, { x, starts, ends }) => g.slice(x!, { starts: starts!, ends: ends! }),
      fixed: ["starts", "ends"],
    },
    {
      inputs: { x: floats([2, 6]), starts: integers([2]), ends: integers([5]) },
      build: (g, { x, starts, ends }) => g.slice(x!, { starts: starts!, ends: ends!, axes: [1] }),
      fixed: ["starts", "ends"],
    },
  ],
  Pad: [
    { inputs: { x: floats([2, 3]) }, build: (g, { x }) => g.pad(x!, [1, 0, 0, 2]) },
    { inputs: { x: floats([3, 4]) }, build: (g, { x }) => g.pad(x!, [-1, 2, 0, -3]) },
    // Lengths that only the run decides.
    {
      inputs: { x: floats([2, 3]), pads: integers([1, -1, 0, 2]) },
      build: (g, { x, pads }) => g.square(g.emit("Pad", [x, pads])[0]!),
      fixed: ["pads"],
    },
    {
      inputs: { x: floats([2, 2, 3]), c: floats([], 0.5, 1) },
      build: (g, { x, c }) => g.emit("Pad", [x, g.integers([1, 0, 2, 1]), c, g.integers([-1, 0])])[0]!,
    },
    ...["reflect", "edge"].map(
      (mode): OpCase => ({
        inputs: { x: floats([2, 3, 4]) },
        build: (g, { x }) =>
          g.emit("Pad", [x, g.integers([0, 2, 1, 0, 1, 3])], { attributes: { mode: attribute.string(mode) } })[0]!,
      }),
    ),
    {
      inputs: { x: floats([2, 4]) },
      build: (g, { x }) =>
        g.emit("Pad", [x, g.integers([2, 1]), undefined, g.integers([1])], {
          attributes: { mode: attribute.string("reflect") },
        })[0]!,
    },
    {
      inputs: { x: floats([2, 2]), c: floats([], 0.5, 1) },
      build: (g, { x, c }) => g.emit("Pad", [x, g.integers([0, 1, 1, 1]), c])[0]!,
    },
  ],
  Gather: [
    {
      inputs: { x: floats([4, 2]), indices: integers([3, 0, -1]) },
      ...one("Gather"),
    },
    {
      inputs: { x: floats([2, 3, 2]), indices: integers([2, 0, 1, 2], [2, 2]) },
      ...one("Gather", { axis: attribute.int(1) }),
    },
    { inputs: { x: floats([2, 3]), indices: integers([1], []) }, ...one("Gather", { axis: attribute.int(-1) }) },
  ],
  GatherElements: [
    {
      inputs: { x: floats([3, 4]), indices: integers([0, 3, 1, -1, 2, 2], [3, 2]) },
      ...one("GatherElements", { axis: attribute.int(1) }),
    },
  ],
  ScatterElements: [
    scatter("none", floats([3, 2], -1, 1, 2)),
    scatter("add", floats([3, 2], -1, 1, 2)),
    scatter("add", floats([3, 2], -1, 1, 2), repeated),
    scatter("mul", floats([3, 2], 0.5, 1.5, 2), repeated),
    { ...scatter("mul", zeros, repeated), order: 1 },
    scatter("max", separated([3, 2], 0.2), repeated, separated([3, 4])),
    scatter("min", separated([3, 2], 0.2), repeated, separated([3, 4])),
  ],
  GatherND: [
    {
      inputs: { x: floats([3, 4, 2]), indices: integers([0, 3, 2, 1, 0, 3], [3, 2]) },
      ...one("GatherND"),
      fixed: ["indices"],
    },
    { inputs: { x: floats([3, 2]), indices: integers([2, 0, 2], [3, 1]) }, ...one("GatherND"), fixed: ["indices"] },
    {
      inputs: { x: floats([2, 3, 2]), indices: integers([2, 0, 1, 1], [2, 2, 1]) },
      ...one("GatherND", { batch_dims: attribute.int(1) }),
      fixed: ["indices"],
    },
    {
      inputs: { x: floats([2, 2, 3]), indices: integers([2, 0, 1, 1], [2, 2, 1]) },
      build: (g, { x, indices }) =>
        g.square(g.emit("GatherND", [x, indices], { attributes: { batch_dims: attribute.int(2) } })[0]!),
      dynamic: "batch",
    },
  ],
  ScatterND: [
    scatterBlocks("none", floats([3, 2], -1, 1, 2), [3, 0, 1]),
    scatterBlocks("add", floats([3, 2], -1, 1, 2), [3, 0, 3]),
    scatterBlocks("mul", floats([3, 2], 0.5, 1.5, 2), [3, 0, 3]),
    scatterBlocks("max", separated([3, 2], 0.2), [3, 0, 3]),
    scatterBlocks("min", separated([3, 2], 0.2), [3, 0, 3]),
  ],
  OneHot: [
    {
      inputs: { indices: integers([1, 0, -1]), values: floats([2]) },
      build: (g, { indices, values }) => g.emit("OneHot", [indices, g.scalar(3, "int64"), values])[0]!,
    },
    {
      inputs: { indices: integers([1, 0, 5, 2], [2, 2]), values: floats([2]) },
      build: (g, { indices, values }) =>
        g.emit("OneHot", [indices, g.integers([3]), values], { attributes: { axis: attribute.int(1) } })[0]!,
    },
  ],
  TopK: [
    {
      inputs: { x: separated([2, 4]) },
      build: (g, { x }) => g.emit("TopK", [x, g.integers([2])], { outputs: 2 })[0]!,
    },
    {
      inputs: { x: separated([4, 2]) },
      build: (g, { x }) =>
        g.emit("TopK", [x, g.integers([3])], {
          outputs: 2,
          attributes: { axis: attribute.int(0), largest: attribute.int(0) },
        })[0]!,
    },
  ],
} satisfies { readonly [O in OpName]?: readonly OpCase[] };
