import { floatAttribute, type ValueInfo } from "../ir/index.js";
import type { Differentiation, OpDefinition } from "./definition.js";
import { broadcastShapes, equalShapes, printShape } from "./dimensions.js";
import { inputType, requireFloat, requireSameType } from "./inference.js";
import { unbroadcast } from "./unbroadcast.js";

type Slope = (node: Differentiation, dy: ValueInfo, x: ValueInfo) => ValueInfo;

/** An elementwise function with float attributes; `rule` turns dy into dx. */
const activation = (attributes: readonly string[], rule: Slope): OpDefinition => ({
  arity: [1, 1],
  attributes,
  infer: (node) => [requireFloat(node)],
  gradient: (node) => {
    const gradient = node.cotangent(0);
    return gradient && rule(node, gradient, node.input(0));
  },
});

/** Activations with parameters of their own. At their kinks the slope is that of the side named. */
export const activationOps = {
  // y = x where x > 0, alpha x elsewhere:  dx = dy or alpha dy.  Subgradient at 0: alpha.
  LeakyRelu: activation(["alpha"], ({ write, attributes }, dy, x) =>
    write.where(write.greater(x, 0), dy, write.mul(dy, floatAttribute(attributes, "alpha", 0.01))),
  ),
  // y = x where x > 0, alpha (exp(x) - 1) elsewhere:  dx = dy or (y + alpha) dy.  At 0: alpha.
  Elu: activation(["alpha"], ({ write, attributes, output }, dy, x) => {
    const slope = write.add(output(0), floatAttribute(attributes, "alpha", 1));
    return write.where(write.greater(x, 0), dy, write.mul(dy, slope));
  }),
  // y = gamma x where x > 0, gamma alpha (exp(x) - 1) elsewhere:  dx = gamma dy or (y + gamma alpha) dy.  At 0: gamma alpha.
  Selu: activation(["alpha", "gamma"], ({ write, attributes, output }, dy, x) => {
    const gamma = floatAttribute(attributes, "gamma", 1.0507009873554805);
    const alpha = floatAttribute(attributes, "alpha", 1.6732632423543772);
    const below = write.mul(dy, write.add(output(0), gamma * alpha));
    return write.where(write.greater(x, 0), write.mul(dy, gamma), below);
  }),
  // y = min(max(alpha x + beta, 0), 1):  dx = alpha dy where 0 < y < 1.  At the kinks: 0.
  HardSigmoid: activation(["alpha", "beta"], ({ write, attributes, output }, dy) => {
    const inside = write.emit("And", [write.greater(output(0), 0), write.less(output(0), 1)])[0]!;
    return write.where(inside, write.mul(dy, floatAttribute(attributes, "alpha", 0.2)), 0);
  }),
  // y = x min(max(x/6 + 1/2, 0), 1):  dx = 0 where x < -3, dy where x > 3, (x/3 + 1/2) dy between.  At the kinks: between.
  HardSwish: activation([], ({ write }, dy, x) => {
    const between = write.mul(dy, write.add(write.mul(x, 1 / 3), 0.5));
    return write.where(write.less(x, -3), 0, write.where(write.greater(x, 3), dy, between));
  }),
  // y = x where x > 0, alpha (exp(x / alpha) - 1) elsewhere:  dx = dy or (y / alpha + 1) dy.  At 0: 1 from both sides.
  Celu: activation(["alpha"], ({ write, attributes, output }, dy, x) => {
    const slope = write.add(write.mul(output(0), 1 / floatAttribute(attributes, "alpha", 1)), 1);
    return write.where(write.greater(x, 0), dy, write.mul(dy, slope));
  }),
  // y = x where x > alpha, 0 elsewhere:  dx = dy or 0.  At the jump: 0.
  ThresholdedRelu: activation(["alpha"], ({ write, attributes }, dy, x) =>
    write.where(write.greater(x, floatAttribute(attributes, "alpha", 1)), dy, 0),
  ),
  // y = x + bias where x < -lambda, x - bias where x > lambda, 0 between:  dx = dy, dy, 0.  At the ends: 0.
  Shrink: activation(["bias", "lambd"], ({ write, attributes }, dy, x) =>
    write.where(write.greater(write.abs(x), floatAttribute(attributes, "lambd", 0.5)), dy, 0),
  ),
  // y = x / (1 + |x|):  dx = dy / (1 + |x|)^2
  Softsign: activation([], ({ write }, dy, x) => write.div(dy, write.square(write.add(write.abs(x), 1)))),
  PRelu: {
    arity: [2, 2],
    attributes: [],
    infer: (node) => {
      requireSameType(node);
      const type = requireFloat(node);
      const slope = inputType(node, 1).shape;
      const shape = broadcastShapes([type.shape, slope]);
      if (!shape || shape.length !== type.shape.length) {
        node.fail(`cannot broadcast the slope ${printShape(slope)} to ${printShape(type.shape)}`);
      }
      return [type];
    },
    // y = x where x >= 0, s x elsewhere:  dx = dy or s dy,  ds = sum of x dy where x < 0 over broadcast axes.  At 0: 1.
    gradient: (node, input) => {
      const { write } = node;
      const gradient = node.cotangent(0);
      if (!gradient) {
        return undefined;
      }
      const [x, slope] = [node.input(0), node.input(1)];
      const below = write.less(x, 0);
      if (input === 1) {
        return unbroadcast(write, write.where(below, write.mul(gradient, x), 0), slope);
      }
      const scaled = write.where(below, write.mul(gradient, slope), gradient);
      return equalShapes(scaled.shape, x.shape) ? scaled : write.reshape(scaled, write.shapeOf(x));
    },
  },
} satisfies Record<string, OpDefinition>;
