import { attribute, intAttribute, stringAttribute, type ValueInfo } from "../ir/index.js";
import { declareShape } from "./convolution-gradients.js";
import type { Application, Differentiation, OpDefinition } from "./definition.js";
import { printShape } from "./dimensions.js";
import { inputType, requireFloat, requireSameType } from "./inference.js";
import type { OpWriter } from "./op-writer.js";
import { lengthOf } from "./run-time-interpolation.js";

function infer(node: Application) {
  const { type, shape } = requireFloat(node);
  requireSameType(node);
  const grid = inputType(node, 1).shape;
  const spatial = shape.length - 2;
  const last = grid[grid.length - 1];
  if (spatial < 1 || grid.length !== shape.length || (typeof last === "number" && last !== spatial)) {
    node.fail(`cannot sample the shape ${printShape(shape)} at the grid ${printShape(grid)}`);
  }
  return [{ type, shape: [shape[0]!, shape[1]!, ...grid.slice(1, -1)] }];
}

/** Where the samples lie along one axis, in entries of the image, and how that follows the grid. */
interface Coordinate {
  /** [N, P] for the P points of an image. */
  readonly at: ValueInfo;
  /** d at / d grid, [N, P] or a scalar. */
  readonly slope: ValueInfo;
  /** Entries along the axis, a float scalar. */
  readonly length: ValueInfo;
}

/** The grid's column `column` in entries of the axis `axis`, brought inside in the way that the padding asks for. */
function coordinate(node: Differentiation, axis: number, column: number): Coordinate {
  const { write, attributes } = node;
  const [x, grid] = [node.input(0), node.input(1)];
  const aligned = intAttribute(attributes, "align_corners", 0) !== 0;
  const padding = stringAttribute(attributes, "padding_mode", "zeros");
  const length = lengthOf(write, x, axis);
  const last = write.sub(length, 1);
  const picked = write.slice(grid, { starts: [column], ends: [column + 1], axes: [3] });
  const points = write.reshape(picked, [0, -1]);
  const slope = write.mul(aligned ? last : length, 0.5);
  const shifted = write.mul(write.add(points, 1), slope);
  const at = aligned ? shifted : write.sub(shifted, 0.5);
  if (padding === "zeros") {
    return { at, slope, length };
  }
  // Reflection folds the line onto the span between the first and the last entry, or between their outer borders.
  const fold = (): { at: ValueInfo; slope: ValueInfo } => {
    const low = aligned ? 0 : -0.5;
    const span = aligned ? write.max(last, 1) : length;
    const offset = write.sub(at, low);
    const distance = write.abs(offset);
    const turns = write.emit("Floor", [write.div(distance, span)])[0]!;
    const rest = write.sub(distance, write.mul(turns, span));
    const even = write.equal(
      write.emit("Mod", [turns, write.scalar(2)], { attributes: { fmod: attribute.int(1) } })[0]!,
      0,
    );
    const folded = write.add(write.where(even, rest, write.sub(span, rest)), low);
    const direction = write.mul(write.where(even, write.fullLike(rest, 1), -1), write.sign(offset));
    return { at: folded, slope: write.mul(direction, slope) };
  };
  const bent = padding === "reflection" ? fold() : { at, slope };
  const inside = write.min(write.max(bent.at, 0), last);
  const kept = write.equal(inside, bent.at);
  return { at: inside, slope: write.where(kept, bent.slope, 0), length };
}

/** One entry of the image that a sample is made of. */
interface Tap {
  /** Position among the entries of an image, [N, 1, P]. */
  readonly index: ValueInfo;
  /** Its part in the sample, 0 outside the image, [N, 1, P]. */
  readonly weight: ValueInfo;
  /** d weight / d (row, column), [N, P]; `undefined` for samples of the nearest entry. */
  readonly slopes?: readonly [row: ValueInfo, column: ValueInfo];
}

