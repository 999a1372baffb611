export { Adam, type AdamOptions, AdamW, type AdamWOptions } from "./adam.js";
export { clipGlobalNorm, globalNorm } from "./clipping.js";
export { ExponentialMovingAverage, type ExponentialMovingAverageOptions } from "./moving-average.js";
export { Optimizer, type OptimizerOptions, type OptimizerState } from "./optimizer.js";
export {
  type CosineScheduleOptions,
  constantSchedule,
  cosineSchedule,
  type LearningRateSchedule,
  type WarmupScheduleOptions,
  warmupSchedule,
} from "./schedules.js";
export { StochasticGradientDescent, type StochasticGradientDescentOptions } from "./sgd.js";
