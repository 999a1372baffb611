import { type OutputType, outputTypes, requireKnown, type SchedulerSpec, schedulerFromSpec } from "@diffusiongym/core";
import { GaussianMixture, type MixtureOptions } from "../mixture/index.js";
import { GaussianMixtureModel } from "./gaussian-mixture-model.js";

/** Options of the registered mixtures; JSON-able. */
export interface ToyMixtureOptions extends Partial<MixtureOptions> {
  /** The path, as a scheduler's spec. @default { type: "optimal-transport" } */
  readonly scheduler?: SchedulerSpec;
  /** What the model returns. @default "velocity" */
  readonly outputType?: OutputType;
}

/** The mixture of `toy/gmm`: one dimension, a broad mode at 0 and a narrow one at 3. */
export const gmmOptions: MixtureOptions = { weights: [0.5, 0.5], means: [0, 3], standardDeviations: [1, 0.4] };

/** The mixture of `toy/gmm2d`: four equal modes at (+-2, +-2). */
export const gmm2dOptions: MixtureOptions = {
  weights: [0.25, 0.25, 0.25, 0.25],
  means: [
    [-2, -2],
    [-2, 2],
    [2, -2],
    [2, 2],
  ],
  standardDeviations: 0.35,
};

/** The maker of `toy/gmm`. */
export function makeGmm(options: ToyMixtureOptions = {}): GaussianMixtureModel {
  return makeMixtureModel(gmmOptions, options);
}

/** The maker of `toy/gmm2d`. */
export function makeGmm2d(options: ToyMixtureOptions = {}): GaussianMixtureModel {
  return makeMixtureModel(gmm2dOptions, options);
}

/** Giving `means` replaces the whole mixture; without them single properties of the default are replaced. */
function makeMixtureModel(defaults: MixtureOptions, options: ToyMixtureOptions): GaussianMixtureModel {
  const { scheduler = { type: "optimal-transport" }, outputType = "velocity", ...given } = options;
  requireKnown("Unknown output type", outputType, outputTypes, "outputType");
  return new GaussianMixtureModel({
    mixture: GaussianMixture.from(complete(defaults, given)),
    scheduler: schedulerFromSpec(scheduler),
    outputType,
  });
}

function complete(defaults: MixtureOptions, given: Partial<MixtureOptions>): MixtureOptions {
  if (given.means !== undefined) {
    return { ...given, means: given.means };
  }
  const { standardDeviations: _, ...shared } = defaults;
  return given.covariances === undefined ? { ...defaults, ...given } : { ...shared, ...given };
}
