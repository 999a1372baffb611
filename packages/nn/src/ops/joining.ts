import { type Dimension, intAttribute, stringAttribute, type ValueInfo } from "../ir/index.js";
import type { Application, Differentiation, OpDefinition } from "./definition.js";
import { printShape } from "./dimensions.js";
import { axisOf, inputType, requireSameType } from "./inference.js";
import { axesFrom, knownNumbers } from "./partial-values.js";

function inferConcat(node: Application) {
  const type = requireSameType(node);
  const first = inputType(node, 0).shape;
  const axis = axisOf(node, first.length, 0);
  const shape = [...first];
  for (let i = 1; i < node.inputs.length; i++) {
    const next = inputType(node, i).shape;
    if (next.length !== first.length) {
      node.fail(`cannot join the shapes ${printShape(first)} and ${printShape(next)}`);
    }
    next.forEach((length, at) => {
      const known = shape[at]!;
      if (at === axis) {
        const both = typeof known === "number" && typeof length === "number";
        shape[at] = both ? known + length : known === 0 ? length : length === 0 ? known : node.fresh(at);
      } else if (typeof known === "number" && typeof length === "number" && known !== length) {
        node.fail(`cannot join the shapes ${printShape(first)} and ${printShape(next)} along the axis ${axis}`);
      } else if (typeof length === "number") {
        shape[at] = length;
      }
    });
  }
  return [{ type, shape }];
}

// y = [x_1, x_2, ...]:  dx_i = the part of dy where x_i went
function gradientOfConcat(node: Differentiation, input: number): ValueInfo | undefined {
  const { write } = node;
  const gradient = node.cotangent(0);
  if (!gradient) {
    return undefined;
  }
  const rank = gradient.shape.length;
  const given = intAttribute(node.attributes, "axis", 0);
  const axis = given < 0 ? given + rank : given;
  const parts = node.inputs.map((_, i) => node.input(i));
  const lengths = parts.map((part) => part.shape[axis]!);
  if (lengths.every((length) => typeof length === "number")) {
    const start = lengths.slice(0, input).reduce((sum, length) => sum + length, 0);
    return write.slice(gradient, { starts: [start], ends: [start + lengths[input]!], axes: [axis] });
  }
  const index = write.integers([axis]);
  const sizes = parts.map((part) => write.gather(write.shapeOf(part), index, 0));
  return write.split(gradient, write.concat(sizes, 0), axis)[input];
}

function inferSplit(node: Application) {
  const { type, shape } = inputType(node, 0);
  const axis = axisOf(node, shape.length, 0);
  const total = shape[axis]!;
  const count = node.outputCount;
  const equal =
    typeof total === "number" ? Math.ceil(total / intAttribute(node.attributes, "num_outputs", count)) : undefined;
  const lengths: readonly (Dimension | undefined)[] = node.inputs[1]
    ? (node.values[1]?.entries ?? [])
    : Array.from({ length: count }, (_, i) =>
        equal === undefined ? undefined : Math.min(equal, (total as number) - i * equal),
      );
  const known = lengths.length > 0 && lengths.every((length) => typeof length === "number");
  if (known && typeof total === "number" && (lengths as number[]).reduce((sum, length) => sum + length, 0) !== total) {
    node.fail(`cuts the length ${total} into [${lengths.join(", ")}]`);
  }
  const pieces = Math.max(count, lengths.length);
  return Array.from({ length: pieces }, (_, i) => ({
    type,
    shape: shape.map((length, at) => (at === axis ? (lengths[i] ?? `${node.fresh(at)}.${i}`) : length)),
  }));
}

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

/** First entry and number of entries that a slice takes from an axis of known length. */
export function resolveBounds(
  length: number,
  start: number,
  end: number,
  step: number,
): [first: number, count: number] {
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
    result[axis] = whole ? length : numbers ? resolveBounds(length, start, end, step)[1] : node.fresh(axis);
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
  const starts = write.integersOf(node.inputs[1]);
  const ends = write.integersOf(node.inputs[2]);
  const axes = node.inputs[3] ? write.integersOf(node.inputs[3]) : starts?.map((_, i) => i);
  const steps = node.inputs[4] ? write.integersOf(node.inputs[4]) : starts?.map(() => 1);
  if (!starts || !ends || !axes || !steps) {
    return node.refuse("its bounds are computed while the graph runs; bounds known before are differentiable");
  }
  let result = gradient;
  const before = new Array<number>(rank).fill(0);
  const cut = axes.map((axis) => (axis < 0 ? axis + rank : axis));
  cut.forEach((axis, i) => {
    before[axis] = starts[i]!;
    const length = x.shape[axis]!;
    if (steps[i] === 1) {
      return;
    }
    if (typeof length === "string") {
      node.refuse(`it takes steps of ${steps[i]} along an axis whose length is known only while the graph runs`);
    }
    // Entry j of dx is entry source[j] of dy, or the zero appended to dy where the slice skipped j.
    const [first, count] = resolveBounds(length as number, starts[i]!, ends[i]!, steps[i]!);
    const source = new Array<number>(length as number).fill(count);
    for (let k = 0; k < count; k++) {
      source[first + k * steps[i]!] = k;
    }
    const oneMore = new Array<number>(2 * rank).fill(0);
    oneMore[rank + axis] = 1;
    result = write.gather(write.pad(result, oneMore), write.integers(source), axis);
    before[axis] = 0;
  });
  return padTo(node, { gradient: result, like: x, starts: before, axes: cut.filter((_, i) => steps[i] === 1) });
}

