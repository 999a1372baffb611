import { intAttribute } from "../ir/index.js";
import type { Application, OpDefinition } from "./definition.js";
import { onnxTypeCode } from "./element-codes.js";
import { elementTypeOfCode, inputType, isFloat } from "./inference.js";
import { smooth } from "./smooth.js";

const sameType = (node: Application) => [inputType(node, 0)];

/** An elementwise function that is constant between its steps; its derivative is taken as 0 at the steps too. */
const step: OpDefinition = { arity: [1, 1], attributes: [], infer: sameType, gradient: "none" };

/** Elementwise operators of one input. */
export const unaryOps = {
  // y = -x:  dx = -dy
  Neg: { ...smooth(({ write }, dy) => write.neg(dy)), infer: sameType },
  // y = |x|:  dx = sign(x) dy.  Subgradient at 0: 0.
  Abs: { ...smooth(({ write, input }, dy) => write.mul(dy, write.sign(input(0)))), infer: sameType },
  Sign: step,
  Floor: step,
  Ceil: step,
  Round: step,
  // y = 1/x:  dx = -y^2 dy.  Infinite at 0.
  Reciprocal: smooth(({ write, output }, dy) => write.neg(write.mul(dy, write.square(output(0))))),
  // y = sqrt(x):  dx = dy / (2 y).  Infinite at 0, and NaN there where dy is 0, as in PyTorch.
  Sqrt: smooth(({ write, output }, dy) => write.div(write.mul(dy, 0.5), output(0))),
  // y = exp(x):  dx = y dy
  Exp: smooth(({ write, output }, dy) => write.mul(dy, output(0))),
  // y = log(x):  dx = dy / x.  Infinite at 0.
  Log: smooth(({ write, input }, dy) => write.div(dy, input(0))),
  // y = sin(x):  dx = cos(x) dy
  Sin: smooth(({ write, input }, dy) => write.mul(dy, write.cos(input(0)))),
  // y = cos(x):  dx = -sin(x) dy
  Cos: smooth(({ write, input }, dy) => write.neg(write.mul(dy, write.sin(input(0))))),
  // y = tanh(x):  dx = (1 - y^2) dy
  Tanh: smooth(({ write, output }, dy) => write.mul(dy, write.sub(1, write.square(output(0))))),
  // y = 1/(1 + exp(-x)):  dx = y (1 - y) dy
  Sigmoid: smooth(({ write, output }, dy) => write.mul(dy, write.mul(output(0), write.sub(1, output(0))))),
  // y = log(1 + exp(x)):  dx = sigmoid(x) dy
  Softplus: smooth(({ write, input }, dy) => write.mul(dy, write.sigmoid(input(0)))),
  // y = erf(x):  dx = 2/sqrt(pi) exp(-x^2) dy
  Erf: smooth(({ write, input }, dy) =>
    write.mul(dy, write.mul(write.exp(write.neg(write.square(input(0)))), 2 / Math.sqrt(Math.PI))),
  ),
  // y = max(x, 0):  dx = [x > 0] dy.  Subgradient at 0: 0.
  Relu: smooth(({ write, input }, dy) => write.where(write.greater(input(0), 0), dy, 0)),
  // y = x:  dx = dy
  Identity: {
    ...smooth((_, dy) => dy),
    infer: sameType,
    evaluate: (node) => node.values[0],
  },
  Cast: {
    arity: [1, 1],
    attributes: ["to", "saturate"],
    infer: (node) => {
      const code = intAttribute(node.attributes, "to", 0);
      const type = elementTypeOfCode(code) ?? node.fail(`casts to the element type ${code}, which is not supported`);
      return [{ type, shape: inputType(node, 0).shape }];
    },
    evaluate: (node) => {
      const code = intAttribute(node.attributes, "to", 0);
      return code === onnxTypeCode.int64 || code === onnxTypeCode.int32 ? node.values[0] : undefined;
    },
    // y = x in another type:  dx = dy in the type of x between floats, 0 to or from integers
    gradient: (node) => {
      const gradient = node.cotangent(0);
      const { type } = node.input(0);
      return gradient && isFloat(type) && isFloat(gradient.type) ? node.write.cast(gradient, type) : undefined;
    },
  },
} satisfies Record<string, OpDefinition>;
