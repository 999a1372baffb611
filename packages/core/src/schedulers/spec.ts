/** How a discrete diffusion model's table of betas was made. */
export type BetaTableSpec =
  | {
      /** `"linear"`: betas evenly spaced; `"scaled-linear"`: their square roots evenly spaced. */
      readonly kind: "linear" | "scaled-linear";
      /** Number of training steps. */
      readonly steps: number;
      /** First beta. */
      readonly betaStart: number;
      /** Last beta. */
      readonly betaEnd: number;
    }
  | {
      /** alpha-bar follows a squared cosine (Nichol and Dhariwal, arXiv 2102.09672, eq. 17). */
      readonly kind: "squared-cosine";
      /** Number of training steps. */
      readonly steps: number;
      /** Upper bound of every beta. */
      readonly maxBeta: number;
    };

/** A scheduler as plain JSON. */
export type SchedulerSpec =
  | { readonly type: "optimal-transport" }
  | { readonly type: "cosine"; readonly nu: number }
  | { readonly type: "trigonometric" }
  | { readonly type: "vp-linear"; readonly betaMin: number; readonly betaMax: number }
  | { readonly type: "diffusion"; readonly alphaBar: readonly number[] }
  | { readonly type: "diffusion"; readonly betas: BetaTableSpec }
  | { readonly type: "custom"; readonly name: string };

/** One scheduler a named part, as plain JSON. */
export interface FeatureSchedulersSpec {
  readonly type: "features";
  readonly parts: { readonly [part: string]: SchedulerSpec };
}

/** A noise schedule as plain JSON. */
export type NoiseScheduleSpec =
  | { readonly type: "memoryless" }
  | { readonly type: "constant"; readonly sigma: number }
  | { readonly type: "scaled-memoryless"; readonly a: number }
  | { readonly type: "custom"; readonly name: string };
