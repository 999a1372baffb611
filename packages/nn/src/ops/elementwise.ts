import type { ValueInfo } from "../ir/index.js";
import type { Application, Differentiation, OpDefinition } from "./definition.js";
import { productOf, quotientOf } from "./dimensions.js";
import { broadcastType, inputType, requireSameType, requireType } from "./inference.js";
import { combinePartial } from "./partial-values.js";
import { unbroadcast } from "./unbroadcast.js";

const infer = (node: Application) => [broadcastType(node, requireSameType(node))];

/** Arithmetic on two numbers; anything symbolic is left to `symbolic`. */
const onNumbers =
  (combine: (a: number, b: number) => number | undefined) =>
  (a: number | string, b: number | string): number | undefined =>
    typeof a === "number" && typeof b === "number" ? combine(a, b) : undefined;

const times = onNumbers((a, b) => a * b);

type Derivative = (node: Differentiation, gradient: ValueInfo) => ValueInfo;

/** A rule from one derivative an input; sums over the axes along which the input was broadcast. */
const perInput =
  (...derivatives: readonly Derivative[]) =>
  (node: Differentiation, input: number): ValueInfo | undefined => {
    const gradient = node.cotangent(0);
    return gradient && unbroadcast(node.write, derivatives[input]!(node, gradient), node.input(input));
  };

/**
 * z = max_i x_i or min_i x_i:  dx_i = dz [x_i = z] / #{j : x_j = z}
 * Subgradient at ties: equal shares.
 */
function extremum(node: Differentiation, input: number): ValueInfo | undefined {
  const { write } = node;
  const gradient = node.cotangent(0);
  const attains = (i: number): ValueInfo => write.cast(write.equal(node.input(i), node.output(0)), node.output(0).type);
  const count = node.inputs.map((_, i) => attains(i)).reduce((sum, next) => write.add(sum, next));
  return gradient && unbroadcast(write, write.mul(gradient, write.div(attains(input), count)), node.input(input));
}

