import type { Dimension, ValueInfo } from "../ir/index.js";
import type { Application, Differentiation, OpDefinition } from "./definition.js";
import { printShape } from "./dimensions.js";
import { inputType } from "./inference.js";
import { axesFrom, knownNumbers } from "./partial-values.js";

interface Bounds {
  readonly axis: number;
  readonly start: Dimension | undefined;
  readonly end: Dimension | undefined;
  readonly step: number | undefined;
}

/** The bounds of a Slice by axis, as far as they are known; `undefined` when not even the axes are. */
function boundsOf(node: Application): Bounds[] | undefined {
  const { shape } = inputType(node, 0);
  const count = inputType(node, 1).shape[0];
  const axes = node.inputs[3]
    ? axesFrom(node, 3, shape.length)
    : typeof count === "number"
      ? Array.from({ length: count }, (_, i) => i)
      : undefined;
  const steps = node.inputs[4] ? node.values[4]?.entries : undefined;
  return axes?.map((axis, i) => {
    const step = node.inputs[4] ? steps?.[i] : 1;
    return {
      axis,
      start: node.values[1]?.entries[i],
      end: node.values[2]?.entries[i],
      step: typeof step === "number" ? step : undefined,
    };
  });
}

interface KnownBounds {
  readonly start: number;
  readonly end: number;
  readonly step: number;
}

/** First entry and number of entries that a slice takes from an axis of known length. */
function resolveBounds(length: number, { start, end, step }: KnownBounds): [first: number, count: number] {
  const lowest = step > 0 ? 0 : -1;
  const highest = step > 0 ? length : length - 1;
  const clamp = (bound: number, floor: number): number =>
    Math.min(Math.max(bound < 0 ? bound + length : bound, floor), highest);
  const first = clamp(start, step > 0 ? 0 : -1);
  const last = clamp(end, lowest);
  return [first, Math.max(0, Math.ceil((last - first) / step))];
}

function inferSlice(node: Application) {
  const { type, shape } = inputType(node, 0);
  const bounds = boundsOf(node);
  if (!bounds) {
    return [{ type, shape: shape.map((_, axis) => node.fresh(axis)) }];
  }
  const result = [...shape];
  for (const { axis, start, end, step } of bounds) {
    const length = shape[axis] ?? node.fail(`has the axis ${axis} outside the shape ${printShape(shape)}`);
    if (step === 0) {
      node.fail("has a step of 0");
    }
    const whole = step === 1 && start === 0 && (end === length || (typeof end === "number" && end >= 2 ** 31 - 1));
    const numbers =
      typeof length === "number" && typeof start === "number" && typeof end === "number" && step !== undefined;
    result[axis] = whole ? length : numbers ? resolveBounds(length, { start, end, step })[1] : node.fresh(axis);
  }
  return [{ type, shape: result }];
}

// y = x[start:end]:  dx = dy with zeros before and after; for steps other than 1, zeros between as well
function gradientOfSlice(node: Differentiation): ValueInfo | undefined {
  const { write } = node;
  const gradient = node.cotangent(0);
  if (!gradient) {
    return undefined;
  }
  const x = node.input(0);
  const rank = x.shape.length;
  const count = node.input(1).shape[0];
  const first = typeof count === "number" ? Array.from({ length: count }, (_, i) => i) : undefined;
  const given = node.inputs[3] ? write.integersOf(node.inputs[3]) : first;
  const steps = node.inputs[4] ? write.integersOf(node.inputs[4]) : first?.map(() => 1);
  if (!given || !steps) {
    return node.refuse("its axes or steps are computed while the graph runs");
  }
  const axes = given.map((axis) => (axis < 0 ? axis + rank : axis));
  const filled = axes.reduce(
    (result, axis, i) => (steps[i] === 1 ? result : spread(node, { gradient: result, axis, i, step: steps[i]! })),
    gradient,
  );
  const placed = padTo(node, { gradient: filled, axes: axes.map((axis, i) => (steps[i] === 1 ? axis : -1)) });
  const unknown = axes.some((axis, i) => steps[i] !== 1 && typeof x.shape[axis] === "string");
  return unknown ? write.reshape(placed, write.shapeOf(x)) : placed;
}

interface Spread {
  readonly gradient: ValueInfo;
  readonly axis: number;
  /** Position of the axis among those sliced. */
  readonly i: number;
  readonly step: number;
}

