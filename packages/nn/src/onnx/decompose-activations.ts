import { stringAttribute } from "../ir/index.js";
import type { Composite, Replacement } from "./replacement.js";

/** x/2 (1 + erf(x / sqrt 2)), in the order of operations that runtimes recognise and run as one. */
export function geluByErf(write: Replacement, x: string): string {
  const scaled = write.add("Div", [x, write.scalar(Math.SQRT2)]);
  const sum = write.add("Add", [write.add("Erf", [scaled]), write.scalar(1)]);
  return write.add("Mul", [write.add("Mul", [x, sum]), write.scalar(0.5)]);
}

/** x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) */
export function geluByTanh(write: Replacement, x: string): string {
  const cubed = write.add("Mul", [write.add("Pow", [x, write.scalar(3)]), write.scalar(0.044715)]);
  const inner = write.add("Mul", [write.add("Add", [x, cubed]), write.scalar(Math.sqrt(2 / Math.PI))]);
  const sum = write.add("Add", [write.add("Tanh", [inner]), write.scalar(1)]);
  return write.add("Mul", [write.add("Mul", [x, sum]), write.scalar(0.5)]);
}

/** x sigmoid(alpha x) */
export function swish(write: Replacement, x: string, alpha: number): string {
  const scaled = alpha === 1 ? x : write.add("Mul", [x, write.scalar(alpha)]);
  return write.add("Mul", [x, write.add("Sigmoid", [scaled])]);
}

/** Activations of ONNX's own operator set that are read as what they are made of. */
export const activationComposites: Readonly<Record<string, Composite>> = {
  Gelu: {
    attributes: ["approximate"],
    write: (write, { inputs: [x = ""], attributes }) =>
      stringAttribute(attributes, "approximate", "none") === "none" ? geluByErf(write, x) : geluByTanh(write, x),
  },
  // y = x tanh(log(1 + exp(x)))
  Mish: {
    attributes: [],
    write: (write, { inputs: [x = ""] }) => write.add("Mul", [x, write.add("Tanh", [write.add("Softplus", [x])])]),
  },
};
