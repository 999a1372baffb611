import {
  type DiffusionData,
  type Environment,
  isDifferentiable,
  RandomKey,
  sliceConditioning,
} from "@diffusiongym/core";
import type { Parameters } from "@diffusiongym/nn";
import { Transition, type TransitionKernel } from "../kernels/index.js";
import { RequirementError } from "../method/index.js";
import { hasDifferentiablePostprocess, isDifferentiableModel, type TrainablePolicy } from "../policies/index.js";

/** Something that is missing: a word for programs, and a sentence that follows "... cannot start: ". */
export interface MissingRequirement {
  readonly requirement: string;
  readonly message: string;
}

/** One check: what is missing, or undefined. */
export type RequirementCheck = MissingRequirement | undefined | Promise<MissingRequirement | undefined>;

/**
 * Refuses at the first thing that is missing.
 * @param title the method's name at the beginning of a sentence
 * @throws RequirementError
 */
export async function requireAll(method: string, title: string, checks: Iterable<RequirementCheck>): Promise<void> {
  for (const check of checks) {
    const missing = await check;
    if (missing !== undefined) {
      throw new RequirementError(`${title} cannot start: ${missing.message}`, method, missing.requirement);
    }
  }
}

/** Noise for which start and end of the process are independent, without which the tilt is not the optimum. */
export function needsMemorylessNoise<D extends DiffusionData<D>, C extends object>(
  environment: Environment<D, C>,
): MissingRequirement | undefined {
  return environment.noiseSchedule.isMemoryless
    ? undefined
    : {
        requirement: "memoryless noise",
        message:
          "it needs memoryless noise, for which start and end of the process are independent. " +
          "Build the environment without noiseSchedule, or with memorylessNoise().",
      };
}

/** A kernel for which start and end are independent. */
export function needsMemorylessKernel(kernel: TransitionKernel): MissingRequirement | undefined {
  return kernel.isMemoryless
    ? undefined
    : {
        requirement: "memoryless noise",
        message:
          `the steps (${kernel.name}) are not memoryless, so start and end of the process depend on each other. ` +
          "Build the environment without noiseSchedule, or use ancestralKernel().",
      };
}

/** Steps that are random: a deterministic sampler gives every path probability one. */
export function needsStochasticSteps<D extends DiffusionData<D>, C extends object>(
  environment: Environment<D, C>,
): MissingRequirement | undefined {
  const { noiseSchedule, scheduler, timesteps } = environment;
  const sigma = scheduler.evaluate((part, t) => noiseSchedule.sigma(t, part), timesteps[0]!);
  const silent = typeof sigma === "number" ? sigma === 0 : Object.values(sigma).some((value) => value === 0);
  return silent
    ? {
        requirement: "stochastic steps",
        message:
          "it needs random steps, and the noise schedule is 0. Build the environment with memorylessNoise() or scaledMemorylessNoise(a).",
      }
    : undefined;
}

/** A kernel whose steps are random, the first one at least. */
export function needsStochasticKernel<D extends DiffusionData<D>, C extends object>(
  { baseModel, timesteps }: Environment<D, C>,
  kernel: TransitionKernel,
): MissingRequirement | undefined {
  return new Transition(kernel, baseModel, timesteps[0]!, timesteps[1]!).isStochastic
    ? undefined
    : {
        requirement: "stochastic steps",
        message:
          `it needs random steps, and those of the kernel (${kernel.name}) are not. Build the environment with memorylessNoise() or ` +
          "scaledMemorylessNoise(a), or use ancestralKernel().",
      };
}

/** An environment that nobody else has adapted. */
export function needsNoPolicy<D extends DiffusionData<D>, C extends object>(
  environment: Environment<D, C>,
): MissingRequirement | undefined {
  if (environment.policy !== undefined) {
    return {
      requirement: "no policy",
      message: "the environment has a policy; set environment.policy = undefined, or adapt the policy itself.",
    };
  }
  return undefined;
}

