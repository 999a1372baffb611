import { requireKnown, SingularCoefficientError } from "../errors/index.js";
import type { Scheduler } from "../schedulers/index.js";

/** What a model's `forward` returns, each the conditional mean of a quantity given x_t. */
export type OutputType = "velocity" | "epsilon" | "endpoint" | "score";

/** All output types. */
export const outputTypes = ["velocity", "epsilon", "endpoint", "score"] as const satisfies readonly OutputType[];

/** A quantity that is affine in the state and the model's output: state * x + output * out. */
export interface AffineMap {
  readonly state: number;
  readonly output: number;
}

/** One output type's place in the theory, as functions of a scheduler and a time. */
export interface OutputAlgebra {
  /** Endpoint D = E[x1 | x_t] from the output (METHODS 0.1; x1 for velocity is (beta v - betaDot x) / W). */
  endpoint(scheduler: Scheduler, t: number): AffineMap;
  /** Noise epsilon = E[x0 | x_t] from the output. */
  epsilon(scheduler: Scheduler, t: number): AffineMap;
  /** The output from the pair (D, epsilon): endpoint * D + epsilon * eps. */
  fromPair(scheduler: Scheduler, t: number): { readonly endpoint: number; readonly epsilon: number };
  /**
   * The drift of the SDE with noise sigma whose marginals are the model's: b = state * x + output * out, from
   * b = v + sigma^2 / 2 * score (METHODS 0.2).
   * @param halfSigmaSquared sigma(t)^2 / 2, or `"memoryless"` for eta(t), which has a limit where eta vanishes
   */
  drift(scheduler: Scheduler, t: number, halfSigmaSquared: number | "memoryless"): AffineMap;
  /** The ideal output for a pair (x0, x1), the regression target of pre-training: x0 * x0 + x1 * x1. */
  target(scheduler: Scheduler, t: number): { readonly x0: number; readonly x1: number };
}

const velocity: OutputAlgebra = {
  endpoint(scheduler, t) {
    const wronskian = scheduler.wronskian(t);
    return { state: -scheduler.betaDot(t) / wronskian, output: scheduler.beta(t) / wronskian };
  },
  epsilon(scheduler, t) {
    const wronskian = scheduler.wronskian(t);
    return { state: scheduler.alphaDot(t) / wronskian, output: -scheduler.alpha(t) / wronskian };
  },
  fromPair: (scheduler, t) => ({ endpoint: scheduler.alphaDot(t), epsilon: scheduler.betaDot(t) }),
  drift(scheduler, t, halfSigmaSquared) {
    if (halfSigmaSquared === 0) {
      return { state: 0, output: 1 };
    }
    if (halfSigmaSquared === "memoryless") {
      return { state: -scheduler.kappa(t), output: 2 };
    }
    const rho = halfSigmaSquared / scheduler.eta(t);
    return { state: -rho * scheduler.kappa(t), output: 1 + rho };
  },
  target: (scheduler, t) => ({ x0: scheduler.betaDot(t), x1: scheduler.alphaDot(t) }),
};

const epsilon: OutputAlgebra = {
  endpoint: (scheduler, t) => ({ state: 1 / scheduler.alpha(t), output: -scheduler.beta(t) / scheduler.alpha(t) }),
  epsilon: () => ({ state: 0, output: 1 }),
  fromPair: () => ({ endpoint: 0, epsilon: 1 }),
  drift: (scheduler, t, halfSigmaSquared) => ({
    state: scheduler.kappa(t),
    output: -scoreFactor(scheduler, t, halfSigmaSquared) / scheduler.beta(t),
  }),
  target: () => ({ x0: 1, x1: 0 }),
};

const endpoint: OutputAlgebra = {
  endpoint: () => ({ state: 0, output: 1 }),
  epsilon: (scheduler, t) => ({ state: 1 / scheduler.beta(t), output: -scheduler.alpha(t) / scheduler.beta(t) }),
  fromPair: () => ({ endpoint: 1, epsilon: 0 }),
  drift(scheduler, t, halfSigmaSquared) {
    const gain = scoreFactor(scheduler, t, halfSigmaSquared) / scheduler.beta(t) ** 2;
    return { state: scheduler.kappa(t) - gain, output: gain * scheduler.alpha(t) };
  },
  target: () => ({ x0: 0, x1: 1 }),
};

const score: OutputAlgebra = {
  endpoint: (scheduler, t) => ({ state: 1 / scheduler.alpha(t), output: scheduler.beta(t) ** 2 / scheduler.alpha(t) }),
  epsilon: (scheduler, t) => ({ state: 0, output: -scheduler.beta(t) }),
  fromPair: (scheduler, t) => ({ endpoint: 0, epsilon: -1 / scheduler.beta(t) }),
  drift: (scheduler, t, halfSigmaSquared) => ({
    state: scheduler.kappa(t),
    output: scoreFactor(scheduler, t, halfSigmaSquared),
  }),
  target: (scheduler, t) => ({ x0: -1 / scheduler.beta(t), x1: 0 }),
};

/** eta + sigma^2 / 2, the factor of the score in the drift. */
function scoreFactor(scheduler: Scheduler, t: number, halfSigmaSquared: number | "memoryless"): number {
  const eta = scheduler.eta(t);
  return eta + (halfSigmaSquared === "memoryless" ? eta : halfSigmaSquared);
}

/** The four output types. Everything that differs between them is here. */
export const outputAlgebra: { readonly [O in OutputType]: OutputAlgebra } = { velocity, epsilon, endpoint, score };

/**
 * The algebra of an output type that may have come from untyped code or a file.
 * @throws ArgumentError for anything but an output type, naming the nearest
 */
export function outputAlgebraOf(type: OutputType): OutputAlgebra {
  requireKnown("Unknown output type", type, outputTypes, "outputType");
  return outputAlgebra[type];
}

/**
 * The affine map from one output type to another at time t: to = state * x + output * from.
 * @param from the type at hand
 * @param to the type wanted
 * @throws ArgumentError when one of them is no output type
 * @throws SingularCoefficientError where the conversion is undefined, such as epsilon to endpoint at alpha = 0
 */
export function convertOutput(from: OutputType, to: OutputType, scheduler: Scheduler, t: number): AffineMap {
  const source = outputAlgebraOf(from);
  const target = outputAlgebraOf(to);
  const map = from === to ? { state: 0, output: 1 } : composed(source, target, to, scheduler, t);
  if (!Number.isFinite(map.state) || !Number.isFinite(map.output)) {
    throw new SingularCoefficientError(
      `The conversion from ${from} to ${to} is undefined at t = ${t} (state times ${map.state} plus output times ` +
        `${map.output}). Use times inside (0, 1) there.`,
      `${from} to ${to}`,
      t,
    );
  }
  return map;
}

function composed(
  source: OutputAlgebra,
  target: OutputAlgebra,
  to: OutputType,
  scheduler: Scheduler,
  t: number,
): AffineMap {
  if (to === "endpoint" || to === "epsilon") {
    return source[to](scheduler, t);
  }
  const factors = target.fromPair(scheduler, t);
  // A factor of zero must not meet an endpoint that is singular there (epsilon and score models at t = 0).
  const d = factors.endpoint === 0 ? { state: 0, output: 0 } : source.endpoint(scheduler, t);
  const e = factors.epsilon === 0 ? { state: 0, output: 0 } : source.epsilon(scheduler, t);
  return {
    state: factors.endpoint * d.state + factors.epsilon * e.state,
    output: factors.endpoint * d.output + factors.epsilon * e.output,
  };
}
