import {
  BaseModel,
  type Coefficient,
  type ControlPolicy,
  DDTensor,
  type ModelInput,
  type OutputType,
  type Policy,
  type Reward,
  type RewardResult,
  type Scheduler,
  Tensor,
} from "../../src/index.js";
import { type GoldenArrays, numbers } from "./golden.js";

/** Conditioning of the golden rollouts: every kind of entry at once. */
export interface ReferenceConditioning {
  /** Added to the output, shape [n]. */
  readonly shift: Float32Array;
  /** Twice the shift, put there by `preprocess`. */
  readonly doubled?: Float32Array;
  readonly tag?: readonly string[];
  readonly strength?: number;
  readonly nested?: { readonly label: Int32Array };
}

/** The networks of the golden files, in double precision: z is one sample, t its time. */
export class ReferenceNetworks {
  private readonly arrays: { readonly [name: string]: readonly number[] };

  constructor(params: GoldenArrays) {
    this.arrays = Object.fromEntries(Object.entries(params).map(([name, array]) => [name, numbers(array)]));
  }

  /** f = tanh(A z + b t), the base model. */
  base(z: ArrayLike<number>, t: number): number[] {
    return this.affine("A", z, "b", t).map(Math.tanh);
  }

  /** g = tanh(A2 z + b2 t) + c2, the policy. */
  policy(z: ArrayLike<number>, t: number): number[] {
    return this.affine("A2", z, "b2", t).map((value, j) => Math.tanh(value) + this.arrays.c2![j]!);
  }

  /** u = sin(W z) (1 - t) + v, the control. */
  control(z: ArrayLike<number>, t: number): number[] {
    return this.affine("W", z, "v", 0).map((value, j) => Math.sin(value) * (1 - t) + this.arrays.v![j]!);
  }

  /** V = sum_j v_j tanh((A z + b t)_j) + q (1 - t) |z|^2 / 2. */
  value(z: ArrayLike<number>, t: number, q: number): number {
    const squared = Array.from(z).reduce((sum, entry) => sum + entry * entry, 0);
    return this.base(z, t).reduce((sum, h, j) => sum + this.arrays.v![j]! * h, (q * (1 - t) * squared) / 2);
  }

  /** Gradient of `value` in z. */
  valueGradient(z: ArrayLike<number>, t: number, q: number): number[] {
    const slopes = this.base(z, t).map((h, j) => this.arrays.v![j]! * (1 - h * h));
    const size = z.length;
    return Array.from(
      z,
      (entry, k) =>
        slopes.reduce((sum, slope, j) => sum + slope * this.arrays.A![j * size + k]!, 0) + q * (1 - t) * entry,
    );
  }

  private affine(matrix: string, z: ArrayLike<number>, slope: string, t: number): number[] {
    const rows = this.arrays[matrix]!;
    const size = z.length;
    return Array.from({ length: size }, (_, j) => {
      let sum = this.arrays[slope]![j]! * t;
      for (let k = 0; k < size; k++) {
        sum += rows[j * size + k]! * z[k]!;
      }
      return sum;
    });
  }
}

/** Applies a function of one sample to a batch. */
export function mapSamples(x: DDTensor, f: (z: Float32Array, i: number) => readonly number[]): DDTensor {
  const stride = x.data.length / x.length;
  const out = new Float32Array(x.data.length);
  for (let i = 0; i < x.length; i++) {
    out.set(f(x.data.subarray(i * stride, (i + 1) * stride), i), i * stride);
  }
  return new DDTensor(new Tensor(out, x.shape));
}

/** The base model of the golden files. */
export class ReferenceModel extends BaseModel<DDTensor, ReferenceConditioning> {
  constructor(
    readonly networks: ReferenceNetworks,
    readonly outputType: OutputType,
    readonly scheduler: Scheduler,
    /** Whether the rollouts with conditioning are meant. */
    readonly conditioned = false,
  ) {
    super();
  }

  sampleP0(
    n: number,
    _streams: unknown,
    conditioning: Partial<ReferenceConditioning>,
  ): ModelInput<DDTensor, ReferenceConditioning> {
    const shift = conditioning.shift ?? new Float32Array(n).fill(0.25);
    const x = DDTensor.from(new Float32Array(2 * n), [n, 2]);
    return { x, conditioning: (this.conditioned ? { ...conditioning, shift } : {}) as ReferenceConditioning };
  }

  forward(x: DDTensor, t: Float32Array, conditioning: ReferenceConditioning): DDTensor {
    return mapSamples(x, (z, i) =>
      this.networks.base(z, t[i]!).map((value) => value + (conditioning.doubled?.[i] ?? 0)),
    );
  }

  override preprocess(x: DDTensor, conditioning: ReferenceConditioning): ModelInput<DDTensor, ReferenceConditioning> {
    return this.conditioned
      ? { x, conditioning: { ...conditioning, doubled: conditioning.shift.map((shift) => 2 * shift) } }
      : { x, conditioning };
  }

