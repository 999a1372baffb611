import { ShapeError } from "@diffusiongym/core";
import type { Initialization } from "../../ir/index.js";
import { type GraphBuilder, type GraphValue, kaimingUniform } from "../graph/index.js";

/** Options of `linear`. */
export interface LinearOptions {
  /** Parameter names are `<name>.weight` and `<name>.bias`. */
  readonly name: string;
  /** Length of the last axis of the result. */
  readonly out: number;
  /** Whether a bias is added. @default true */
  readonly bias?: boolean;
  /** Start of the weight and, unless it has its own, of the bias. @default PyTorch's: uniform on +-1/sqrt(inputs) */
  readonly initialization?: Initialization;
  /** Start of the bias. @default that of the weight */
  readonly biasInitialization?: Initialization;
}

/**
 * y = x W^T + b over the last axis, PyTorch's `nn.Linear`: weight of shape [out, in], bias of shape [out].
 * @param g the builder
 * @param x of shape [..., in], with `in` a number
 * @returns a value of shape [..., out]
 * @throws ShapeError when the last axis of x is not a number
 */
export function linear(g: GraphBuilder, x: GraphValue, options: LinearOptions): GraphValue {
  const { name, out, bias = true } = options;
  const fanIn = lastLength(x, `linear "${name}"`);
  const { initialization = kaimingUniform(fanIn) } = options;
  const weight = g.parameter(`${name}.weight`, [out, fanIn], initialization);
  const shift = bias ? g.parameter(`${name}.bias`, [out], options.biasInitialization ?? initialization) : undefined;
  if (x.shape.length === 2) {
    return g.gemm(x, weight, { c: shift, transB: true });
  }
  const product = g.matMul(x, g.transpose(weight));
  return shift ? g.add(product, shift) : product;
}

/** Length of the last axis, which parameters are sized by. */
export function lastLength(x: GraphValue, layer: string): number {
  const length = x.shape[x.shape.length - 1];
  if (typeof length !== "number") {
    throw new ShapeError(
      `${layer}: "${x.name}" has the shape [${x.shape.join(", ")}]; its last axis must be a number.`,
    );
  }
  return length;
}
