import { ArgumentError, IncompatibleError, RandomKey } from "@diffusiongym/core";
import { freeze, type Graph, valueNames } from "../ir/index.js";
import { initializeParameters, type Parameters } from "../parameters/index.js";
import { inject } from "./inject.js";
import { declarationsOf, type LoraModule, type LoraSetting, loraNames, moduleOf } from "./module.js";
import { chooseTargets, type LoraTargets } from "./patterns.js";
import { type AdaptableWeight, adaptableWeights } from "./targets.js";

/** Options of new adapters. */
export interface LoraOptions {
  /** Columns of B and rows of A; a whole number >= 1. @default 8 */
  readonly rank?: number;
  /** The adapters' product is scaled by alpha / rank. @default the rank, which is a scale of 1 */
  readonly alpha?: number;
  /** Which modules are adapted. @default "all": every weight that MatMul, Gemm and Conv nodes multiply by */
  readonly targets?: LoraTargets;
  /** Scale by alpha / sqrt(rank) instead (rsLoRA, arXiv 2312.03732). @default false */
  readonly rankStabilized?: boolean;
  /** The start of A depends on it and the module's name only. @default RandomKey.fromSeed(0) */
  readonly key?: RandomKey;
}

/** What a network has adapters on, and what it is without them. */
export interface LoraAdapter {
  readonly modules: readonly LoraModule[];
  readonly rankStabilized: boolean;
  /** The graph without adapters and its parameters, which the adapters never change. */
  readonly base: { readonly graph: Graph; readonly parameters: Parameters };
}

/** A graph with adapters. */
export interface AdaptedGraph {
  /** The parameters of the base are initializers; those of the adapters are inputs. */
  readonly graph: Graph;
  /** A and B of every module. */
  readonly parameters: Parameters;
  readonly adapter: LoraAdapter;
}

/**
 * Low-rank adapters (LoRA, arXiv 2106.09685) on weights of a network, as PEFT has them: A starts Kaiming-uniform with slope
 * sqrt(5) and B at zero, so that the network is what it was; on a convolution A is one with the same kernel, stride, padding
 * and dilation to `rank` channels, and B one of 1 x 1.
 * @param base graph whose parameters are inputs, and their values, which are copied
 * @throws ArgumentError for a rank that is no whole number >= 1 or a target that nothing matches; IncompatibleError when the
 *   graph has adapters
 */
export function addLora(base: LoraAdapter["base"], options: LoraOptions = {}): AdaptedGraph {
  const { rank = 8, alpha = rank, targets = "all", rankStabilized = false, key = RandomKey.fromSeed(0) } = options;
  const chosen = chooseTargets(targets, adaptableWeights(base.graph));
  if (chosen.length === 0) {
    throw new ArgumentError(`LoRA: the graph "${base.graph.name}" has no weight to adapt.`, "targets", targets);
  }
  return adapt(base, { chosen, rankStabilized, key, setting: () => ({ rank, alpha }) });
}

/** What `adapt` puts adapters on. */
export interface AdaptOptions {
  readonly chosen: readonly AdaptableWeight[];
  readonly rankStabilized: boolean;
  readonly key: RandomKey;
  /** Rank and alpha of a module. */
  readonly setting: (module: string) => LoraSetting;
}

/** Puts adapters on chosen weights. */
export function adapt(base: LoraAdapter["base"], { chosen, rankStabilized, key, setting }: AdaptOptions): AdaptedGraph {
  const modules = chosen.map(({ nodes: _, ...weight }) => moduleOf(weight, setting(weight.module), rankStabilized));
  const taken = valueNames(base.graph);
  const clash = modules.find(({ module }) => Object.values(loraNames(module)).some((name) => taken.has(name)));
  if (clash !== undefined) {
    throw new IncompatibleError(`LoRA: "${clash.module}" has adapters already; merge these first.`);
  }
  const parameters = base.parameters.clone();
  const adapter = { modules, rankStabilized, base: { graph: base.graph, parameters } };
  const declarations = modules.flatMap(declarationsOf);
  const graph = inject(freeze(base.graph, parameters.arrays()), { modules, weights: chosen });
  return { graph, parameters: initializeParameters(declarations, key.fold("lora")), adapter };
}
