export { type ActivationName, activate, gelu, silu } from "./activations.js";
export {
  type ConvolutionOptions,
  type ConvolutionTransposeOptions,
  conv1d,
  conv2d,
  convTranspose2d,
} from "./convolution.js";
export { type EmbeddingOptions, embedding } from "./embedding.js";
export { type FilmOptions, film } from "./film.js";
export { GraphBuilder, type GraphValue, type NetworkDefinition } from "./graph-builder.js";
export { type GroupNormOptions, groupNorm } from "./group-norm.js";
export { kaimingUniform, normal, ones, uniform, zeros } from "./initializations.js";
export { type LayerNormOptions, layerNorm } from "./layer-norm.js";
export { type LinearOptions, linear } from "./linear.js";
export { meanSquaredError, type SquaredErrorOptions, sumSquaredError } from "./losses.js";
export { type FilmBlockOptions, filmBlock, type MlpConfig, mlp } from "./mlp.js";
export {
  averagePool2d,
  maxPool2d,
  type PoolOptions,
  pixelShuffle,
  type UpsampleOptions,
  upsample2d,
} from "./resampling.js";
export { type RmsNormOptions, rmsNorm } from "./rms-norm.js";
export {
  fourierTimeFeatures,
  type SinusoidalOptions,
  sinusoidalFeatures,
  sinusoidalTimeEmbedding,
  type TimeEmbeddingOptions,
} from "./time-features.js";
export { type ValueMlpConfig, valueMlp } from "./value-mlp.js";