  override postprocess(latent: DDTensor): DDTensor {
    return mapSamples(latent, (z) => Array.from(z, (value) => 0.5 * (Math.tanh(value) + 1)));
  }
}

/** The policy g of the golden files. */
export function referencePolicy(networks: ReferenceNetworks): Policy<DDTensor, ReferenceConditioning> {
  return {
    forward: (x, t, conditioning) =>
      mapSamples(x, (z, i) => networks.policy(z, t[i]!).map((value) => value + (conditioning.doubled?.[i] ?? 0))),
  };
}

/** The control u of the golden files. */
export function referenceControl(networks: ReferenceNetworks): ControlPolicy<DDTensor, ReferenceConditioning> {
  return { control: (x, t) => mapSamples(x, (z, i) => networks.control(z, t[i]!)) };
}

/** r = -sum (sample - 0.3)^2 + sum(latent) / 10 + shift; valid where sum(latent) > 0. */
export const referenceReward: Reward<DDTensor, ReferenceConditioning> = {
  evaluate(sample, latent, conditioning): RewardResult {
    const squares = sample.sub(0.3).squaredNorm();
    const sums = latent.aggregate("sum");
    return {
      rewards: squares.map((square, i) => -square + 0.1 * sums[i]! + (conditioning.shift?.[i] ?? 0)),
      valids: Uint8Array.from(sums, (sum) => (sum > 0 ? 1 : 0)),
    };
  },
};

/** What the theory says of one sample, in double precision and by the formulas of METHODS 0.2 and 0.3 written out. */
export interface ExpectedStep {
  readonly drift: number[];
  readonly runningCost: number;
  readonly endpoint: number[];
  readonly sigma: number;
}

/** Who acts in a golden case. */
export interface ExpectedSetup {
  readonly networks: ReferenceNetworks;
  readonly outputType: OutputType;
  readonly scheduler: Scheduler;
  /** A number, or "memoryless". */
  readonly sigma: number | "memoryless";
  readonly policy: boolean;
  readonly control: boolean;
}

/** The drift, cost and endpoint of one sample, independent of the library's own table of output types. */
export function expectedStep(setup: ExpectedSetup, z: readonly number[], t: number): ExpectedStep {
  const { networks, outputType, scheduler } = setup;
  const [alpha, beta] = [scheduler.alpha(t), scheduler.beta(t)];
  const [kappa, eta] = [scheduler.kappa(t), scheduler.eta(t)];
  const sigmaMemoryless = Math.sqrt(2 * eta);
  const sigma = setup.sigma === "memoryless" ? sigmaMemoryless : setup.sigma;
  const factors = (noise: number | "memoryless"): { a: number; g: number } => {
    const half = noise === "memoryless" ? eta : (noise * noise) / 2;
    const rho = noise === "memoryless" ? 1 : half / eta;
    switch (outputType) {
      case "velocity":
        return { a: -rho * kappa, g: 1 + rho };
      case "epsilon":
        return { a: kappa, g: -(eta + half) / beta };
      case "endpoint":
        return { a: kappa - (eta + half) / beta ** 2, g: ((eta + half) * alpha) / beta ** 2 };
      case "score":
        return { a: kappa, g: eta + half };
    }
  };
  const { a, g } = factors(setup.sigma);
  const memorylessGain = factors("memoryless").g;
  const base = networks.base(z, t);
  const acting = setup.policy ? networks.policy(z, t) : base;
  const control = networks.control(z, t).map((u) => (setup.control ? u : 0));
  // DECISIONS 1: a control shifts the output by sigma_ml / b_ml.
  const output = acting.map((value, j) => value + (sigmaMemoryless / memorylessGain) * control[j]!);
  // DECISIONS 2: u = G (difference of outputs) / sigma, with the memoryless G and sigma where sigma is 0.
  const gain = sigma === 0 ? memorylessGain / sigmaMemoryless : g / sigma;
  const effective = output.map((value, j) => gain * (value - base[j]!));
  const endpointOf: { readonly [O in OutputType]: (value: number, state: number) => number } = {
    velocity: (value, state) => (beta * value - scheduler.betaDot(t) * state) / scheduler.wronskian(t),
    epsilon: (value, state) => (state - beta * value) / alpha,
    endpoint: (value) => value,
    score: (value, state) => (state + beta ** 2 * value) / alpha,
  };
  const endpoint = output.map((value, j) => endpointOf[outputType](value, z[j]!));
  return {
    drift: output.map((value, j) => a * z[j]! + g * value),
    runningCost: effective.reduce((sum, u) => sum + (u * u) / 2, 0),
    endpoint,
    sigma,
  };
}

/** A coefficient of data of one tensor, as plain numbers. */
export function asNumbers(coefficient: Coefficient, n: number): number[] {
  if (typeof coefficient === "number") {
    return new Array<number>(n).fill(coefficient);
  }
  if (!ArrayBuffer.isView(coefficient)) {
    throw new Error("This coefficient has parts.");
  }
  return Array.from(coefficient as Float64Array);
}
