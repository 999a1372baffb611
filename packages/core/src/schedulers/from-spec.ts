import { ArgumentError, nearestName } from "../errors/index.js";
import { Cosine } from "./cosine.js";
import { Diffusion } from "./diffusion.js";
import { FeatureSchedulers } from "./features.js";
import { constantNoise, memorylessNoise, type NoiseSchedule, scaledMemorylessNoise } from "./noise-schedule.js";
import { OptimalTransport } from "./optimal-transport.js";
import type { Scheduler, SchedulerLike } from "./scheduler.js";
import type { BetaTableSpec, FeatureSchedulersSpec, NoiseScheduleSpec, SchedulerSpec } from "./spec.js";
import { Trigonometric } from "./trigonometric.js";
import { VPLinear } from "./vp-linear.js";

const makers: { readonly [T in SchedulerSpec["type"]]: (spec: SchedulerSpec & { readonly type: T }) => Scheduler } = {
  "optimal-transport": () => new OptimalTransport(),
  cosine: ({ nu }) => new Cosine(nu),
  trigonometric: () => new Trigonometric(),
  "vp-linear": ({ betaMin, betaMax }) => new VPLinear({ betaMin, betaMax }),
  diffusion: (spec) => ("betas" in spec ? diffusionFromTable(spec.betas) : new Diffusion(spec.alphaBar)),
  custom: ({ name }) => refuseCustom("scheduler", name),
};

const noiseMakers: {
  readonly [T in NoiseScheduleSpec["type"]]: (spec: NoiseScheduleSpec & { readonly type: T }) => NoiseSchedule;
} = {
  memoryless: () => memorylessNoise(),
  constant: ({ sigma }) => constantNoise(sigma),
  "scaled-memoryless": ({ a }) => scaledMemorylessNoise(a),
  custom: ({ name }) => refuseCustom("noise schedule", name),
};

/**
 * The scheduler that a spec describes: `schedulerFromSpec(scheduler.spec())` equals `scheduler`.
 * @throws ArgumentError for an unknown type, bad parameters, or a custom scheduler, whose functions are not in its spec
 */
export function schedulerFromSpec(spec: SchedulerSpec): Scheduler;
export function schedulerFromSpec(spec: FeatureSchedulersSpec): FeatureSchedulers;
export function schedulerFromSpec(spec: SchedulerSpec | FeatureSchedulersSpec): SchedulerLike;
export function schedulerFromSpec(spec: SchedulerSpec | FeatureSchedulersSpec): SchedulerLike {
  if (spec.type === "features") {
    const parts = Object.entries(spec.parts).map(([part, inner]) => [part, schedulerFromSpec(inner)] as const);
    return new FeatureSchedulers(Object.fromEntries(parts));
  }
  requireKnown("schedulerFromSpec", spec.type, [...Object.keys(makers), "features"]);
  return (makers[spec.type] as (spec: SchedulerSpec) => Scheduler)(spec);
}

/**
 * The noise schedule that a spec describes: `noiseScheduleFromSpec(noise.spec())` equals `noise`.
 * @throws ArgumentError for an unknown type, bad parameters, or a custom schedule, whose function is not in its spec
 */
export function noiseScheduleFromSpec(spec: NoiseScheduleSpec): NoiseSchedule {
  requireKnown("noiseScheduleFromSpec", spec.type, Object.keys(noiseMakers));
  return (noiseMakers[spec.type] as (spec: NoiseScheduleSpec) => NoiseSchedule)(spec);
}

function diffusionFromTable(betas: BetaTableSpec): Diffusion {
  switch (betas.kind) {
    case "linear":
      return Diffusion.linear(betas);
    case "scaled-linear":
      return Diffusion.scaledLinear(betas);
    case "squared-cosine":
      return Diffusion.squaredCosine(betas);
    default: {
      const { kind } = betas as { readonly kind: string };
      requireKnown("schedulerFromSpec", kind, ["linear", "scaled-linear", "squared-cosine"]);
      throw new ArgumentError(`schedulerFromSpec: unknown beta table ${kind}.`, "kind", kind);
    }
  }
}

function requireKnown(where: string, type: string, known: readonly string[]): void {
  if (!known.includes(type)) {
    const nearest = nearestName(String(type), known);
    throw new ArgumentError(
      `${where}: unknown type "${String(type)}"${nearest === undefined ? "" : `; did you mean "${nearest}"`}? Known are ${known.join(", ")}.`,
      "type",
      type,
    );
  }
}

function refuseCustom(what: string, name: string): never {
  throw new ArgumentError(
    `The ${what} "${name}" was made from functions, which a spec cannot hold. Build it in code and pass it in.`,
    "type",
    "custom",
  );
}
