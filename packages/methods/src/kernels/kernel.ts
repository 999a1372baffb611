import {
  type AffineMap,
  type NoiseSchedule,
  type OutputType,
  outputAlgebraOf,
  type Scheduler,
} from "@diffusiongym/core";

/** One Gaussian step x' = state x + output out + deviation noise, in terms of whatever the model returns. */
export interface KernelCoefficients extends AffineMap {
  /** Standard deviation of x' given x; 0 for a deterministic step. */
  readonly deviation: number;
}

/** How a state at one time becomes a state at the next: the same object makes the rollout and judges its probability. */
export interface TransitionKernel {
  /** Name for descriptions and messages. */
  readonly name: string;
  /** True when x_0 and x_1 are independent in the limit of small steps. */
  readonly isMemoryless: boolean;
  /**
   * Factors of the step between two times.
   * @param from time t of the state at hand
   * @param to time t' > t of the next one
   */
  coefficients(scheduler: Scheduler, outputType: OutputType, from: number, to: number): KernelCoefficients;
}

/**
 * Euler-Maruyama: mean x + dt b(x, t), deviation sigma(t) sqrt(dt), b being the drift of the SDE with noise sigma (METHODS
 * 0.2, 0.4). The same steps that `Environment.sample` takes.
 * @param noise sigma(t) of the sampling process; 0 gives the steps of the probability-flow ODE
 */
export function eulerMaruyamaKernel(noise: NoiseSchedule): TransitionKernel {
  return {
    name: "euler-maruyama",
    isMemoryless: noise.isMemoryless,
    coefficients(scheduler, outputType, from, to) {
      const sigma = noise.sigma(from, scheduler);
      const drift = outputAlgebraOf(outputType).drift(
        scheduler,
        from,
        noise.isMemoryless ? "memoryless" : sigma ** 2 / 2,
      );
      const dt = to - from;
      return { state: 1 + dt * drift.state, output: dt * drift.output, deviation: sigma * Math.sqrt(dt) };
    },
  };
}

/** Options of `ancestralKernel`. */
export interface AncestralKernelOptions {
  /**
   * Share of the posterior's standard deviation that is kept, in [0, 1]: 1 is ancestral sampling, the posterior of DDPM
   * and the first order of SDE-DPM-Solver++; 0 is DDIM.
   * @default 1
   */
  readonly varsigma?: number;
}

/**
 * Ancestral sampling and DDIM (METHODS 0.4; arXiv 2010.02502, equation 12): with the endpoint D and the noise epsilon that
 * the output implies,
 *
 *     variance = varsigma^2 q beta'^2 / beta^2,   q = beta^2 - (alpha / alpha')^2 beta'^2
 *     mean     = alpha' D + sqrt(beta'^2 - variance) epsilon
 *
 * Defined at t = 0 for velocity and endpoint models. The step that ends at t = 1 has no variance, so it is not a step of a
 * policy: it has no probability and costs nothing.
 */
export function ancestralKernel({ varsigma = 1 }: AncestralKernelOptions = {}): TransitionKernel {
  return {
    name: varsigma === 0 ? "ddim" : varsigma === 1 ? "ancestral" : `ddim(${varsigma})`,
    isMemoryless: varsigma === 1,
    coefficients(scheduler, outputType, from, to) {
      const algebra = outputAlgebraOf(outputType);
      const beta = scheduler.beta(from);
      const [alphaNext, betaNext] = [scheduler.alpha(to), scheduler.beta(to)];
      // r beta' / beta, the ratio of the two signal-to-noise ratios, in [0, 1].
      const ratio = ((scheduler.alpha(from) / alphaNext) * betaNext) / beta;
      const kept = Math.max(0, 1 - ratio * ratio);
      const noise = betaNext * Math.sqrt(Math.max(0, 1 - varsigma ** 2 * kept));
      const endpoint = algebra.endpoint(scheduler, from);
      const epsilon = noise === 0 ? { state: 0, output: 0 } : algebra.epsilon(scheduler, from);
      return {
        state: alphaNext * endpoint.state + noise * epsilon.state,
        output: alphaNext * endpoint.output + noise * epsilon.output,
        deviation: varsigma * betaNext * Math.sqrt(kept),
      };
    },
  };
}
