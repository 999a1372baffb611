import { ArgumentError, IncompatibleError, type OutputType, type SampleStreams, ShapeError } from "@diffusiongym/core";
import type { LogMoment, RewardForm } from "../forms/index.js";
import {
  cellInterval1d,
  cellMasses,
  GaussianMixture,
  type PathPoint,
  type PathScheduler,
  partsOfCovariances,
  pathPoint,
} from "../mixture/index.js";
import { logSumExp, type Numbers, panelEdges, panelRule } from "../numeric/index.js";
import { TiltedView } from "./tilted-view.js";
import { MixtureValueView, type ValueView } from "./value-view.js";

/** A reward whose exact moments are known, or something that makes one for a number of coordinates (the toy rewards). */
export type RewardFormSource = RewardForm | { form(dimension: number): RewardForm };

/** What {@link ExactTilt} is made of. */
export interface ExactTiltOptions {
  /** The base law p. */
  readonly mixture: GaussianMixture;
  /** The reward r. */
  readonly reward: RewardFormSource;
  /** lambda, the reward's scale. @default 1 */
  readonly rewardScale?: number;
}

const attemptsPerSample = 100_000;

/**
 * The exact answer to reward adaptation of a Gaussian mixture: p*(x) = p(x) e^{lambda r(x)} / Z, with everything that a method
 * is compared with. Closed forms for linear, quadratic, half-space and box rewards; quadrature for others in 1-D and 2-D.
 */
export class ExactTilt {
  readonly mixture: GaussianMixture;
  readonly form: RewardForm;
  readonly rewardScale: number;
  /** log Z = log E[e^{lambda r}] under the base law; -V(x, 0) of the memoryless process for every x. */
  readonly logNormalizer: number;
  /** Mass of each component after tilting, `[K]`. */
  readonly tiltedWeights: Float64Array;
  /** E[r] under the tilted law. */
  readonly expectedReward: number;
  /** E[r] under the base law. */
  readonly baseExpectedReward: number;
  /** KL(p* || p) = lambda E*[r] - log Z: the energy E 1/2 int |u*|^2 dt of the optimal control of the memoryless process. */
  readonly klTiltedBase: number;
  /** The tilted law as a mixture, for linear and quadratic rewards; undefined for others. */
  readonly tilted: GaussianMixture | undefined;