/** An environment without a control on top, which a trained policy would not know of. */
export function needsNoControl<D extends DiffusionData<D>, C extends object>(
  environment: Environment<D, C>,
): MissingRequirement | undefined {
  return environment.controlPolicy === undefined
    ? undefined
    : {
        requirement: "no control policy",
        message: "the environment has a control policy; set environment.controlPolicy = undefined.",
      };
}

/** A reward that counts. */
export function needsRewardScale<D extends DiffusionData<D>, C extends object>(
  environment: Environment<D, C>,
): MissingRequirement | undefined {
  return environment.rewardScale === 0
    ? {
        requirement: "a reward scale",
        message: "rewardScale is 0, so there is nothing to adapt to; build the environment with another.",
      }
    : undefined;
}

/** Something to train. */
export function needsParameters(parameters: Parameters, what: string): MissingRequirement | undefined {
  return parameters.size === 0
    ? { requirement: "parameters", message: `the ${what} has no parameters to train.` }
    : undefined;
}

/** A policy that gives what the base model gives, with parameters that are not the base model's own. */
export function needsOwnPolicy<D extends DiffusionData<D>, C extends object>(
  environment: Environment<D, C>,
  policy: TrainablePolicy<D, C>,
): MissingRequirement | undefined {
  const { baseModel } = environment;
  if (policy.outputType !== baseModel.outputType) {
    return {
      requirement: "a policy of the same output type",
      message: `the policy gives ${policy.outputType} and the base model ${baseModel.outputType}; both must give the same.`,
    };
  }
  const base = (baseModel as { network?: { parameters?: { data?: unknown } } }).network?.parameters?.data;
  return base === policy.parameters.data
    ? {
        requirement: "a frozen reference model",
        message:
          "the policy is the base model itself, so nothing would stay as a reference. Train a copy: ModelPolicy.copyOf(baseModel).",
      }
    : undefined;
}

/** A reward with a gradient. */
export function needsDifferentiableReward<D extends DiffusionData<D>, C extends object>(
  environment: Environment<D, C>,
): MissingRequirement | undefined {
  return isDifferentiable(environment.reward)
    ? undefined
    : {
        requirement: "a differentiable reward",
        message:
          "it follows the reward's gradient, and this reward has none. Give the reward a `gradient`, or use a method for black-box rewards.",
      };
}

/** A base model whose output can be differentiated with respect to the state. */
export function needsDifferentiableModel<D extends DiffusionData<D>, C extends object>(
  environment: Environment<D, C>,
): MissingRequirement | undefined {
  return isDifferentiableModel(environment.baseModel)
    ? undefined
    : {
        requirement: "a differentiable base model",
        message:
          "gradients go back through the base model, and this one has no `vjp`. NetworkModel has one; for a model of your own, write " +
          "vjp({ x, t, conditioning, cotangents }).",
      };
}

/** A policy through which gradients pass to the state. */
export function needsDifferentiablePolicy<D extends DiffusionData<D>, C extends object>(
  policy: TrainablePolicy<D, C>,
): MissingRequirement | undefined {
  return policy.isDifferentiable
    ? undefined
    : {
        requirement: "a differentiable policy",
        message:
          "gradients pass through several steps, and the policy is built on a base model without a `vjp`. Differentiate one step " +
          "(truncation: 1), or use a network model.",
      };
}

/** Latents that are the samples, or a way back for gradients. */
export async function needsDifferentiablePostprocess<D extends DiffusionData<D>, C extends object>(
  environment: Environment<D, C>,
  conditioning: Partial<C> = {},
): Promise<MissingRequirement | undefined> {
  const { baseModel } = environment;
  if (hasDifferentiablePostprocess(baseModel)) {
    return undefined;
  }
  const start = await baseModel.sampleP0(1, RandomKey.fromSeed(0).streams(), sliceConditioning(conditioning, 0, 1));
  const prepared = await baseModel.preprocess(start.x, start.conditioning);
  return (await baseModel.postprocess(prepared.x, prepared.conditioning)) === prepared.x
    ? undefined
    : {
        requirement: "a differentiable postprocess",
        message:
          "the model's postprocess changes the latents, and it does not say how gradients go back through it. Write " +
          "postprocessVjp(latent, conditioning, cotangents) on the model, or judge the latents.",
      };
}
