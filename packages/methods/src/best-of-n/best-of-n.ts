import type { DDTensor, DiffusionData, NoConditioning } from "@diffusiongym/core";
import type { TrainablePolicy } from "../policies/index.js";
import {
  particleRequest,
  partsOfRuns,
  runsOf,
  type SteeredEndpoints,
  type SteeredSampler,
  takeEndpoints,
} from "../samplers/index.js";
import {
  type DrawRequest,
  drawEndpoints,
  type Endpoints,
  joinEndpoints,
  type OdeSolverName,
  rollOut,
} from "../sampling/index.js";
import {
  needsNoControl,
  needsNoPolicy,
  needsRewardScale,
  requireAll,
  requireCount,
  validMean,
} from "../training/index.js";

/** Options of `BestOfN`. */
export interface BestOfNOptions<D extends DiffusionData<D> = DDTensor, C extends object = NoConditioning> {
  /** Candidates a sample, n. */
  readonly candidates: number;
  /** How candidates are drawn: a solver of the ODE, or `"sde"` on the environment's grid. @default "heun" */
  readonly solver?: OdeSolverName | "sde";
  /** Steps of the ODE. @default 24 */
  readonly steps?: number;
  /** Whose candidates. @default the base model's */
  readonly policy?: TrainablePolicy<D, C>;
  /** Candidates computed at once; does not change any number. @default 8192 */
  readonly rowsAtOnce?: number;
}

/**
 * The best of n candidates by reward (METHODS 1.10): the baseline that every other method is to beat.
 *
 * **Needs** any reward. Nothing is trained.
 *
 * **Law** that of the largest of n independent rewards, not the tilt at any lambda: KL to the base model at most log n - (n - 1) / n, with
 * equality for rewards without ties, and E[r] the expected maximum.
 *
 * **Knobs** n alone; of `rewardScale` only the sign counts. e^n candidates raise the KL by about n: modes that the base model hardly
 * ever draws stay out of reach.
 *
 * **Cost** n samples and n rewards a sample.
 *
 * **Pitfalls** it finds the flaws of a learned reward as well as anybody: look at held-out rewards.
 */
export class BestOfN<D extends DiffusionData<D> = DDTensor, C extends object = NoConditioning>
  implements SteeredSampler<D, C>
{
  readonly name = "best-of-n";
  readonly #options: Required<Omit<BestOfNOptions<D, C>, "policy">> & Pick<BestOfNOptions<D, C>, "policy">;

  /** @throws ArgumentError for an option out of range */
  constructor(options: BestOfNOptions<D, C>) {
    this.#options = { solver: "heun", steps: 24, rowsAtOnce: 8192, ...options };
    const { candidates, rowsAtOnce, steps } = this.#options;
    requireCount("candidates", candidates);
    requireCount("rowsAtOnce", rowsAtOnce);
    requireCount("steps", steps);
  }

  cite(): string {
    return citation;
  }

  async draw(request: DrawRequest<D, C>): Promise<SteeredEndpoints<D, C>> {
    const { environment } = request;
    const { candidates, rowsAtOnce } = this.#options;
    await requireAll(this.name, "Best of n", [
      needsNoPolicy(environment),
      needsNoControl(environment),
      needsRewardScale(environment),
    ]);
    const sign = Math.sign(environment.rewardScale);
    const best: Endpoints<D, C>[] = [];
    const all: number[] = [];
    for (const part of partsOfRuns(runsOf(request, 1), rowsAtOnce / candidates)) {
      const drawn = await this.#draw(await particleRequest(request, part, candidates));
      all.push(validMean(drawn.rewards, drawn.valids) * part.count);
      best.push(takeEndpoints(drawn, bestOfRuns(drawn, part.count, sign)));
    }
    const chosen = joinEndpoints(best);
    const mean = all.reduce((sum, value) => sum + value, 0) / request.n;
    return {
      ...chosen,
      diagnostics: {
        reward_calls: request.n * candidates,
        candidate_reward: mean,
        reward: validMean(chosen.rewards, chosen.valids),
        kl_bound: Math.log(candidates) - (candidates - 1) / candidates,
      },
    };
  }

  #draw(request: DrawRequest<D, C>): Promise<Endpoints<D, C>> {
    const { solver, steps, policy } = this.#options;
    return solver === "sde" ? rollOut({ ...request, policy }) : drawEndpoints({ ...request, policy, solver, steps });
  }
}

/** The best valid candidate of each run; its first one where none is valid. */
function bestOfRuns<D extends DiffusionData<D>, C extends object>(
  { rewards, valids }: Endpoints<D, C>,
  count: number,
  sign: number,
): Int32Array {
  const size = rewards.length / count;
  return Int32Array.from({ length: count }, (_, run) => {
    let best = run * size;
    for (let i = run * size; i < (run + 1) * size; i++) {
      if (valids[i]! > valids[best]! || (valids[i] === valids[best] && sign * rewards[i]! > sign * rewards[best]!)) {
        best = i;
      }
    }
    return best;
  });
}

const citation = `@inproceedings{beirami2025theoretical,
  title = {Theoretical Guarantees on the Best-of-n Alignment Policy},
  author = {Beirami, Ahmad and Agarwal, Alekh and Berant, Jonathan and D'Amour, Alexander and Eisenstein, Jacob and Nagpal, Chirag and Suresh, Ananda Theertha},
  booktitle = {International Conference on Machine Learning},
  year = {2025}
}`;