function tapsOf(node: Differentiation, row: Coordinate, column: Coordinate): Tap[] {
  const { write } = node;
  const mode = stringAttribute(node.attributes, "mode", "linear");
  const clamp = (index: ValueInfo, { length }: Coordinate): ValueInfo =>
    write.min(write.max(index, 0), write.sub(length, 1));
  const tap = (r: ValueInfo, c: ValueInfo, weight: ValueInfo | number, slopes?: Tap["slopes"]): Tap => {
    const [insideRow, insideColumn] = [clamp(r, row), clamp(c, column)];
    const inside = write.emit("And", [write.equal(r, insideRow), write.equal(c, insideColumn)])[0]!;
    const masked = (value: ValueInfo | number): ValueInfo => write.mul(write.cast(inside, r.type), value);
    return {
      index: write.unsqueeze(write.cast(write.add(write.mul(insideRow, column.length), insideColumn), "int64"), [1]),
      weight: write.unsqueeze(masked(weight), [1]),
      ...(slopes ? { slopes: [masked(slopes[0]), masked(slopes[1])] } : {}),
    };
  };
  if (mode === "nearest") {
    const round = (value: ValueInfo): ValueInfo => write.emit("Round", [value])[0]!;
    return [tap(round(row.at), round(column.at), 1)];
  }
  if (mode !== "linear" && mode !== "bilinear") {
    return node.refuse(`sampling in the mode "${mode}" has no derivative here; "linear" and "nearest" have`);
  }
  const sides = ({ at }: Coordinate): { index: ValueInfo; weight: ValueInfo; sign: number }[] => {
    const low = write.emit("Floor", [at])[0]!;
    const part = write.sub(at, low);
    return [
      { index: low, weight: write.sub(1, part), sign: -1 },
      { index: write.add(low, 1), weight: part, sign: 1 },
    ];
  };
  return sides(row).flatMap((r) =>
    sides(column).map((c) =>
      tap(r.index, c.index, write.mul(r.weight, c.weight), [write.mul(c.weight, r.sign), write.mul(r.weight, c.sign)]),
    ),
  );
}

/** The spatial axes as one. */
const flatten = (write: OpWriter, x: ValueInfo): ValueInfo => write.reshape(x, [0, 0, -1]);

// y[n,c,p] = sum over the entries q around the point p of w_q(p) x[n,c,q], with p read from the grid g:
//   dx[n,c,q] = sum_p w_q(p) dy[n,c,p],   dg[n,p] = sum_q (sum_c dy[n,c,p] x[n,c,q]) dw_q/dp dp/dg
// Subgradients: where a point lies on an entry, the slope towards the next; where padding holds it inside, 0.
function gradientOfGridSample(node: Differentiation, input: number): ValueInfo | undefined {
  const { write } = node;
  const cotangent = node.cotangent(0);
  if (!cotangent) {
    return undefined;
  }
  const [x, grid] = [node.input(0), node.input(1)];
  if (x.shape.length !== 4) {
    return node.refuse("only images (four axes) have a derivative here");
  }
  const [row, column] = [coordinate(node, 2, 1), coordinate(node, 3, 0)];
  const taps = tapsOf(node, row, column);
  const dy = flatten(write, cotangent);
  const axis = attribute.int(2);
  if (input === 0) {
    const zeros = write.zerosLike(flatten(write, x));
    const attributes = { axis, reduction: attribute.string("add") };
    const summed = taps.reduce(
      (sum, { index, weight }) =>
        write.emit("ScatterElements", [sum, write.expandTo(index, dy), write.mul(dy, weight)], { attributes })[0]!,
      zeros,
    );
    return write.reshape(summed, write.shapeOf(x));
  }
  const image = flatten(write, x);
  const parts = taps.flatMap(({ index, slopes }) => {
    const entries =
      slopes && write.emit("GatherElements", [image, write.expandTo(index, dy)], { attributes: { axis } })[0]!;
    const along = entries && write.reduceSum(write.mul(dy, entries), { axes: [1] });
    return along ? [[write.mul(along, slopes[0]), write.mul(along, slopes[1])] as const] : [];
  });
  if (parts.length === 0) {
    return undefined;
  }
  const [down, across] = parts.reduce(([r, c], [nextR, nextC]) => [write.add(r, nextR), write.add(c, nextC)] as const);
  const pair = [write.mul(across, column.slope), write.mul(down, row.slope)].map((part) => write.unsqueeze(part, [2]));
  return declareShape(write, write.reshape(write.concat(pair, 2), write.shapeOf(grid)), grid);
}

/** Reading an image between its entries. */
export const gridSamplingOps = {
  GridSample: {
    arity: [2, 2],
    attributes: ["align_corners", "mode", "padding_mode"],
    infer,
    gradient: gradientOfGridSample,
    limits: "cubic sampling; volumes",
  },
} satisfies Record<string, OpDefinition>;