interface Padding {
  readonly gradient: ValueInfo;
  readonly like: ValueInfo;
  /** First entry of the slice along each axis. */
  readonly starts: readonly number[];
  readonly axes: readonly number[];
}

/** Zeros around a gradient so that it has the shape of `like`, from which a slice had been taken. */
function padTo({ write }: Differentiation, { gradient, like, starts, axes }: Padding): ValueInfo {
  const rank = like.shape.length;
  const pads = new Array<number>(2 * rank).fill(0);
  let dynamic = false;
  for (const axis of axes) {
    const length = like.shape[axis]!;
    const kept = gradient.shape[axis]!;
    if (typeof length === "number" && typeof kept === "number") {
      pads[axis] = resolveBounds(length, starts[axis]!, 2 ** 31, 1)[0];
      pads[rank + axis] = length - kept - pads[axis]!;
    } else {
      dynamic ||= length !== kept;
    }
  }
  if (!dynamic) {
    return write.pad(gradient, pads);
  }
  const shape = write.shapeOf(like);
  const negative = write.integers(starts.map((start) => (start < 0 ? 1 : 0)));
  const fromFront = write.add(write.mul(negative, shape), write.integers(starts));
  const before = write.max(write.min(fromFront, shape), 0);
  const after = write.sub(write.sub(shape, write.shapeOf(gradient)), before);
  return write.pad(gradient, write.concat([before, after], 0));
}

function inferPad(node: Application) {
  const { type, shape } = inputType(node, 0);
  const axes = node.inputs[3] ? axesFrom(node, 3, shape.length) : shape.map((_, axis) => axis);
  const pads = node.values[1]?.entries;
  const result = shape.map((length, axis): Dimension => {
    const at = axes?.indexOf(axis);
    if (at === undefined || !axes) {
      return node.fresh(axis);
    }
    const [before, after] = at < 0 ? [0, 0] : [pads?.[at], pads?.[axes.length + at]];
    if (before === 0 && after === 0) {
      return length;
    }
    const known = typeof length === "number" && typeof before === "number" && typeof after === "number";
    return known ? length + before + after : node.fresh(axis);
  });
  return [{ type, shape: result }];
}

// y = x with a constant c around it:  dx = the inner part of dy,  dc = sum of the rest of dy
function gradientOfPad(node: Differentiation, input: number): ValueInfo | undefined {
  const { write } = node;
  const gradient = node.cotangent(0);
  if (!gradient) {
    return undefined;
  }
  const mode = stringAttribute(node.attributes, "mode", "constant");
  const pads = write.integersOf(node.inputs[1]);
  if (mode !== "constant" || node.inputs[3] || pads?.some((length) => length < 0)) {
    return node.refuse("only constant padding of lengths >= 0 over all axes is differentiable here");
  }
  const x = node.input(0);
  const rank = x.shape.length;
  const all = Array.from({ length: rank }, (_, axis) => axis);
  const known = pads && x.shape.every((length) => typeof length === "number");
  const starts = pads
    ? write.integers(pads.slice(0, rank))
    : write.slice(node.input(1), { starts: [0], ends: [rank], axes: [0] });
  const ends = known
    ? write.integers(x.shape.map((length, axis) => pads[axis]! + (length as number)))
    : write.add(starts, write.shapeOf(x));
  const inner = write.slice(gradient, { starts, ends, axes: all });
  return input === 0 ? inner : write.sub(write.reduceSum(gradient), write.reduceSum(inner));
}

/** Operators that join tensors or cut pieces out of them. */
export const joiningOps = {
  Concat: {
    arity: [1, Number.POSITIVE_INFINITY],
    attributes: ["axis"],
    infer: inferConcat,
    evaluate: (node) => {
      if (node.values.some((value) => !value || value.shape.length !== 1)) {
        return undefined;
      }
      const entries = node.values.flatMap((value) => [...value!.entries]);
      return { shape: [entries.length], entries };
    },
    gradient: gradientOfConcat,
  },
  Split: {
    arity: [1, 2],
    attributes: ["axis", "num_outputs"],
    infer: inferSplit,
    discreteInputs: [1],
    // [y_1, y_2, ...] = x:  dx = [dy_1, dy_2, ...], with zeros for pieces that nobody used
    gradient: (node) => {
      const pieces = Array.from(
        { length: node.outputCount },
        (_, i) => node.cotangent(i) ?? node.write.zerosLike(node.output(i)),
      );
      return node.write.concat(pieces, intAttribute(node.attributes, "axis", 0));
    },
  },
  Slice: {
    arity: [3, 5],
    attributes: [],
    infer: inferSlice,
    evaluate: (node) => {
      const value = node.values[0];
      const [start, end, step] = [1, 2, 4].map((i) => knownNumbers(node.values[i])?.[0]);
      if (
        !value ||
        value.shape.length !== 1 ||
        start === undefined ||
        end === undefined ||
        (node.inputs[4] && step === undefined)
      ) {
        return undefined;
      }
      const [first, count] = resolveBounds(value.entries.length, start, end, step ?? 1);
      const entries = Array.from({ length: count }, (_, k) => value.entries[first + k * (step ?? 1)]);
      return { shape: [count], entries };
    },
    discreteInputs: [1, 2, 3, 4],
    gradient: gradientOfSlice,
  },
  Pad: {
    arity: [2, 4],
    attributes: ["mode"],
    infer: inferPad,
    discreteInputs: [1, 3],
    gradient: gradientOfPad,
  },
} satisfies Record<string, OpDefinition>;
