import type { Initialization } from "../../ir/index.js";

/** All entries 0. */
export const zeros: Initialization = { kind: "constant", value: 0 };

/** All entries 1. */
export const ones: Initialization = { kind: "constant", value: 1 };

/** Uniform on [-bound, bound). */
export function uniform(bound: number): Initialization {
  return { kind: "uniform", low: -bound, high: bound };
}

/** Normal with mean 0. */
export function normal(standardDeviation: number): Initialization {
  return { kind: "normal", mean: 0, standardDeviation };
}

/**
 * Kaiming-uniform with negative slope sqrt(5), PyTorch's start of linear and convolution weights and (with the same
 * fan-in) biases: uniform on +-1/sqrt(fanIn).
 * @param fanIn number of inputs that each output sums over
 */
export function kaimingUniform(fanIn: number): Initialization {
  return uniform(fanIn > 0 ? 1 / Math.sqrt(fanIn) : 0);
}

/**
 * Xavier-uniform (Glorot and Bengio 2010, equation 16), PyTorch's `nn.init.xavier_uniform_`: uniform on
 * +-sqrt(6 / (fanIn + fanOut)).
 */
export function xavierUniform(fanIn: number, fanOut: number): Initialization {
  return uniform(Math.sqrt(6 / (fanIn + fanOut)));
}
