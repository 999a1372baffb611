import {
  type BaseModel,
  type ControlPolicy,
  constructEnv,
  type DDTensor,
  type DiffusionData,
  type Environment,
  isErrorNamed,
  type NoConditioning,
  type Policy,
  type Sample,
  ZeroReward,
} from "@diffusiongym/core";
import { Checklist } from "@diffusiongym/core/testing";
import { encodeCheckpoint, restoreCheckpoint } from "../loop/index.js";
import type { Method, MethodState, Metrics } from "../method/index.js";

/** What a checked method is made for. */
export interface MethodSetup<D extends DiffusionData<D>, C extends object> {
  readonly environment: Environment<D, C>;
  readonly iterations: number;
}

/** A method to check, on a small problem on which it works. */
export interface MethodCheck<
  M extends Method,
  D extends DiffusionData<D> = DDTensor,
  C extends object = NoConditioning,
> {
  /** A problem of a second or so: few steps, a base model and a reward whose mean the method can raise. */
  readonly environment: Environment<D, C>;
  /** Builds the method anew, with a policy or value function of its own that starts at the base model; always alike. */
  readonly make: (setup: MethodSetup<D, C>) => M;
  /** How to sample from what it has learned. */
  readonly adapted: (method: M) => { readonly policy?: Policy<D, C>; readonly controlPolicy?: ControlPolicy<D, C> };
  /** Iterations after which the mean reward has moved by more than 3 standard errors. @default 30 */
  readonly iterations?: number;
  /** Samples that judge whether it has moved. @default 512 */
  readonly n?: number;
  /** Mean path KL that training on a reward of 0 may lead to: above 0 for methods that fit the data again. @default 1e-6 */
  readonly zeroRewardKl?: number;
  /** False for methods whose target does not depend on the sign of `rewardScale`. @default true */
  readonly followsNegativeScale?: boolean;
  /** Set-ups that must be refused, by what is missing, beside those that every method refuses. @default none */
  readonly refused?: { readonly [requirement: string]: () => Method };
}

const shortRun = 4;

/**
 * Checks that a method keeps the promises of `Method`: the same run twice, and a run that is interrupted anywhere and
 * continued from a checkpoint, give the same bits; an abort leaves it as it was; what it cannot work with is refused in words
 * before the model or the reward is called; a reward of 0 changes nothing; and it moves the reward in the right direction,
 * for a negative scale too, which a flipped sign anywhere in it does not survive.
 *
 * @returns the number of checks that passed
 * @throws ConformanceError listing every failed check
 */
export async function checkMethod<M extends Method, D extends DiffusionData<D>, C extends object>(
  options: MethodCheck<M, D, C>,
): Promise<number> {
  const { environment, make } = options;
  const first = make({ environment, iterations: shortRun });
  const list = new Checklist(`Method "${first.name}"`);
  await list.need("It does not run.", async () => {
    await first.validate();
    await runThrough(first);
  });
  await checkState(list, options, first);
  await checkRefusals(list, options);
  await checkDirection(list, options);
  return list.finish();
}

