import { type DDTensor, type NoConditioning, registerBaseModel, registerReward } from "@diffusiongym/core";
import { makeGmm, makeGmm2d, type ToyMixtureOptions } from "./model/index.js";
import { makeGmmMlp } from "./network-model/index.js";
import {
  BimodalReward,
  type BimodalRewardOptions,
  BinaryReward,
  BoxReward,
  type BoxRewardOptions,
  GaussianReward,
  type GaussianRewardOptions,
  HalfSpaceReward,
  type HalfSpaceRewardOptions,
  LinearReward,
  type LinearRewardOptions,
  QuadraticReward,
  type QuadraticRewardOptions,
  RingReward,
  type RingRewardOptions,
} from "./rewards/index.js";

/** What the registry knows of a part that works on points. */
interface PointEntry<Options> {
  data: DDTensor;
  conditioning: NoConditioning;
  options: Options;
}

declare module "@diffusiongym/core" {
  interface BaseModelRegistry {
    "toy/gmm": PointEntry<ToyMixtureOptions>;
    "toy/gmm2d": PointEntry<ToyMixtureOptions>;
    "toy/gmm-mlp": PointEntry<Record<string, never>>;
  }
  interface RewardRegistry {
    "toy/linear": PointEntry<LinearRewardOptions>;
    "toy/quadratic": PointEntry<QuadraticRewardOptions>;
    "toy/binary": PointEntry<BoxRewardOptions>;
    "toy/gaussian": PointEntry<GaussianRewardOptions>;
    "toy/box": PointEntry<BoxRewardOptions>;
    "toy/halfspace": PointEntry<HalfSpaceRewardOptions>;
    "toy/ring": PointEntry<RingRewardOptions>;
    "toy/bimodal": PointEntry<BimodalRewardOptions>;
  }
}

const mixtureHelp = {
  means: "mean of each mode, [K][d]; replaces the whole mixture",
  weights: "mass of each mode, default equal",
  standardDeviations: "one, one a mode, or one a mode and axis, default 1",
  covariances: "[K][d][d], instead of standardDeviations",
  scheduler: 'spec of the path, default {"type": "optimal-transport"}',
  outputType: "velocity, epsilon, endpoint or score, default velocity",
};
const directionHelp = "one number a coordinate, default the first axis";

registerBaseModel("toy/gmm", makeGmm, {
  description: "exact Gaussian mixture on the line: modes at 0 (broad) and 3 (narrow)",
  options: mixtureHelp,
});
registerBaseModel("toy/gmm2d", makeGmm2d, {
  description: "exact Gaussian mixture in the plane: four modes at (+-2, +-2)",
  options: mixtureHelp,
});
registerBaseModel("toy/gmm-mlp", makeGmmMlp, {
  description: "toy/gmm as a small trained network; needs @diffusiongym/nn",
});

registerReward("toy/linear", LinearReward, {
  description: "direction . x + offset",
  options: { direction: directionHelp, offset: "default 0" },
});
registerReward("toy/quadratic", QuadraticReward, {
  description: "-1/2 (x - center)^T precision (x - center)",
  options: { center: "default 1 in every coordinate", precision: "number or symmetric matrix, default 1" },
});
registerReward("toy/binary", BinaryReward, {
  description: "1 on [0, 1], else 0; no gradient",
  options: { lower: "default 0", upper: "default 1" },
});
registerReward("toy/gaussian", GaussianReward, {
  description: "density of a normal law",
  options: { mean: "default -2.5", standardDeviation: "default 0.8" },
});
registerReward("toy/box", BoxReward, {
  description: "1 inside a box, else 0; no gradient",
  options: { lower: "default 1", upper: "default 3" },
});
registerReward("toy/halfspace", HalfSpaceReward, {
  description: "1 where direction . x > threshold, else 0; no gradient",
  options: { direction: directionHelp, threshold: "default 1" },
});
registerReward("toy/ring", RingReward, {
  description: "-1/2 ((|x - center| - radius) / width)^2",
  options: { center: "default 0", radius: "default 2", width: "default 0.5" },
});
registerReward("toy/bimodal", BimodalReward, {
  description: "sum of two equal bumps",
  options: { centers: "two points, default -2 and 2 in every coordinate", width: "default 0.8" },
});