/** Elementwise operators of two or more inputs, with NumPy broadcasting. */
export const elementwiseOps = {
  Add: {
    arity: [2, 2],
    attributes: [],
    infer,
    evaluate: (node) => combinePartial(node, (a, b) => (a === 0 ? b : b === 0 ? a : onNumbers((x, y) => x + y)(a, b))),
    // z = a + b:  da = dz,  db = dz
    gradient: perInput(
      (_, dz) => dz,
      (_, dz) => dz,
    ),
  },
  Sub: {
    arity: [2, 2],
    attributes: [],
    infer,
    evaluate: (node) => combinePartial(node, (a, b) => (b === 0 ? a : a === b ? 0 : onNumbers((x, y) => x - y)(a, b))),
    // z = a - b:  da = dz,  db = -dz
    gradient: (node, input) => {
      const gradient = node.cotangent(0);
      const summed = gradient && unbroadcast(node.write, gradient, node.input(input));
      return summed && input === 1 ? node.write.neg(summed) : summed;
    },
  },
  Mul: {
    arity: [2, 2],
    attributes: [],
    infer,
    evaluate: (node) =>
      combinePartial(node, (a, b) => (Number(a) < 0 || Number(b) < 0 ? times(a, b) : productOf([a, b]))),
    // z = a b:  da = dz b,  db = dz a
    gradient: perInput(
      ({ write, input }, dz) => write.mul(dz, input(1)),
      ({ write, input }, dz) => write.mul(dz, input(0)),
    ),
  },
  Div: {
    arity: [2, 2],
    attributes: [],
    infer,
    evaluate: (node) =>
      combinePartial(node, (a, b) => {
        if (typeof a === "number" && typeof b === "number") {
          return b === 0 ? undefined : Math.trunc(a / b);
        }
        return quotientOf(a, b);
      }),
    // z = a / b:  da = dz / b,  db = -z dz / b
    gradient: perInput(
      ({ write, input }, dz) => write.div(dz, input(1)),
      ({ write, input, output }, dz) => write.neg(write.mul(write.div(dz, input(1)), output(0))),
    ),
  },
  Pow: {
    arity: [2, 2],
    attributes: [],
    infer: (node) => {
      requireType(node, 1, ["float32", "float64", "int64", "int32"]);
      return [broadcastType(node, inputType(node, 0).type)];
    },
    // z = a^b:  da = dz b a^(b-1), 0 where b = 0 (even at a = 0);  db = dz z log a, taken as 0 where a <= 0.
    // At a = 0, da is infinite for b between 0 and 1.
    gradient: perInput(
      ({ write, input }, dz) => {
        const base = input(0);
        const exponent = write.cast(input(1), base.type);
        const constant = write.constantOf(exponent);
        const power = constant?.data.length === 1 ? Number(constant.data[0]) : undefined;
        if (power === 0) {
          return write.mul(dz, 0);
        }
        if (power === 2) {
          return write.mul(write.mul(dz, 2), base);
        }
        if (power !== undefined) {
          return write.mul(dz, write.mul(write.pow(base, power - 1), power));
        }
        // The exponent 0 becomes 1, so that 0 times an infinite slope is never taken.
        const some = write.where(write.equal(exponent, 0), 1, exponent);
        return write.mul(dz, write.mul(write.pow(base, write.sub(some, 1)), exponent));
      },
      ({ write, input, output }, dz) => {
        const base = input(0);
        const positive = write.greater(base, 0);
        const slope = write.mul(output(0), write.log(write.where(positive, base, 1)));
        return write.mul(dz, write.where(positive, slope, 0));
      },
    ),
  },
  Max: { arity: [1, Number.POSITIVE_INFINITY], attributes: [], infer, gradient: extremum },
  Min: { arity: [1, Number.POSITIVE_INFINITY], attributes: [], infer, gradient: extremum },
  Mod: {
    arity: [2, 2],
    attributes: ["fmod"],
    infer,
    evaluate: (node) =>
      combinePartial(
        node,
        onNumbers((a, b) => (a >= 0 && b > 0 ? a % b : undefined)),
      ),
    // z = a - b trunc(a/b):  da = dz,  db = -trunc(a/b) dz = (z - a) dz / b.  The jumps count for nothing.
    gradient: perInput(
      (_, dz) => dz,
      ({ write, input, output }, dz) => write.mul(dz, write.div(write.sub(output(0), input(0)), input(1))),
    ),
  },
  // z = x_1 + x_2 + ...:  dx_i = dz
  Sum: {
    arity: [1, Number.POSITIVE_INFINITY],
    attributes: [],
    infer,
    gradient: (node, input) => {
      const gradient = node.cotangent(0);
      return gradient && unbroadcast(node.write, gradient, node.input(input));
    },
  },
  // z = (x_1 + ... + x_n) / n:  dx_i = dz / n
  Mean: {
    arity: [1, Number.POSITIVE_INFINITY],
    attributes: [],
    infer,
    gradient: (node, input) => {
      const gradient = node.cotangent(0);
      return gradient && unbroadcast(node.write, node.write.mul(gradient, 1 / node.inputs.length), node.input(input));
    },
  },
  Clip: {
    arity: [1, 3],
    attributes: [],
    infer: (node) => {
      requireSameType(node);
      return [inputType(node, 0)];
    },
    // z = min(max(x, a), b):  dx = dz where a <= x <= b,  da = sum of dz where x < a,  db = sum of dz where x > b
    // Subgradient at the bounds: all to x.
    gradient: (node, input) => {
      const { write, inputs } = node;
      const gradient = node.cotangent(0);
      const x = node.input(0);
      const below = inputs[1] && write.less(x, inputs[1]);
      const above = inputs[2] && write.greater(x, inputs[2]);
      if (!gradient || input > 0) {
        const outside = input === 1 ? below : above;
        return gradient && outside && unbroadcast(write, write.where(outside, gradient, 0), node.input(input));
      }
      const inner = below ? write.where(below, 0, gradient) : gradient;
      return above ? write.where(above, 0, inner) : inner;
    },
  },
  Where: {
    arity: [3, 3],
    attributes: [],
    infer: (node) => {
      requireType(node, 0, ["bool"]);
      return [broadcastType(node, requireSameType(node, [1, 2]))];
    },
    discreteInputs: [0],
    // z = c ? a : b:  da = c ? dz : 0,  db = c ? 0 : dz
    gradient: perInput(
      ({ refuse }) => refuse("a condition has no derivative"),
      ({ write, input }, dz) => write.where(input(0), dz, 0),
      ({ write, input }, dz) => write.where(input(0), 0, dz),
    ),
  },
} satisfies Record<string, OpDefinition>;
