import {
  type DDTensor,
  type DiffusionData,
  type NoConditioning,
  RandomKey,
  throwIfAborted,
  type ValueFunction,
} from "@diffusiongym/core";
import { eulerMaruyamaKernel, type TransitionKernel, transitionsAlong } from "../kernels/index.js";
import { takeConditioning } from "../rows/index.js";
import {
  actingOutputs,
  endpointOf,
  partsOfRuns,
  runsOf,
  type SteeredEndpoints,
  type SteeredSampler,
  takeEndpoints,
} from "../samplers/index.js";
import { type DrawRequest, drawStart, type Endpoints, joinEndpoints, judge } from "../sampling/index.js";
import { normalizedWeights } from "../statistics/index.js";
import {
  needsNoControl,
  needsNoPolicy,
  needsStochasticKernel,
  repeatedIndices,
  requireAll,
  requireBetween,
  requireCount,
  validMean,
} from "../training/index.js";

/** Options of `SVDD`. */
export interface SVDDOptions<D extends DiffusionData<D> = DDTensor, C extends object = NoConditioning> {
  /** Children of which one is chosen at every step, M. @default 10 */
  readonly children?: number;
  /** A value function V to choose by, in place of the reward of the endpoint. */
  readonly value?: ValueFunction<D, C>;
  /** Times of the children between which they are chosen among; elsewhere there is one child. The last step always chooses. @default [0.1, 1] */
  readonly timeRange?: readonly [number, number];
  /** How steps are taken. @default Euler-Maruyama with the environment's noise */
  readonly kernel?: TransitionKernel;
  /** Children computed at once; does not change any number. @default 8192 */
  readonly rowsAtOnce?: number;
}

/**
 * SVDD, soft value-based decoding (Li et al., arXiv 2408.08252; METHODS 1.10): at every step each sample draws M children and keeps one with
 * probability proportional to exp(lambda r(D)) of the endpoint D that the base model expects of it, or to exp(-V).
 *
 * **Needs** any reward, random steps. Nothing is trained.
 *
 * **Law** towards the tilt, with a bias: no weights are carried, so the tilt holds only as M grows and with the exact soft value; r(D) in
 * its place leans towards high rewards (Jensen).
 *
 * **Knobs** lambda is `rewardScale`. M decides how far it gets: a child is at most log M better than chance. `timeRange` leaves out the steps where
 * D says little.
 *
 * **Cost** M base model calls and M rewards a step; with `value` M values and no rewards before the last step. Samples do not depend on each other.
 *
 * **Pitfalls** M = 1 is the base model. It cannot report Z or weights: `SequentialMonteCarlo` can.
 */