async function checkState<M extends Method, D extends DiffusionData<D>, C extends object>(
  list: Checklist,
  { environment, make }: MethodCheck<M, D, C>,
  first: M,
): Promise<void> {
  const fresh = (): M => make({ environment, iterations: shortRun });
  const whole = first.state();
  const second = fresh();
  const metrics = await runThrough(second);
  await list.check("The same run twice gives other bits.", () => sameState(whole, second.state()));
  await list.check("Its metrics are not all finite numbers.", () =>
    metrics.every((row) => Object.values(row).every(Number.isFinite)),
  );
  await list.check('Its metrics do not hold "loss".', () => metrics.every(({ loss }) => loss !== undefined));
  await list.check("It counts its iterations wrongly.", () => second.iteration === shortRun);
  for (let done = 0; done <= shortRun; done++) {
    await list.check(`Interrupted after ${done} iterations and continued, it ends with other bits.`, async () => {
      const before = fresh();
      await runThrough(before, done);
      const bytes = encodeCheckpoint(before);
      const after = fresh();
      restoreCheckpoint(after, bytes, "memory");
      await runThrough(after);
      return sameState(whole, after.state());
    });
  }
  await list.check("A later iteration changes a state that was taken before.", async () => {
    const method = fresh();
    await runThrough(method, 1);
    const state = method.state();
    const copy = structuredClone(state);
    await runThrough(method);
    return sameState(state, copy);
  });
  await list.check("An abort changes it.", async () => {
    const method = fresh();
    await runThrough(method, 1);
    const state = structuredClone(method.state());
    const stopped = await method.iterate(AbortSignal.abort()).then(
      () => false,
      (error: unknown) => isErrorNamed(error, "AbortError"),
    );
    return stopped && sameState(state, method.state());
  });
  await list.check("What it describes itself by is not plain JSON.", () => {
    const described = first.describe();
    return JSON.stringify(JSON.parse(JSON.stringify(described))) === JSON.stringify(described);
  });
  await list.check("cite() gives no BibTeX.", () => /^@\w+\{/.test(first.cite()));
}

async function checkRefusals<M extends Method, D extends DiffusionData<D>, C extends object>(
  list: Checklist,
  { environment, make, refused = {} }: MethodCheck<M, D, C>,
): Promise<void> {
  const calls = { count: 0 };
  const watched = watch(environment, calls);
  const indifferent = constructEnv(watched.baseModel, watched.reward, { ...gridOf(environment), rewardScale: 0 });
  const led = watched.withPolicies({ policy: environment.baseModel });
  const setups: { readonly [requirement: string]: () => Method } = {
    "a reward scale": () => make({ environment: indifferent, iterations: 1 }),
    "no policy": () => make({ environment: led, iterations: 1 }),
    ...refused,
  };
  for (const [requirement, build] of Object.entries(setups)) {
    await list.check(`It does not refuse what lacks "${requirement}" with a RequirementError.`, async () => {
      try {
        await build().validate();
        return false;
      } catch (error) {
        return (
          isErrorNamed(error, "RequirementError") && (error as { requirement?: string }).requirement === requirement
        );
      }
    });
  }
  await list.check("It calls the model or the reward before it refuses.", () => calls.count === 0);
}

async function checkDirection<M extends Method, D extends DiffusionData<D>, C extends object>(
  list: Checklist,
  { environment, make, adapted, iterations = 30, n = 512, ...rest }: MethodCheck<M, D, C>,
): Promise<void> {
  const { zeroRewardKl = 1e-6, followsNegativeScale = true } = rest;
  const { baseModel, reward, rewardScale } = environment;
  const train = async (setup: Environment<D, C>): Promise<{ sample: Sample<D, C>; last: Metrics }> => {
    const method = make({ environment: setup, iterations });
    const metrics = await runThrough(method);
    const sample = await setup.withPolicies(adapted(method)).sample(n, { seed: 999_983 });
    return { sample, last: metrics.at(-1)! };
  };
  const base = await environment.withPolicies({}).sample(n, { seed: 999_983 });
  const spread = Math.sqrt(variance(base.rewards) / n);
  const trainAt = (scale: number) =>
    train(constructEnv(baseModel, reward, { ...gridOf(environment), rewardScale: scale }));
  const gain = ({ sample }: { readonly sample: Sample<D, C> }, scale: number): number =>
    Math.sign(scale) * (mean(sample.rewards) - mean(base.rewards));
  await list.check("A reward of 0 changes the model.", async () => {
    const idle = constructEnv(baseModel, new ZeroReward<D, C>(), { ...gridOf(environment), rewardScale });
    return mean((await train(idle)).sample.pathCosts) <= zeroRewardKl;
  });
  await list.check("It does not raise the mean reward: look for a flipped sign.", async () => {
    const trained = await trainAt(rewardScale);
    // A running average lags behind the policy in training, but not tenfold.
    const measured = mean(trained.sample.pathCosts);
    await list.check("Its rollouts are not those of the policy that it trains: kl_path does not follow.", () => {
      const { kl_path: reported } = trained.last;
      return reported === undefined || measured < 10 * zeroRewardKl || reported > measured / 10;
    });
    return gain(trained, rewardScale) > 3 * spread;
  });
  if (followsNegativeScale) {
    await list.check("With a negative rewardScale it does not lower the mean reward.", async () => {
      return gain(await trainAt(-rewardScale), -rewardScale) > 3 * spread;
    });
  }
}

async function runThrough(method: Method, until = method.iterations): Promise<Metrics[]> {
  const metrics: Metrics[] = [];
  while (method.iteration < until) {
    metrics.push(await method.iterate());
  }
  return metrics;
}

function gridOf<D extends DiffusionData<D>, C extends object>({ timesteps, noiseSchedule }: Environment<D, C>) {
  return { timeGrid: Array.from(timesteps), noiseSchedule, allowExpansiveGrid: true };
}

/** The same environment, counting calls of the model and the reward. */
function watch<D extends DiffusionData<D>, C extends object>(
  environment: Environment<D, C>,
  calls: { count: number },
): Environment<D, C> {
  const { baseModel, reward, rewardScale } = environment;
  const model = counting(baseModel, "forward", calls) as BaseModel<D, C>;
  return constructEnv(model, counting(reward, "evaluate", calls), { ...gridOf(environment), rewardScale });
}

function counting<T extends object>(target: T, member: string, calls: { count: number }): T {
  return new Proxy(target, {
    get(object, name) {
      const value: unknown = Reflect.get(object, name, object);
      if (typeof value !== "function") {
        return value;
      }
      return (...parameters: unknown[]): unknown => {
        calls.count += name === member ? 1 : 0;
        return Reflect.apply(value, object, parameters);
      };
    },
  });
}

function sameState(a: MethodState, b: MethodState): boolean {
  return (
    a.iteration === b.iteration &&
    JSON.stringify(a.values) === JSON.stringify(b.values) &&
    a.arrays.size === b.arrays.size &&
    Array.from(a.arrays).every(([name, array]) => {
      const other = b.arrays.get(name);
      return other?.length === array.length && array.every((value, i) => Object.is(value, other[i]));
    })
  );
}

function mean(values: Float32Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function variance(values: Float32Array): number {
  const center = mean(values);
  return values.reduce((sum, value) => sum + (value - center) ** 2, 0) / values.length;
}
