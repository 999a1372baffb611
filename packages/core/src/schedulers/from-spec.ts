import { ArgumentError, requireKnown } from "../errors/index.js";
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
  requireSpec(spec);
  if (spec.type === "features") {
    const parts = Object.entries(spec.parts).map(([part, inner]) => [part, schedulerFromSpec(inner)] as const);
    return new FeatureSchedulers(Object.fromEntries(parts));
  }
  requireKnown("Unknown scheduler", spec.type, [...Object.keys(makers), "features"], "type");
  return (makers[spec.type] as (spec: SchedulerSpec) => Scheduler)(spec);
}

/**
 * The noise schedule that a spec describes: `noiseScheduleFromSpec(noise.spec())` equals `noise`.
 * @throws ArgumentError for an unknown type, bad parameters, or a custom schedule, whose function is not in its spec
 */
export function noiseScheduleFromSpec(spec: NoiseScheduleSpec): NoiseSchedule {
  requireKnown("Unknown noise schedule", spec.type, Object.keys(noiseMakers), "type");
  return (noiseMakers[spec.type] as (spec: NoiseScheduleSpec) => NoiseSchedule)(spec);
}

function diffusionFromTable(betas: BetaTableSpec): Diffusion {
  requireKnown("Unknown table of betas", betas.kind, ["linear", "scaled-linear", "squared-cosine"], "kind");
  switch (betas.kind) {
    case "linear":
      return Diffusion.linear(betas);
    case "scaled-linear":
      return Diffusion.scaledLinear(betas);
    case "squared-cosine":
      return Diffusion.squaredCosine(betas);
  }
}

function requireSpec(spec: unknown): void {
  if (typeof (spec as { readonly type?: unknown } | null | undefined)?.type !== "string") {
    throw new ArgumentError(
      `A scheduler's spec is an object such as { type: "cosine", nu: 1 }, as its spec() gives it; got ${JSON.stringify(spec)}.`,
      "spec",
      spec,
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
