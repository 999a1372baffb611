import type { BuildLoss } from "@diffusiongym/nn";

/** Inputs of the loss beside those of the network. */
export const lossInputs = { mix: "guidance.mix", targets: "guidance.targets", weights: "guidance.weights" } as const;

const losses = new Map<string, BuildLoss>();

/**
 * sum_ij w_ij ((M y)_ij - target_ij)^2 for an output y of one row a branch, where M [samples, rows] makes guided outputs of
 * it. Always the same function for the same output, so that networks that share graphs compile it once.
 * @param entries numbers in a row of the output
 */
export function guidedSquaredError(output: string, entries: number): BuildLoss {
  const key = `${entries} ${output}`;
  let build = losses.get(key);
  if (build === undefined) {
    build = (g, values) => {
      const rows = g.reshape(values[output]!, [-1, entries]);
      const guided = g.matMul(g.input(lossInputs.mix, ["guidance.samples", "guidance.rows"]), rows);
      const error = g.sub(guided, g.input(lossInputs.targets, ["guidance.samples", entries]));
      return g.reduceSum(g.mul(g.square(error), g.input(lossInputs.weights, ["guidance.samples", entries])));
    };
    losses.set(key, build);
  }
  return build;
}
