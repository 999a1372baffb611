export {
  type ActivationName,
  activate,
  activationNames,
  elu,
  gelu,
  hardSigmoid,
  hardSwish,
  leakyRelu,
  mish,
  type SmoothActivationName,
  selu,
  silu,
} from "./activations.js";
export {
  type AdaptiveLayerNormOptions,
  type AdaptiveLayerNormZeroOptions,
  adaptiveLayerNorm,
  adaptiveLayerNormZero,
} from "./adaptive-layer-norm.js";
export {
  type AttentionMasking,
  type AttentionOptions,
  attention,
  type DotProductOptions,
  dotProductAttention,
  type MultiheadAttentionOptions,
  multiheadAttention,
} from "./attention.js";
export {
  type ConvolutionOptions,
  type ConvolutionTransposeOptions,
  channelsOf,
  conv1d,
  conv2d,
  convTranspose2d,
} from "./convolution.js";
export { type EmbeddingOptions, embedding } from "./embedding.js";
export { type FeedForwardOptions, feedForward } from "./feed-forward.js";
export { type FilmOptions, film } from "./film.js";
export { type GroupNormOptions, groupNorm } from "./group-norm.js";
export { type InstanceNormOptions, instanceNorm } from "./instance-norm.js";
export { type LayerNormOptions, layerNorm } from "./layer-norm.js";
export { type LinearOptions, lastLength, linear } from "./linear.js";
export {
  averagePool2d,
  type Interpolation,
  maxPool2d,
  type PoolOptions,
  pixelShuffle,
  type ResizeOptions,
  resize2d,
  type UpsampleOptions,
  upsample2d,
} from "./resampling.js";
export { type ResidualBlockOptions, residualBlock, type TimeNormalization } from "./residual-block.js";
export { type RmsNormOptions, rmsNorm } from "./rms-norm.js";
export {
  fourierFeatures,
  fourierTimeFeatures,
  type GaussianFourierOptions,
  gaussianFourierFeatures,
  type SinusoidalOptions,
  sinusoidalFeatures,
  sinusoidalTimeEmbedding,
  type TimeEmbeddingOptions,
} from "./time-features.js";