export class SVDD<D extends DiffusionData<D> = DDTensor, C extends object = NoConditioning>
  implements SteeredSampler<D, C>
{
  readonly name = "svdd";
  readonly #children: number;
  readonly #value: ValueFunction<D, C> | undefined;
  readonly #timeRange: readonly [number, number];
  readonly #kernel: TransitionKernel | undefined;
  readonly #rowsAtOnce: number;

  /** @throws ArgumentError for an option out of range */
  constructor(options: SVDDOptions<D, C> = {}) {
    const { children = 10, timeRange = [0.1, 1], rowsAtOnce = 8192 } = options;
    requireCount("children", children);
    requireCount("rowsAtOnce", rowsAtOnce);
    requireBetween("timeRange", timeRange[0], 0, timeRange[1]);
    requireBetween("timeRange", timeRange[1], 0, 1);
    this.#children = children;
    this.#value = options.value;
    this.#timeRange = timeRange;
    this.#kernel = options.kernel;
    this.#rowsAtOnce = rowsAtOnce;
  }

  cite(): string {
    return citation;
  }

  async draw(request: DrawRequest<D, C>): Promise<SteeredEndpoints<D, C>> {
    const { environment, seed, signal } = request;
    const kernel = this.#kernel ?? eulerMaruyamaKernel(environment.noiseSchedule);
    await requireAll(this.name, "SVDD", [
      needsNoPolicy(environment),
      needsNoControl(environment),
      needsStochasticKernel(environment, kernel),
    ]);
    const calls = { reward_calls: 0, model_calls: 0 };
    const parts: Endpoints<D, C>[] = [];
    for (const { first, count, conditioning } of partsOfRuns(runsOf(request, 1), this.#rowsAtOnce / this.#children)) {
      const part = { environment, seed, signal, n: count, indexOffset: first, conditioning };
      parts.push(await this.#decode(part, kernel, calls));
    }
    const joined = joinEndpoints(parts);
    return { ...joined, diagnostics: { ...calls, reward: validMean(joined.rewards, joined.valids) } };
  }

  async #decode(
    request: DrawRequest<D, C> & { readonly indexOffset: number },
    kernel: TransitionKernel,
    calls: { reward_calls: number; model_calls: number },
  ): Promise<Endpoints<D, C>> {
    const { environment, n, seed, indexOffset, signal } = request;
    const { baseModel, timesteps, rewardScale } = environment;
    const key = RandomKey.fromSeed(seed);
    const transitions = transitionsAlong(kernel, baseModel, timesteps);
    const start = await drawStart(request);
    const outputAt = async (x: D, conditioning: C, index: number): Promise<D> => {
      const { from, dt } = transitions[index]!;
      calls.model_calls += x.length;
      return (await actingOutputs(environment, undefined, { x, conditioning, index, time: from, dt })).output;
    };
    let x = start.x;
    let output = await outputAt(x, start.conditioning, 0);
    for (const [k, transition] of transitions.entries()) {
      throwIfAborted(signal, "Sampling");
      const isLast = k === transitions.length - 1;
      const inRange = transition.to >= this.#timeRange[0] && transition.to <= this.#timeRange[1];
      const size = isLast || inRange ? this.#children : 1;
      const rows = repeatedIndices(n, size);
      const conditioning = size === 1 ? start.conditioning : takeConditioning(start.conditioning, rows);
      const parents = size === 1 ? x : x.take(rows);
      const noise = parents.randnLike(
        key
          .fold("noise")
          .fold(k)
          .streams(indexOffset * size),
      );
      const children = transition.sample(parents, size === 1 ? output : output.take(rows), noise);
      const choose = (scores: Float64Array): Int32Array =>
        Int32Array.from({ length: n }, (_, i) => {
          const weights = weightsOf(scores.subarray(i * size, (i + 1) * size));
          return (
            i * size +
            key
              .fold("choice")
              .fold(k)
              .stream(indexOffset + i)
              .categorical(weights)
          );
        });
      if (isLast) {
        const judged = await judge(environment, children, conditioning);
        calls.reward_calls += judged.rewards.length;
        return takeEndpoints(judged, choose(scoresOf(judged, rewardScale)));
      }
      const outputs = await outputAt(children, conditioning, k + 1);
      if (size === 1) {
        [x, output] = [children, outputs];
        continue;
      }
      const time = transition.to;
      let scores: Float64Array;
      if (this.#value === undefined) {
        const judged = await judge(environment, endpointOf(environment, children, outputs, time), conditioning);
        calls.reward_calls += judged.rewards.length;
        scores = scoresOf(judged, rewardScale);
      } else {
        const values = await this.#value.value(children, new Float32Array(children.length).fill(time), conditioning);
        scores = Float64Array.from(values, (value) => -value);
      }
      const chosen = choose(scores);
      [x, output] = [children.take(chosen), outputs.take(chosen)];
    }
    throw new RangeError("A grid has at least one step.");
  }
}

function scoresOf<D extends DiffusionData<D>, C extends object>(
  { rewards, valids }: Endpoints<D, C>,
  rewardScale: number,
): Float64Array {
  return Float64Array.from(rewards, (reward, i) => (valids[i] === 1 ? rewardScale * reward : Number.NEGATIVE_INFINITY));
}

/** exp(score), all alike where none is finite. */
function weightsOf(scores: Float64Array): Float64Array {
  return scores.some((score) => score > Number.NEGATIVE_INFINITY) ? normalizedWeights(scores) : scores.map(() => 1);
}

const citation = `@article{li2024derivative,
  title = {Derivative-Free Guidance in Continuous and Discrete Diffusion Models with Soft Value-Based Decoding},
  author = {Li, Xiner and Zhao, Yulai and Wang, Chenyu and Scalia, Gabriele and Eraslan, Gokcen and Nair, Surag and Biancalani, Tommaso and Ji, Shuiwang and Regev, Aviv and Levine, Sergey and Uehara, Masatoshi},
  journal = {arXiv preprint arXiv:2408.08252},
  year = {2024}
}`;
