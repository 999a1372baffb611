import { floatAttribute, intAttribute, type ValueInfo } from "../ir/index.js";
import type { Application, Differentiation, OpDefinition } from "./definition.js";
import { printShape } from "./dimensions.js";
import { inputType, requireFloat, requireSameType } from "./inference.js";

function infer(node: Application) {
  const type = requireFloat(node);
  requireSameType(node);
  const channels = type.shape[1] ?? node.fail(`needs channels and gets the shape ${printShape(type.shape)}`);
  for (let i = 1; i < node.inputs.length; i++) {
    const { shape } = inputType(node, i);
    const [length] = shape;
    if (shape.length !== 1 || (typeof length === "number" && typeof channels === "number" && length !== channels)) {
      node.fail(`needs a vector of ${channels} entries as input ${i} and gets the shape ${printShape(shape)}`);
    }
  }
  return [type];
}

/** A vector over channels under the axes of x: [C, 1, ...]. */
function overChannels({ write, input }: Differentiation, vector: ValueInfo): ValueInfo {
  const after = input(0).shape.slice(2);
  return after.length === 0
    ? vector
    : write.unsqueeze(
        vector,
        after.map((_, i) => i + 1),
      );
}

const allButChannels = ({ input }: Differentiation): number[] =>
  input(0).shape.flatMap((_, axis) => (axis === 1 ? [] : [axis]));

/** True for a constant whose entries all are `value`. */
function isConstantly({ write, input }: Differentiation, index: number, value: number): boolean {
  return write.constantOf(input(index))?.data.every((entry: number | bigint) => Number(entry) === value) ?? false;
}

// y = scale h + bias,  h = (x - m) s,  m = mean(x),  s = (var(x) + epsilon)^(-1/2) over the spatial axes; with g = dy scale:
//   dx = s (g - mean(g) - h mean(g h)),   dscale = sum dy h,   dbias = sum dy
// Group normalisation is exported with scale 1 and bias 0: then h is y, which is there already.
function gradientOfInstanceNorm(node: Differentiation, input: number): ValueInfo | undefined {
  const { write } = node;
  const gradient = node.cotangent(0);
  const others = allButChannels(node);
  if (!gradient || input === 2) {
    return gradient && write.reduceSum(gradient, { axes: others });
  }
  const x = node.input(0);
  const axes = others.slice(1);
  const mean = (value: ValueInfo): ValueInfo => write.reduceMean(value, { axes, keepDims: true });
  const centred = write.sub(x, mean(x));
  const epsilon = floatAttribute(node.attributes, "epsilon", 1e-5);
  const deviation = write.sqrt(write.add(mean(write.square(centred)), epsilon));
  const plain = isConstantly(node, 1, 1) && isConstantly(node, 2, 0);
  const normalised = plain ? node.output(0) : write.div(centred, deviation);
  if (input === 1) {
    return write.reduceSum(write.mul(gradient, normalised), { axes: others });
  }
  const scaled = plain ? gradient : write.mul(gradient, overChannels(node, node.input(1)));
  const along = write.mul(normalised, mean(write.mul(scaled, normalised)));
  return write.div(write.sub(write.sub(scaled, mean(scaled)), along), deviation);
}

// y = scale h + bias,  h = (x - m) s,  s = (v + epsilon)^(-1/2), for given m and v:
//   dx = dy scale s,  dscale = sum dy h,  dbias = sum dy,  dm = -scale s sum dy,  dv = -scale s^2 (sum dy h) / 2
function gradientOfBatchNorm(node: Differentiation, input: number): ValueInfo | undefined {
  const { write } = node;
  const gradient = node.cotangent(0);
  if (intAttribute(node.attributes, "training_mode", 0) !== 0) {
    return node.refuse("only its inference form has a derivative here (training_mode = 0)");
  }
  if (!gradient) {
    return undefined;
  }
  const epsilon = floatAttribute(node.attributes, "epsilon", 1e-5);
  const deviation = write.sqrt(write.add(node.input(4), epsilon));
  const slope = write.div(node.input(1), deviation);
  if (input === 0) {
    return write.mul(gradient, overChannels(node, slope));
  }
  const axes = allButChannels(node);
  const total = write.reduceSum(gradient, { axes });
  if (input === 2) {
    return total;
  }
  if (input === 3) {
    return write.neg(write.mul(slope, total));
  }
  const centred = write.sub(node.input(0), overChannels(node, node.input(3)));
  const along = write.div(write.reduceSum(write.mul(gradient, centred), { axes }), deviation);
  return input === 1 ? along : write.mul(write.mul(write.div(slope, deviation), along), -0.5);
}

/** Normalisations by channel. */
export const channelNormalizationOps = {
  InstanceNormalization: { arity: [3, 3], attributes: ["epsilon"], infer, gradient: gradientOfInstanceNorm },
  BatchNormalization: {
    arity: [5, 5],
    attributes: ["epsilon", "momentum", "training_mode"],
    infer,
    gradient: gradientOfBatchNorm,
    limits: "training_mode = 1",
  },
} satisfies Record<string, OpDefinition>;
