import {
  conv2d,
  GraphBuilder,
  type GraphValue,
  gelu,
  groupNorm,
  layerNorm,
  linear,
  meanSquaredError,
  type NetworkDefinition,
  silu,
} from "../../src/builder/index.js";
import type { TestTensor } from "../ops/run-graph.js";
import { pseudoRandom } from "../ops/run-graph.js";

/** How a stack is made. */
export interface StackOptions {
  readonly depth: number;
  /** Channels, or the width of a dense layer. */
  readonly width: number;
  /** Length of the first axis, a number or a symbol. */
  readonly batch: number | string;
}

type Layer = (g: GraphBuilder, h: GraphValue, name: string) => GraphValue;

/** A stack of equal layers with the mean squared distance of its output `y` to an input `target` as its output `loss`. */
function stack(sample: readonly number[], layer: Layer, { depth, batch }: StackOptions): NetworkDefinition {
  const g = new GraphBuilder("stack");
  let h = g.input("x", [batch, ...sample]);
  for (let i = 0; i < depth; i++) {
    h = layer(g, h, `layers.${i}`);
  }
  g.output("y", h);
  g.output("loss", meanSquaredError(g, { prediction: h, target: g.input("target", h.shape) }));
  return g.build();
}

/** Linear and SiLU. */
export const denseStack = (options: StackOptions): NetworkDefinition =>
  stack([options.width], (g, h, name) => silu(g, linear(g, h, { name, out: options.width })), options);

/** Residual blocks of convolution, group norm and SiLU, on images of 8 x 8 unless told otherwise. */
export const convolutionStack = (options: StackOptions, side = 8): NetworkDefinition =>
  stack(
    [options.width, side, side],
    (g, h, name) => {
      const convolved = conv2d(g, h, { name: `${name}.conv`, out: options.width, kernel: 3, padding: 1 });
      return g.add(h, silu(g, groupNorm(g, convolved, { name: `${name}.norm`, groups: 2 })));
    },
    options,
  );

/** Blocks of attention (one head, 4 tokens) and GELU with layer norms: what runtimes fuse most. */
export const transformerStack = (options: StackOptions): NetworkDefinition =>
  stack(
    [4, options.width],
    (g, h, name) => {
      const normalised = layerNorm(g, h, { name: `${name}.norm1` });
      const part = (role: string): GraphValue =>
        linear(g, normalised, { name: `${name}.${role}`, out: options.width, bias: role !== "key" });
      const scores = g.matMul(g.mul(part("query"), options.width ** -0.5), g.transpose(part("key"), [0, 2, 1]));
      const attended = g.add(h, g.matMul(g.softmax(scores), part("value")));
      const wide = linear(g, layerNorm(g, attended, { name: `${name}.norm2` }), {
        name: `${name}.up`,
        out: 2 * options.width,
      });
      return g.add(attended, linear(g, gelu(g, wide), { name: `${name}.down`, out: options.width }));
    },
    options,
  );

/** Numbers for every input: small for parameters, of order one for data. */
export function feedsOf({ graph, parameters }: NetworkDefinition, batch: number): Record<string, TestTensor> {
  const names = new Set(parameters.map(({ name }) => name));
  return Object.fromEntries(
    graph.inputs.map(({ name, shape }, seed) => {
      const lengths = shape.map((axis) => (typeof axis === "number" ? axis : batch));
      const size = lengths.reduce((product, axis) => product * axis, 1);
      const bound = names.has(name) ? 1 / Math.sqrt(lengths.slice(1).reduce((product, axis) => product * axis, 1)) : 1;
      return [name, { shape: lengths, data: pseudoRandom(seed, size, -bound, bound) }];
    }),
  );
}
