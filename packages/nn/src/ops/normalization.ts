import { intAttribute, type ValueInfo } from "../ir/index.js";
import type { Application, Differentiation, OpDefinition } from "./definition.js";
import { broadcastShapes, printShape } from "./dimensions.js";
import { axisOf, requireFloat, requireSameType } from "./inference.js";
import { unbroadcast } from "./unbroadcast.js";

function inferLayerNorm(node: Application) {
  const { type, shape } = requireFloat(node);
  requireSameType(node);
  const axis = axisOf(node, shape.length, -1);
  for (const index of [1, 2]) {
    const given = node.inputs[index]?.shape;
    if (given && broadcastShapes([shape, given])?.length !== shape.length) {
      node.fail(`cannot scale or shift the shape ${printShape(shape)} by ${printShape(given)}`);
    }
  }
  const reduced = { type, shape: shape.map((length, at) => (at < axis ? length : 1)) };
  return [{ type, shape }, reduced, reduced];
}

// y = h * scale + bias,  h = (x - m) s,  m = mean(x),  s = (var(x) + epsilon)^(-1/2) over the normalised axes:
//   with g = dy * scale + (what reaches h otherwise):
//   dx = s (g - mean(g) - h mean(g h)) + dm / n - ds s^2 h / n,   dscale = sum dy h,   dbias = sum dy
// m and s are the operator's own second and third output; they may be used, so they may have cotangents dm and ds.
function gradientOfLayerNorm(node: Differentiation, input: number): ValueInfo | undefined {
  const { write } = node;
  const x = node.input(0);
  const rank = x.shape.length;
  const given = intAttribute(node.attributes, "axis", -1);
  const axes = Array.from({ length: rank - (given < 0 ? given + rank : given) }, (_, i) => rank - 1 - i).reverse();
  const mean = (value: ValueInfo): ValueInfo => write.reduceMean(value, { axes, keepDims: true });
  const gradient = node.cotangent(0);
  if (input === 2) {
    return gradient && unbroadcast(write, gradient, node.input(2));
  }
  const deviation = node.output(2);
  const normalised = write.mul(write.sub(x, node.output(1)), deviation);
  if (input === 1) {
    return gradient && unbroadcast(write, write.mul(gradient, normalised), node.input(1));
  }
  const parts: ValueInfo[] = [];
  if (gradient) {
    const scaled = write.mul(gradient, node.input(1));
    const projected = write.sub(
      write.sub(scaled, mean(scaled)),
      write.mul(normalised, mean(write.mul(scaled, normalised))),
    );
    parts.push(write.mul(projected, deviation));
  }
  // mean() of a tensor of ones over n entries is 1, so (1/n) enters as mean of the repeated cotangent.
  const [ofMean, ofDeviation] = [node.cotangent(1), node.cotangent(2)];
  if (ofMean) {
    parts.push(write.mul(overCount(node, ofMean, axes), write.fullLike(x, 1)));
  }
  if (ofDeviation) {
    parts.push(
      write.neg(write.mul(write.mul(overCount(node, ofDeviation, axes), write.square(deviation)), normalised)),
    );
  }
  return parts.length === 0 ? undefined : parts.reduce((sum, part) => write.add(sum, part));
}

/** A reduced value divided by the number of entries of x that it stands for. */
function overCount({ write, input }: Differentiation, value: ValueInfo, axes: readonly number[]): ValueInfo {
  const x = input(0);
  const lengths = axes.map((axis) => x.shape[axis]!);
  if (lengths.every((length) => typeof length === "number")) {
    return write.mul(value, 1 / lengths.reduce((product, length) => product * length, 1));
  }
  return write.div(value, write.cast(write.div(write.sizeOf(x), write.sizeOf(value)), x.type));
}

const inferSoftmax = (node: Application) => {
  const type = requireFloat(node);
  axisOf(node, type.shape.length, -1);
  return [type];
};

/** Normalisations over axes. */
export const normalizationOps = {
  LayerNormalization: {
    arity: [2, 3],
    attributes: ["axis", "epsilon", "stash_type"],
    infer: inferLayerNorm,
    gradient: gradientOfLayerNorm,
  },
  Softmax: {
    arity: [1, 1],
    attributes: ["axis"],
    infer: inferSoftmax,
    // y = exp(x) / sum exp(x):  dx = y (dy - sum(dy y))
    gradient: (node) => {
      const { write } = node;
      const gradient = node.cotangent(0);
      if (!gradient) {
        return undefined;
      }
      const y = node.output(0);
      const axes = [intAttribute(node.attributes, "axis", -1)];
      const weighted = write.mul(gradient, y);
      return write.sub(weighted, write.mul(y, write.reduceSum(weighted, { axes, keepDims: true })));
    },
  },
  LogSoftmax: {
    arity: [1, 1],
    attributes: ["axis"],
    infer: inferSoftmax,
    // y = x - log sum exp(x):  dx = dy - exp(y) sum(dy)
    gradient: (node) => {
      const { write } = node;
      const gradient = node.cotangent(0);
      if (!gradient) {
        return undefined;
      }
      const axes = [intAttribute(node.attributes, "axis", -1)];
      return write.sub(
        gradient,
        write.mul(write.exp(node.output(0)), write.reduceSum(gradient, { axes, keepDims: true })),
      );
    },
  },
} satisfies Record<string, OpDefinition>;
