import { GraphBuilder, type GraphValue, type NetworkDefinition, zeros } from "../graph/index.js";
import { film, layerNorm, linear, silu, sinusoidalTimeEmbedding } from "../layers/index.js";

/** Configuration of `mlp`. */
export interface MlpConfig {
  /** Entries a sample. */
  readonly inDim: number;
  /** Entries of the output a sample. @default inDim */
  readonly outDim?: number;
  /** Number of sinusoidal features of time. @default 128 */
  readonly timeDim?: number;
  /** Length of the time embedding. @default 256 */
  readonly condDim?: number;
  /** Number of blocks. @default 3 */
  readonly depth?: number;
  /** Width of the blocks. @default 256 */
  readonly width?: number;
  /** See `sinusoidalFeatures`. @default 1000 */
  readonly windowSize?: number;
  /** See `sinusoidalFeatures`. @default 1000 */
  readonly timeMultiplier?: number;
}

/**
 * The time-conditioned multilayer perceptron of the reference: `depth` blocks SiLU(FiLM(LayerNorm(Linear(x)), embedding)) and a
 * linear head that starts at zero. Inputs `x` [N, inDim] and `t` [N], output `output` [N, outDim]; parameter names are those
 * of the PyTorch module (`time_embed.mlp.0.weight`, `blocks.0.linear.weight`, ..., `head.bias`).
 */
export function mlp(config: MlpConfig): NetworkDefinition {
  const { inDim, outDim = inDim, timeDim = 128, condDim = 256, depth = 3, width = 256 } = config;
  const g = new GraphBuilder("mlp");
  const x = g.input("x", ["N", inDim]);
  const t = g.input("t", ["N"]);
  const embedding = sinusoidalTimeEmbedding(g, t, { ...config, name: "time_embed", dim: timeDim, out: condDim });
  let hidden = x;
  for (let block = 0; block < depth; block++) {
    hidden = filmBlock(g, hidden, { name: `blocks.${block}`, out: width, conditioning: embedding });
  }
  g.output("output", linear(g, hidden, { name: "head", out: outDim, initialization: zeros }));
  return g.build();
}

/** Options of `filmBlock`. */
export interface FilmBlockOptions {
  /** Parameter names are `<name>.linear.*`, `<name>.norm.*` and `<name>.film.to_scale_shift.*`. */
  readonly name: string;
  /** Width of the result. */
  readonly out: number;
  /** What the modulation depends on, of shape [N, cond]. */
  readonly conditioning: GraphValue;
}

/** SiLU(FiLM(LayerNorm(Linear(x)), conditioning)). */
export function filmBlock(g: GraphBuilder, x: GraphValue, { name, out, conditioning }: FilmBlockOptions): GraphValue {
  const normalised = layerNorm(g, linear(g, x, { name: `${name}.linear`, out }), { name: `${name}.norm` });
  return silu(g, film(g, normalised, { name: `${name}.film`, conditioning }));
}
