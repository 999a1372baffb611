import { type NoConditioning, sliceConditioning } from "../conditioning/index.js";
import { coefficientPerSample, type DDTensor, type DiffusionData, scaleCoefficient } from "../data/index.js";
import { type Environment, originOf, Sample } from "../environments/index.js";
import { isErrorNamed } from "../errors/index.js";
import { make } from "../registry/index.js";
import { arrayDistance, Checklist, distance, sameBits } from "./conformance.js";

/** Options of `checkEnvironment`. */
export interface EnvironmentCheck<C> {
  /** Conditioning for 5 samples. @default {} */
  readonly conditioning?: Partial<C>;
  /** Seed of the rollouts. @default 0 */
  readonly seed?: number;
  /** Largest relative difference allowed between a batch and its parts, for kernels that sum in another order. @default 0, that is, the same bits */
  readonly tolerance?: number;
}

/**
 * Checks an environment as a whole: determinism, independence of the batch size, recorded fields that explain the
 * trajectory, the cost functional, empty batches, abortion, and the round trip through its spec.
 * @returns the number of checks that passed
 * @throws ConformanceError listing every broken promise
 */
export async function checkEnvironment<D extends DiffusionData<D> = DDTensor, C extends object = NoConditioning>(
  environment: Environment<D, C>,
  options: EnvironmentCheck<C> = {},
): Promise<number> {
  const { seed = 0, tolerance = 0 } = options;
  const given = options.conditioning === undefined ? {} : { conditioning: options.conditioning };
  const list = new Checklist(`The environment of ${environment.baseModel.constructor.name}`);
  const run = (extra: object = {}): Promise<Sample<D, C>> =>
    environment.sample(5, { seed, record: "all", ...given, ...extra });
  const full = await list.need("sample(5, { record: 'all' }) must work.", () => run());

  await list.check("the same seed must give the same bits.", async () => sameBits((await run()).latent, full.latent));
  await list.check(
    "another seed must give other samples.",
    async () => !sameBits((await run({ seed: seed + 1 })).latent, full.latent),
  );
  await list.check("batchSize must not change a number.", async () => {
    const split = await run({ batchSize: 2 });
    return distance(split.latent, full.latent) <= tolerance && arrayDistance(split.rewards, full.rewards) <= tolerance;
  });
  await list.check("recording must not change a number.", async () =>
    sameBits((await run({ record: [] })).latent, full.latent),
  );
  await list.check(
    "trajectory must run from the start to the latent over steps + 1 states.",
    () => full.trajectory.length === environment.steps + 1 && sameBits(full.trajectory.at(-1)!, full.latent),
  );
  await list.check(
    "each state must be the one before plus dt drift plus sigma sqrt(dt) noise.",
    () =>
      environment.solver.name !== "euler-maruyama" ||
      full.drifts.every((drift, k) => {
        const dt = full.timesteps[k + 1]! - full.timesteps[k]!;
        const sigma = scaleCoefficient(full.diffusions[k]!, Math.sqrt(dt));
        const next = full.trajectory[k]!.linearCombination(1, [
          [dt, drift],
          [sigma, full.noises[k]!],
        ]);
        return distance(next, full.trajectory[k + 1]!) < 1e-5;
      }),
  );
  await list.check("diffusion(t) must give the sigma that the rollout used.", () => {
    const sigma = environment.diffusion(new Float32Array(5).fill(full.timesteps[1]!));
    return JSON.stringify(coefficientPerSample(sigma, 5)) === JSON.stringify(full.diffusions[1]);
  });
  await list.check(
    "costs must end in minus rewardScale times the reward.",
    () =>
      arrayDistance(
        full.costs.slice(-1).data,
        full.rewards.map((reward) => -environment.rewardScale * reward),
      ) === 0,
  );
  await list.check(
    "at(i) and slice must agree with the whole.",
    () =>
      sameBits(full.at(-1).latent, full.latent.at(4)) &&
      sameBits(full.slice(1, 3).trajectory[0]!, full.trajectory[0]!.slice(1, 3)),
  );
  await list.check("concat of slices must be the whole.", () =>
    sameBits(Sample.concat([full.slice(0, 2), full.slice(2)]).sample, full.sample),
  );
  await list.check(
    "an environment without policies must cost nothing.",
    () =>
      environment.policy !== undefined ||
      environment.controlPolicy !== undefined ||
      full.pathCosts.every((cost) => cost === 0),
  );
  await list.check(
    "sample(1) must work.",
    async () => (await environment.sample(1, { seed, ...firstOnly(given) })).length === 1,
  );
  await list.check("sample(0) must give an empty, well-formed result.", async () => {
    const empty = await environment.sample(0, { seed, record: "all" });
    return empty.length === 0 && empty.latent.length === 0 && empty.trajectory.length === environment.steps + 1;
  });
  await list.check("a signal that has fired must give an AbortError.", async () => {
    const caught = await environment
      .sample(1, { signal: AbortSignal.abort(), ...firstOnly(given) })
      .catch((error: unknown) => error);
    return isErrorNamed(caught, "AbortError");
  });
  if (originOf(environment.baseModel) && originOf(environment.reward)) {
    await list.check(
      "make(environment.spec), through JSON, must build an environment that gives the same bits.",
      async () => {
        const rebuilt = (await make(JSON.parse(JSON.stringify(environment.spec)))) as Environment<D, C>;
        rebuilt.policy = environment.policy;
        rebuilt.controlPolicy = environment.controlPolicy;
        return sameBits((await rebuilt.sample(5, { seed, ...given })).latent, full.latent);
      },
    );
  }
  return list.finish();

  function firstOnly(extra: { conditioning?: Partial<C> }): { conditioning?: Partial<C> } {
    return extra.conditioning === undefined ? {} : { conditioning: sliceConditioning(extra.conditioning, 0, 1) };
  }
}
