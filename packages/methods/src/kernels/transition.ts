import {
  type Coefficient,
  type DiffusionData,
  isZeroCoefficient,
  type OutputType,
  type Scheduler,
  type SchedulerLike,
} from "@diffusiongym/core";
import type { KernelCoefficients, TransitionKernel } from "./kernel.js";

/** The model of which a transition is. */
export interface TransitionModel {
  readonly outputType: OutputType;
  readonly scheduler: SchedulerLike;
}

/**
 * One step of a kernel between two times, for data of any type: mean, noise, probability, and how all of them depend on
 * the model's output. Every sum over a sample goes over all its entries.
 *
 * What the formulas need of the continuous theory is in three numbers, m = state x + output out and the deviation s. With
 * w = output (out - reference) / s, which is sqrt(dt) u for Euler-Maruyama steps, the step costs KL = |w|^2 / 2 and adds
 * w . noise + |w|^2 / 2 to log dP / dP_reference.
 */
export class Transition {
  readonly kernel: TransitionKernel;
  /** Time t of the state at hand. */
  readonly from: number;
  /** Time t' of the next state. */
  readonly to: number;
  /** Factor of the state in the mean. */
  readonly state: Coefficient;
  /** Factor of the output in the mean: d mean / d out. */
  readonly output: Coefficient;
  /** Standard deviation. */
  readonly deviation: Coefficient;
  /** False where there is no variance: not a step of a policy, without probability and cost. */
  readonly isStochastic: boolean;
  private readonly model: TransitionModel;

  /** @throws SingularCoefficientError where a coefficient is infinite, as most are at exactly t = 0 */
  constructor(kernel: TransitionKernel, model: TransitionModel, from: number, to: number) {
    this.kernel = kernel;
    this.model = model;
    this.from = from;
    this.to = to;
    this.state = this.coefficient(function kernelState({ state }) {
      return state;
    });
    this.output = this.coefficient(function kernelOutput({ output }) {
      return output;
    });
    this.deviation = this.coefficient(function kernelDeviation({ deviation }) {
      return deviation;
    });
    this.isStochastic = !isZeroCoefficient(this.deviation);
  }

  /** Length of the step. */
  get dt(): number {
    return this.to - this.from;
  }

  /**
   * Anything computed from the step's numbers, for each part of the data.
   * @throws SingularCoefficientError when it is not finite
   */
  coefficient(f: (numbers: KernelCoefficients) => number): Coefficient {
    const { kernel, from, to, model } = this;
    const at = (scheduler: Scheduler, t: number): number => f(kernel.coefficients(scheduler, model.outputType, t, to));
    // The name is what an error calls the number.
    Object.defineProperty(at, "name", { value: f.name || "kernel coefficient" });
    return model.scheduler.evaluate(at, from);
  }

  /** Mean of the next state. */
  mean<D extends DiffusionData<D>>(x: D, output: D): D {
    return x.linearCombination(this.state, [[this.output, output]]);
  }

  /** The next state for given standard normal noise, which a deterministic step ignores. */
  sample<D extends DiffusionData<D>>(x: D, output: D, noise: D | undefined): D {
    const terms = [[this.output, output] as const];
    return x.linearCombination(
      this.state,
      noise === undefined || !this.isStochastic ? terms : [...terms, [this.deviation, noise] as const],
    );
  }

  /** (next - mean) / s: the noise that leads from x to `next`. Zero where there is no variance. */
  noise<D extends DiffusionData<D>>(next: D, x: D, output: D): D {
    const inverse = this.coefficient(inverseDeviation);
    return next.linearCombination(1, [[-1, this.mean(x, output)]]).scale(inverse);
  }

  /**
   * log p(next | x) up to the constant that no output changes: -|noise|^2 / 2, shape [n]. Differences of it are differences
   * of log-probabilities.
   */
  logProbability<D extends DiffusionData<D>>(next: D, x: D, output: D): Float32Array {
    return this.noise(next, x, output)
      .squaredNorm()
      .map((norm) => -norm / 2);
  }

  /** The additive constant that `logProbability` leaves out, -sum log(s sqrt(2 pi)) over all entries; shape [n]. */
  logNormalizer<D extends DiffusionData<D>>(x: D): Float32Array {
    const constants = this.coefficient(function logDeviation({ deviation }) {
      return deviation === 0 ? 0 : -Math.log(deviation * Math.sqrt(2 * Math.PI));
    });
    return x.onesLike().scale(constants).aggregate("sum");
  }

  /** d logProbability / d out = output / s * noise, of the structure of x: what DDPO and its kin feed back into the network. */
  logProbabilityGradient<D extends DiffusionData<D>>(next: D, x: D, output: D): D {
    return this.noise(next, x, output).scale(this.coefficient(outputOverDeviation));
  }

  /** w = output (out - reference) / s, the shift of the mean in standard deviations: sqrt(dt) u. Zero where s is. */
  shift<D extends DiffusionData<D>>(output: D, reference: D): D {
    return output.linearCombination(1, [[-1, reference]]).scale(this.coefficient(outputOverDeviation));
  }

  /** KL(policy || reference) of this step, |w|^2 / 2; shape [n]. */
  klStep<D extends DiffusionData<D>>(output: D, reference: D): Float32Array {
    return this.shift(output, reference)
      .squaredNorm()
      .map((norm) => norm / 2);
  }

  /** d klStep / d out = (output / s)^2 (out - reference). */
  klStepGradient<D extends DiffusionData<D>>(output: D, reference: D): D {
    return this.shift(output, reference).scale(this.coefficient(outputOverDeviation));
  }
}

function inverseDeviation({ deviation }: KernelCoefficients): number {
  return deviation === 0 ? 0 : 1 / deviation;
}

function outputOverDeviation({ output, deviation }: KernelCoefficients): number {
  return deviation === 0 ? 0 : output / deviation;
}

/** The steps of a kernel along a grid. */
export function transitionsAlong(
  kernel: TransitionKernel,
  model: TransitionModel,
  times: ArrayLike<number>,
): Transition[] {
  return Array.from({ length: times.length - 1 }, (_, k) => new Transition(kernel, model, times[k]!, times[k + 1]!));
}
