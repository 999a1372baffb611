import type { NoiseScheduleSpec } from "@diffusiongym/core";
import { flag, integer, number, type Option, text, textList, UsageError } from "../arguments/index.js";

/** Options that every command has. */
export const commonOptions = {
  help: flag("Show this help", "h"),
  json: flag("Print one JSON object on stdout and nothing else there"),
  import: textList({
    description: "Package or path of a third party that registers models and rewards; may be repeated",
    placeholder: "PACKAGE",
  }),
  debug: flag("Show stack traces of errors, as DEBUG=1 does"),
};

/** Options of the environment: what is sampled, and how. */
export const environmentOptions = {
  seed: integer(0, { least: 0 }, { description: "Seed of everything random" }),
  out: text({ description: "Folder for the files", placeholder: "DIR" }),
  "time-grid": timeGridOption(),
  noise: noiseOption(),
  "allow-expansive-grid": flag("Run a grid or noise whose first step multiplies the state, which is refused otherwise"),
  "reward-scale": number(undefined, {
    description: "λ, the weight of the reward: the target is p(x) exp(λ r(x))",
    shownDefault: "1; 0.5 for toy/gmm2d with toy/linear",
  }),
};

const rewardScales: Readonly<Record<string, number>> = { "toy/gmm2d toy/linear": 0.5 };

/** The reward scale of a pairing when none is given: one at which the target differs visibly from the base model. */
export function defaultRewardScale(modelId: string, rewardId: string): number {
  return rewardScales[`${modelId} ${rewardId}`] ?? 1;
}

/** A time grid as it was typed. */
export type TimeGridOption = "interior" | "reference" | readonly number[];

function timeGridOption(): Option<TimeGridOption> {
  return {
    description: "interior, reference, or the times themselves, separated by commas and ending at 1",
    placeholder: "GRID",
    shownDefault: "interior",
    read(given, name) {
      const typed = given.at(-1) ?? "interior";
      if (typed === "interior" || typed === "reference") {
        return typed;
      }
      const times = typed.split(",").map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
      if (times.length < 2 || times.some(Number.isNaN)) {
        throw new UsageError(`--${name} ${typed}: this is neither interior nor reference nor times such as 0.1,0.4,1.`);
      }
      return times;
    },
  };
}

function noiseOption(): Option<NoiseScheduleSpec | undefined> {
  return {
    description: "Noise of the SDE: memoryless, ode, constant:SIGMA, or scaled:A for A sqrt(eta)",
    placeholder: "NOISE",
    shownDefault: "the model's own, mostly memoryless",
    read(given, name) {
      const typed = given.at(-1);
      if (typed === undefined) {
        return undefined;
      }
      const [kind, parameter = ""] = typed.split(":", 2);
      const level = parameter.trim() === "" ? Number.NaN : Number(parameter);
      if (typed === "memoryless") {
        return { type: "memoryless" };
      }
      if (typed === "ode") {
        return { type: "constant", sigma: 0 };
      }
      if ((kind === "constant" || kind === "scaled") && level >= 0 && Number.isFinite(level)) {
        return kind === "constant" ? { type: "constant", sigma: level } : { type: "scaled-memoryless", a: level };
      }
      throw new UsageError(`--${name} ${typed}: give memoryless, ode, constant:SIGMA or scaled:A with a number >= 0.`);
    },
  };
}
