import type { DiffusionData, Environment } from "@diffusiongym/core";
import type { LearningRateSchedule } from "@diffusiongym/nn";
import { fingerprint } from "./fingerprint.js";
import type { Json } from "./method.js";

/**
 * What identifies an environment: its spec, or, when its model or reward did not come from the registry, what can be said
 * without one. Two unregistered models of one kind look alike.
 */
export function environmentIdentity<D extends DiffusionData<D>, C extends object>(
  environment: Environment<D, C>,
): Json {
  try {
    return JSON.parse(JSON.stringify(environment.spec)) as Json;
  } catch {
    const { outputType, rewardScale, steps, timesteps } = environment;
    return { registered: false, outputType, rewardScale, steps, timesteps: fingerprint(timesteps) };
  }
}

/** What identifies a schedule: its rate at the beginning, in the middle and at the end for people, and a print of all. */
export function scheduleIdentity(schedule: LearningRateSchedule, iterations: number): Json {
  // Six digits, because engines differ in the last bits of a cosine.
  const rates = Array.from({ length: iterations }, (_, step) => Number(schedule(step).toPrecision(6)));
  return {
    first: rates[0]!,
    middle: rates[Math.floor(iterations / 2)]!,
    last: rates[iterations - 1]!,
    all: fingerprint(Float64Array.from(rates)),
  };
}
