import type { ExactAnswer } from "../exact/index.js";
import type { Estimate } from "./estimate.js";
import type { Evaluation, ModelEvaluation } from "./evaluate.js";

/** One quantity before and after adaptation, and at the exact optimum. */
export interface Row {
  /** Name for programs. */
  readonly key: string;
  /** Name for people. */
  readonly name: string;
  /** Unit, where there is one. */
  readonly unit?: string;
  readonly base?: Estimate;
  readonly adapted?: Estimate;
  readonly exact?: Estimate;
  /** Decimals that are worth showing. */
  readonly decimals: number;
  /** One sentence on what it is. */
  readonly meaning: string;
  /** True for what takes an explanation to read, and so is in the report but not in the terminal's table. */
  readonly reportOnly?: boolean;
}

/** More modes than this are summed up by their distance alone. */
const mostModes = 8;

/** The rows of the table, those left out that nothing is known of. */
export function evaluationRows(evaluation: Evaluation, exact: ExactAnswer | undefined): Row[] {
  const { base, adapted, target, logNormalizer, achieved } = evaluation;
  const rows: Row[] = [];
  const add = (row: Omit<Row, "decimals"> & { readonly decimals?: number }): void => {
    const cells = [row.base, row.adapted, row.exact].filter((cell) => cell !== undefined);
    if (cells.length > 0) {
      rows.push({ ...row, decimals: row.decimals ?? suitableDecimals(cells) });
    }
  };
  const known = (pick: (exact: ExactAnswer) => number): { exact?: Estimate } =>
    exact === undefined ? {} : { exact: { value: pick(exact) } };
  const measured = (pick: (model: ModelEvaluation) => number | undefined): { base?: Estimate; adapted?: Estimate } => ({
    ...cell("base", pick(base)),
    ...cell("adapted", pick(adapted)),
  });
  add({
    key: "reward",
    name: "mean reward",
    ...(base.reward && { base: base.reward }),
    ...(adapted.reward && { adapted: adapted.reward }),
    ...known(({ reward }) => reward),
    meaning: "mean reward of the samples with its standard error",
  });
  if (Math.min(base.validFraction, adapted.validFraction) < 1) {
    add({
      key: "valid_fraction",
      name: "valid samples",
      unit: "%",
      ...measured(({ validFraction }) => 100 * validFraction),
      decimals: 1,
      meaning: "share of the samples that the reward could judge",
    });
  }
  if (exact !== undefined && exact.modes.length <= mostModes) {
    for (const [k, mode] of exact.modes.entries()) {
      add({
        key: `mode_weight_${k}`,
        name: `mode at ${mode}`,
        unit: "%",
        ...measured(({ modeWeights }) => (modeWeights === undefined ? undefined : 100 * modeWeights[k]!)),
        exact: { value: 100 * exact.modeWeights[k]! },
        decimals: 1,
        meaning: "share of the samples that are nearest to this mode",
      });
    }
  }
  if (exact !== undefined) {
    add({
      key: "mode_total_variation",
      name: "mode shares, distance",
      ...measured(({ modeDistance }) => modeDistance),
      exact: { value: 0 },
      decimals: 3,
      meaning: "share of the samples that would have to change mode (total variation): 0 is exact, 1 is all wrong",
    });
    add({
      key: "sliced_wasserstein",
      name: exact.dimension === 1 ? "Wasserstein to target" : "sliced Wasserstein to target",
      ...measured(({ distance }) => distance),
      ...(target && { exact: target.distance }),
      decimals: 3,
      meaning:
        "distance (order 2) to exact samples, in the unit of x; for exact samples, what chance alone gives, ± its standard deviation: below that, nothing can be told",
      reportOnly: true,
    });
  }
  add({
    key: "kl_path",
    name: "path KL to base",
    unit: "nats",
    ...(base.klPath && { base: base.klPath }),
    ...(adapted.klPath && { adapted: adapted.klPath }),
    ...known(({ klPath }) => klPath),
    meaning: `cost of steering, E 1/2 ∫ |u|² dt${exact === undefined ? "" : "; exact: KL of the target to the base model, the least that reaches it in small steps"}`,
  });
  add({
    key: "path_effective_fraction",
    name: "effective path fraction",
    unit: "%",
    ...measured(({ pathEffectiveFraction }) =>
      pathEffectiveFraction === undefined ? undefined : 100 * pathEffectiveFraction,
    ),
    ...known(() => 100),
    decimals: 1,
    meaning:
      "effective sample size of the paths, weighted to the target; 100 % for a perfect control in continuous time",
    reportOnly: true,
  });
  if (logNormalizer !== undefined) {
    add({
      key: "log_normalizer",
      name: "log E exp(λr), ± s.d.",
      adapted: logNormalizer,
      ...known((answer) => answer.logNormalizer),
      meaning:
        "what the learned value says of the whole (minus V at the start), ± its standard deviation over starting points, 0 at the optimum",
    });
  }
  if (achieved !== undefined) {
    add({
      key: "achieved_reward_scale",
      name: "λ of the ODE",
      adapted: { value: achieved.rewardScale },
      ...(exact && { exact: { value: exact.rewardScale } }),
      decimals: 3,
      meaning: `slope of log p/p_base on the reward along the probability-flow ODE (R² ${achieved.rSquared.toFixed(2)})${logNormalizer === undefined ? "" : "; a value function is trained on the SDE, and its ODE is not held to the target"}`,
      reportOnly: true,
    });
  }
  return rows;
}

function cell<Name extends string>(name: Name, value: number | undefined): { [K in Name]?: Estimate } {
  return (value === undefined ? {} : { [name]: { value } }) as { [K in Name]?: Estimate };
}

/** At most four decimals: enough for two digits of the largest uncertainty, or for three digits of the largest number. */
export function suitableDecimals(cells: readonly Estimate[]): number {
  const errors = cells.flatMap(({ error }) => (error === undefined || error === 0 ? [] : [error]));
  const largest = Math.max(...cells.map(({ value }) => Math.abs(value)));
  const digit =
    errors.length > 0 ? Math.floor(Math.log10(Math.max(...errors))) - 1 : Math.floor(Math.log10(largest || 1)) - 2;
  return Math.min(4, Math.max(0, -digit));
}