/** Undoes steps along one axis: entry j of dx is an entry of dy, or the zero appended to dy where the slice skipped j. */
function spread(node: Differentiation, { gradient, axis, i, step }: Spread): ValueInfo {
  const { write } = node;
  const length = node.input(0).shape[axis]!;
  const start = write.integersOf(node.inputs[1])?.[i];
  const end = write.integersOf(node.inputs[2])?.[i];
  if (start === undefined || end === undefined) {
    return node.refuse(`it takes steps of ${step} along an axis whose bounds only the run decides`);
  }
  if (typeof length === "string") {
    return spreadUnknown(node, { gradient, axis, i, step });
  }
  const [first, count] = resolveBounds(length, { start, end, step });
  const source = new Array<number>(length).fill(count);
  for (let k = 0; k < count; k++) {
    source[first + k * step] = k;
  }
  const oneMore = new Array<number>(2 * gradient.shape.length).fill(0);
  oneMore[gradient.shape.length + axis] = 1;
  return write.gather(write.pad(gradient, oneMore), write.integers(source), axis);
}

/** The same along an axis whose length only the run decides: every entry of dy followed by zeros, cut to the length. */
function spreadUnknown(node: Differentiation, { gradient, axis, i, step }: Spread): ValueInfo {
  const { write } = node;
  const x = node.input(0);
  const rank = x.shape.length;
  const start = write.integersOf(node.inputs[1])![i]!;
  const end = write.integersOf(node.inputs[2])![i]!;
  if (step < 1 || start < 0 || (end >= 0 && end < 2 ** 31 - 1)) {
    return node.refuse(
      `it takes steps of ${step} from ${start} to ${end} along an axis whose length only the run decides`,
    );
  }
  const padAt = (value: ValueInfo, at: number, length: number): ValueInfo =>
    write.pad(
      value,
      Array.from({ length: 2 * value.shape.length }, (_, j) => (j === at ? length : 0)),
    );
  const followed = padAt(write.unsqueeze(gradient, [axis + 1]), rank + 1 + axis + 1, step - 1);
  const before = write.integers([...new Array<number>(axis).fill(0), -1]);
  const shape = write.shapeOf(gradient);
  const after = axis + 1 < rank ? [write.slice(shape, { starts: [axis + 1], ends: [rank], axes: [0] })] : [];
  const merged = padAt(write.reshape(followed, write.concat([before, ...after], 0)), rank + axis, Math.max(0, -end));
  const length = write.slice(write.shapeOf(x), { starts: [axis], ends: [axis + 1], axes: [0] });
  const cut = write.slice(merged, { starts: [0], ends: write.sub(length, start), axes: [axis] });
  return padAt(cut, axis, start);
}

interface Padding {
  readonly gradient: ValueInfo;
  /** Axes to pad in the order of the slice's bounds, -1 for one that has its length already. */
  readonly axes: readonly number[];
}

/** Zeros around a gradient so that it has the shape of the tensor that was sliced. */
function padTo(node: Differentiation, { gradient, axes }: Padding): ValueInfo {
  const { write } = node;
  const x = node.input(0);
  const rank = x.shape.length;
  const starts = write.integersOf(node.inputs[1]);
  const pads = new Array<number>(2 * rank).fill(0);
  let dynamic = false;
  axes.forEach((axis, i) => {
    const length = x.shape[axis];
    const kept = gradient.shape[axis];
    if (starts && typeof length === "number" && typeof kept === "number") {
      pads[axis] = resolveBounds(length, { start: starts[i]!, end: length, step: 1 })[0];
      pads[rank + axis] = length - kept - pads[axis]!;
    } else {
      dynamic ||= axis >= 0 && length !== kept;
    }
  });
  if (!dynamic) {
    return write.pad(gradient, pads);
  }
  const shape = write.shapeOf(x);
  const given = x.shape.map((_, axis) => {
    const at = axes.indexOf(axis);
    return at < 0 ? write.integers([0]) : write.slice(node.input(1), { starts: [at], ends: [at + 1], axes: [0] });
  });
  const start = write.concat(given, 0);
  const fromFront = write.where(write.less(start, 0), write.add(start, shape), start);
  const before = write.max(write.min(fromFront, shape), 0);
  const after = write.sub(write.sub(shape, write.shapeOf(gradient)), before);
  return write.pad(gradient, write.concat([before, after], 0));
}

/** Operators that take a part of a tensor. */
export const slicingOps = {
  Slice: {
    arity: [3, 5],
    attributes: [],
    infer: inferSlice,
    evaluate: (node) => {
      const value = node.values[0];
      const [start, end, step] = [1, 2, 4].map((i) => knownNumbers(node.values[i])?.[0]);
      if (
        value?.shape.length !== 1 ||
        start === undefined ||
        end === undefined ||
        (node.inputs[4] && step === undefined)
      ) {
        return undefined;
      }
      const [first, count] = resolveBounds(value.entries.length, { start, end, step: step ?? 1 });
      const entries = Array.from({ length: count }, (_, k) => value.entries[first + k * (step ?? 1)]);
      return { shape: [count], entries };
    },
    discreteInputs: [1, 2, 3, 4],
    gradient: gradientOfSlice,
    limits: "axes and steps that only the run decides; most steps but 1 along axes whose lengths only the run decides",
  },
} satisfies Record<string, OpDefinition>;