  /**
   * @throws ArgumentError when E[e^{lambda r}] is infinite or the reward has no exact answer in this dimension
   */
  constructor(options: ExactTiltOptions) {
    const { mixture, reward, rewardScale = 1 } = options;
    if (!Number.isFinite(rewardScale)) {
      throw new ArgumentError(`rewardScale must be a finite number, got ${rewardScale}.`, "rewardScale", rewardScale);
    }
    this.mixture = mixture;
    this.form = "form" in reward ? reward.form(mixture.dimension) : reward;
    this.rewardScale = rewardScale;
    if (this.form.dimension !== mixture.dimension) {
      throw new ShapeError(
        `The reward is for ${this.form.dimension} coordinate(s), the mixture has ${mixture.dimension}.`,
        [mixture.dimension],
        [this.form.dimension],
      );
    }
    const tilted = this.#moments(rewardScale);
    this.logNormalizer = logSumExp(tilted.logMasses);
    this.tiltedWeights = tilted.logMasses.map((logMass) => Math.exp(logMass - this.logNormalizer));
    this.expectedReward = average(tilted.moments, this.tiltedWeights);
    this.baseExpectedReward = average(this.#moments(0).moments, mixture.weights);
    this.klTiltedBase = rewardScale * this.expectedReward - this.logNormalizer;
    this.tilted = this.#tiltedMixture();
  }

  /** ESS of n importance-weighted base samples, as a fraction of n in the limit: Z(lambda)^2 / Z(2 lambda). */
  get effectiveSampleFraction(): number {
    try {
      return Math.exp(2 * this.logNormalizer - logSumExp(this.#moments(2 * this.rewardScale).logMasses));
    } catch (error) {
      if (error instanceof ArgumentError && error.argument === "rewardScale") {
        return 0; // Z(2 lambda) is infinite
      }
      throw error;
    }
  }

  /** log p*(x) of each row of x, `[n, d]`; shape `[n]`. */
  logDensity(x: Numbers): Float64Array {
    const d = this.mixture.dimension;
    return this.mixture
      .logDensity(x)
      .map((logDensity, i) => logDensity + this.rewardScale * this.form.value(x, i * d) - this.logNormalizer);
  }

  /** The value function at a point of a path; keep it for as many evaluations at that time as there are. */
  at(point: PathPoint): ValueView {
    return this.tilted === undefined
      ? new TiltedView(this.mixture, this.form, this.rewardScale, point)
      : new MixtureValueView(this.mixture, this.tilted, this.logNormalizer, point);
  }

  /** V(x, t) = -log E[e^{lambda r(X_1)} | X_t = x] of each row under the memoryless process; shape `[n]`. */
  value(x: Numbers, scheduler: PathScheduler, t: number): Float64Array {
    return this.at(pathPoint(scheduler, t)).value(x);
  }

  /** grad V(x, t) of each row, `[n, d]`. */
  valueGradient(x: Numbers, scheduler: PathScheduler, t: number): Float64Array {
    return this.at(pathPoint(scheduler, t)).gradient(x);
  }

  /** u*(x, t) = -sigma grad V with the memoryless sigma = sqrt(2 eta), `[n, d]`. */
  optimalControl(x: Numbers, scheduler: PathScheduler, t: number): Float64Array {
    const sigma = Math.sqrt(2 * scheduler.eta(t));
    return this.valueGradient(x, scheduler, t).map((entry) => -sigma * entry);
  }

  /**
   * The output of the perfectly adapted model, `[n, d]`: v - eta grad V, epsilon + beta grad V, D - (beta^2 / alpha) grad V or
   * s - grad V.
   */
  optimalOutput(type: OutputType, x: Numbers, scheduler: PathScheduler, t: number): Float64Array {
    const point = pathPoint(scheduler, t);
    if (this.tilted !== undefined) {
      return this.tilted.at(point).output(type, x);
    }
    const { alpha, beta } = point;
    const shift: Record<OutputType, () => number> = {
      velocity: () => -scheduler.eta(t),
      epsilon: () => beta,
      endpoint: () => (-beta * beta) / alpha,
      score: () => -1,
    };
    const factor = shift[type]();
    const gradient = this.at(point).gradient(x);
    return this.mixture
      .at(point)
      .output(type, x)
      .map((entry, j) => entry + factor * gradient[j]!);
  }

  /**
   * Exact tilted samples, `[n, d]`: from the tilted mixture, or by rejection from the base for bounded rewards.
   * @throws ArgumentError when the reward has neither
   */
  sample(n: number, streams: SampleStreams): Float64Array {
    if (this.tilted !== undefined) {
      return this.tilted.sample(n, streams);
    }
    const bound = this.rewardScale * (this.rewardScale > 0 ? this.form.supremum : this.form.infimum);
    if (!Number.isFinite(bound)) {
      throw new ArgumentError(
        "Exact samples need a bounded reward: give the reward function its supremum (infimum for a negative rewardScale).",
        "supremum",
        this.form.supremum,
      );
    }
    const { dimension: d, weights } = this.mixture;
    const out = new Float64Array(n * d);
    for (let i = 0; i < n; i++) {
      const stream = streams.at(i);
      const x = out.subarray(i * d, (i + 1) * d);
      let attempt = 0;
      do {
        if (attempt++ === attemptsPerSample) {
          throw new ArgumentError(
            `No sample was accepted in ${attemptsPerSample} attempts: at rewardScale ${this.rewardScale} the tilted law is too far from the base (KL ${this.klTiltedBase.toFixed(2)}).`,
            "rewardScale",
            this.rewardScale,
          );
        }
        this.mixture.drawComponent(stream.categorical(weights), stream, x);
      } while (Math.log(1 - stream.uniform()) > this.rewardScale * this.form.value(x, 0) - bound);
    }
    return out;
  }

  /**
   * Exact mass of each nearest-centre cell under p*, `[m]`; what counting exact samples converges to (METHODS 4.4).
   * @param centres `[m, d]` @default the tilted mixture's means, or the base's
   * @throws IncompatibleError where there is no exact answer: 2-D rewards other than linear and quadratic, and d > 2
   */
  cellMasses(centres: Numbers = this.centres): Float64Array {
    if (this.tilted !== undefined) {
      return cellMasses(this.tilted, centres);
    }
    if (this.mixture.dimension !== 1) {
      throw new IncompatibleError(
        "cellMasses: exact for this reward only in one dimension; draw exact samples and count them with modeWeights.",
      );
    }
    return Float64Array.from({ length: centres.length }, (_, j) => this.#cellMass1d(...cellInterval1d(centres, j)));
  }

  /** Centres of the tilted modes, `[K, d]`: the tilted means where the tilted law is a mixture, else the base means. */
  get centres(): Float64Array {
    return (this.tilted ?? this.mixture).means;
  }

  /**
   * Expected reward of best-of-n: the largest reward of n independent base samples. Exact for linear rewards and indicators;
   * for rewards by quadrature about 1e-3 of the reward's spread.
   * @throws IncompatibleError for quadratic rewards, which have no such formula here
   */
  bestOfN(n: number): number {
    if (!Number.isInteger(n) || n < 1) {
      throw new ArgumentError(`bestOfN: n must be a whole number from 1 on, got ${n}.`, "n", n);
    }
    if (this.form.expectedMaximum === undefined) {
      throw new IncompatibleError(
        "bestOfN: there is no exact answer for a quadratic reward; draw base samples instead.",
      );
    }
    return this.form.expectedMaximum(this.mixture, n);
  }

  #moments(rewardScale: number): { moments: LogMoment[]; logMasses: Float64Array } {
    const d = this.mixture.dimension;
    const moments: LogMoment[] = [];
    const logMasses = this.mixture.weights.map((weight, component) => {
      const moment = this.form.logMoment(rewardScale, { ...shapeOf(this.mixture), component });
      moments.push(moment);
      return Math.log(weight) + moment.evaluate(this.mixture.means, component * d, false);
    });
    return { moments, logMasses };
  }

  #tiltedMixture(): GaussianMixture | undefined {
    const { form, mixture, rewardScale } = this;
    if (form.tiltComponent === undefined) {
      return undefined;
    }
    const d = mixture.dimension;
    const means = new Float64Array(mixture.components * d);
    const covariances = new Float64Array(mixture.components * d * d);
    let sameCovariances = true;
    for (let k = 0; k < mixture.components; k++) {
      const shape = { ...shapeOf(mixture), component: k };
      const { mean, covariance } = form.tiltComponent(rewardScale, mixture.means.slice(k * d, (k + 1) * d), shape);
      means.set(mean, k * d);
      sameCovariances &&= covariance === undefined;
      covariances.set(covariance ?? mixture.covarianceOf(k), k * d * d);
    }
    const spread = sameCovariances ? shapeOf(mixture) : partsOfCovariances(covariances, d);
    return new GaussianMixture({ ...spread, dimension: d, weights: this.tiltedWeights, means });
  }

  #cellMass1d(lower: number, upper: number): number {
    let mass = 0;
    this.mixture.weights.forEach((weight, k) => {
      const mean = this.mixture.means[k]!;
      const deviation = Math.sqrt(this.mixture.variances[k]!);
      const [from, to] = [Math.max(lower, mean - 9 * deviation), Math.min(upper, mean + 9 * deviation)];
      const { nodes, weights } = panelRule(panelEdges(from, to, deviation / 4, this.form.jumps));
      nodes.forEach((x, j) => {
        const standard = (x - mean) / deviation;
        const exponent = this.rewardScale * this.form.value(nodes, j) - this.logNormalizer - 0.5 * standard * standard;
        mass += (weight * weights[j]! * Math.exp(exponent)) / (deviation * Math.sqrt(2 * Math.PI));
      });
    });
    return mass;
  }
}

/** Spreading a class instance would lose the getters' meaning; this keeps just the arrays. */
function shapeOf(mixture: GaussianMixture): Pick<GaussianMixture, "dimension" | "variances" | "axes"> {
  return { dimension: mixture.dimension, variances: mixture.variances, axes: mixture.axes };
}

function average(moments: readonly LogMoment[], weights: Float64Array): number {
  return moments.reduce((sum, moment, k) => sum + (weights[k]! > 0 ? weights[k]! * moment.expectedReward : 0), 0);
}
