import type { Node } from "../ir/index.js";
import { activationComposites } from "./decompose-activations.js";
import { contributedComposites } from "./decompose-contributed.js";
import { lossComposites } from "./decompose-losses.js";
import { normalizationComposites } from "./decompose-normalizations.js";
import { unsupported } from "./problems.js";
import { type Composite, Replacement, type Upgraded, type UpgradeOptions } from "./replacement.js";

export type { Upgraded, UpgradeOptions } from "./replacement.js";

/** Operators that are read as what they are made of, by operator set. */
const composites: Readonly<Record<string, Readonly<Record<string, Composite>>>> = {
  "": { ...activationComposites, ...normalizationComposites, ...lossComposites },
  "com.microsoft": contributedComposites,
};

/** The names of the operators that `decompose` writes as others, those of other sets with the set in front. */
export const decomposedOperators: readonly string[] = Object.entries(composites).flatMap(([domain, own]) =>
  Object.keys(own).map((op) => (domain === "" ? op : `${domain}.${op}`)),
);

const random: ReadonlySet<string> = new Set([
  "Bernoulli",
  "Multinomial",
  "RandomNormal",
  "RandomNormalLike",
  "RandomUniform",
  "RandomUniformLike",
]);

/**
 * The nodes that an operator is made of, `undefined` for one that stays what it is.
 * @throws IncompatibleError for a node that draws random numbers
 */
export function decompose(node: Node, options: UpgradeOptions): Upgraded | undefined {
  if (node.domain === "" && random.has(node.op)) {
    return unsupported(
      `the operator ${node.op} (node "${node.name}") draws random numbers while the network runs, so that no result could be had ` +
        "twice; make the noise an input of the network and export it again",
    );
  }
  const own = Object.hasOwn(composites, node.domain) ? composites[node.domain]! : {};
  const composite = Object.hasOwn(own, node.op) ? own[node.op] : undefined;
  if (!composite || !Object.keys(node.attributes).every((name) => composite.attributes.includes(name))) {
    return undefined;
  }
  const write = new Replacement(node, options);
  const results = composite.write(write, node, options.opset);
  const values = typeof results === "string" ? [results] : (results ?? []);
  return node.outputs.some((output, i) => output !== "" && !values[i]) ? undefined : write.finish(values);
}
