import { ArgumentError, didYouMean } from "@diffusiongym/core";
import type { AdaptableWeight } from "./targets.js";

/**
 * Which modules are adapted: `"all"`; a pattern, in which `*` stands for any characters; a name without `*`, which also stands
 * for all modules that end in it, as in PEFT (`"to_q"` for `blocks.0.attn.to_q`); a regular expression; or a list of these.
 */
export type LoraTargets = string | RegExp | readonly (string | RegExp)[];

/**
 * The weights whose module, or own name, matches.
 * @throws ArgumentError for a pattern that nothing matches, with the nearest module or why it cannot be adapted
 */
export function chooseTargets(
  targets: LoraTargets,
  {
    weights,
    obstacles,
  }: { readonly weights: readonly AdaptableWeight[]; readonly obstacles: ReadonlyMap<string, string> },
): AdaptableWeight[] {
  const patterns = typeof targets === "string" || targets instanceof RegExp ? [targets] : targets;
  const chosen = new Set<AdaptableWeight>();
  for (const pattern of patterns) {
    const matches = pattern === "all" ? () => true : matcher(pattern);
    const found = weights.filter(({ module, weight }) => matches(module) || matches(weight));
    for (const weight of found) {
      chosen.add(weight);
    }
    if (found.length === 0) {
      const obstacle = [...obstacles].find(([module]) => matches(module));
      const plain = pattern instanceof RegExp ? pattern.source : pattern.replaceAll("*", "");
      const reason =
        obstacle === undefined
          ? `none of the ${weights.length} weights of MatMul, Gemm and Conv nodes${didYouMean(
              plain,
              weights.map(({ module }) => module),
            )}`
          : `only "${obstacle[0]}", which cannot be adapted: ${obstacle[1]}.`;
      throw new ArgumentError(`LoRA: the target ${quoted(pattern)} matches ${reason}`, "targets", pattern);
    }
  }
  return weights.filter((weight) => chosen.has(weight));
}

function matcher(pattern: string | RegExp): (name: string) => boolean {
  if (pattern instanceof RegExp) {
    // A pattern with the flag g or y would remember where it stopped.
    const stateless = new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ""));
    return (name) => stateless.test(name);
  }
  if (!pattern.includes("*")) {
    return (name) => name === pattern || name.endsWith(`.${pattern}`);
  }
  const source = pattern.split("*").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  const whole = new RegExp(`^${source.join(".*")}$`, "s");
  return (name) => whole.test(name);
}

const quoted = (pattern: string | RegExp): string => (pattern instanceof RegExp ? String(pattern) : `"${pattern}"`);
