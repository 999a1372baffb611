import { didYouMean, FormatError, IncompatibleError, RandomKey } from "@diffusiongym/core";
import { Parameters } from "../parameters/index.js";
import { type AdaptedGraph, adapt, type LoraAdapter } from "./adapter.js";
import { type LoraModule, type LoraSetting, loraNames } from "./module.js";
import { adaptableWeights } from "./targets.js";

/** The part of PEFT's `adapter_config.json` that is read and written. */
export interface PeftConfig {
  readonly peft_type: string;
  readonly r: number;
  readonly lora_alpha: number;
  readonly use_rslora?: boolean;
  readonly target_modules?: string | readonly string[] | null;
  readonly rank_pattern?: Readonly<Record<string, number>> | null;
  readonly alpha_pattern?: Readonly<Record<string, number>> | null;
  readonly [other: string]: unknown;
}

/** Adapters as PEFT stores them in a folder. */
export interface PeftFiles {
  /** Contents of `adapter_model.safetensors`. */
  readonly weights: Uint8Array<ArrayBuffer>;
  /** Contents of `adapter_config.json`. */
  readonly config: PeftConfig;
}

const prefix = "base_model.model.";

/**
 * Adapters as the two files that PEFT's `PeftModel.from_pretrained` reads: tensors `base_model.model.<module>.lora_A.weight` and
 * `lora_B.weight`, and the configuration.
 */
export function toPeft({ modules, rankStabilized }: LoraAdapter, parameters: Parameters): PeftFiles {
  const named = modules.flatMap(({ module }) => {
    const { a, b } = loraNames(module);
    return [a, b].map((name) => [prefix + name, parameters.get(name)] as const);
  });
  const { rank: r, alpha: lora_alpha } = modules[0]!;
  const others = (key: "rank" | "alpha", usual: number): Record<string, number> =>
    Object.fromEntries(modules.filter((module) => module[key] !== usual).map((module) => [quote(module), module[key]]));
  return {
    weights: Parameters.from(named).toSafetensors({ format: "pt" }),
    config: {
      peft_type: "LORA",
      task_type: null,
      base_model_name_or_path: null,
      inference_mode: true,
      r,
      lora_alpha,
      use_rslora: rankStabilized,
      use_dora: false,
      lora_dropout: 0,
      bias: "none",
      fan_in_fan_out: false,
      init_lora_weights: true,
      target_modules: modules.map(({ module }) => module),
      modules_to_save: null,
      rank_pattern: others("rank", r),
      alpha_pattern: others("alpha", lora_alpha),
    },
  };
}

/**
 * A graph with the adapters of PEFT's files.
 * @param base graph whose parameters are inputs, and their values, which are copied
 * @throws IncompatibleError for other kinds of adapters, modules that the network does not have, or a shape that does not fit;
 *   FormatError for a damaged file
 */
export function fromPeft(base: LoraAdapter["base"], { weights, config }: PeftFiles): AdaptedGraph {
  requireLora(config);
  const given = byModule(Parameters.fromSafetensors(weights));
  const { weights: known, obstacles } = adaptableWeights(base.graph);
  const chosen = known.filter(({ module }) => given.has(module));
  const missing = [...given.keys()].find((module) => !chosen.some((weight) => weight.module === module));
  if (missing !== undefined) {
    const obstacle = obstacles.get(missing);
    throw new IncompatibleError(
      `LoRA: the file adapts "${missing}"${
        obstacle === undefined
          ? `, and the network has no such weight of a MatMul, Gemm or Conv${didYouMean(
              missing,
              known.map(({ module }) => module),
            )}`
          : `, which cannot be adapted: ${obstacle}.`
      }`,
    );
  }
  const setting = (module: string): LoraSetting => ({
    rank: patterned(config.rank_pattern, module) ?? config.r,
    alpha: patterned(config.alpha_pattern, module) ?? config.lora_alpha,
  });
  const rankStabilized = config.use_rslora ?? false;
  const adapted = adapt(base, { chosen, rankStabilized, setting, key: RandomKey.fromSeed(0) });
  const stored = adapted.adapter.modules.flatMap(({ module }) => {
    const { a, b } = given.get(module)!;
    const names = loraNames(module);
    return [[names.a, a] as const, [names.b, b] as const];
  });
  adapted.parameters.copyFrom(Parameters.from(stored));
  return adapted;
}

function requireLora(config: PeftConfig): void {
  if (config.peft_type !== "LORA" || !Number.isFinite(config.r) || !Number.isFinite(config.lora_alpha)) {
    throw new IncompatibleError(
      `LoRA: the configuration is of the kind ${JSON.stringify(config.peft_type)} with r ${config.r} and lora_alpha ${config.lora_alpha}; only "LORA" with both numbers can be read.`,
    );
  }
  const wanted = { use_dora: false, lora_bias: false, bias: "none", fan_in_fan_out: false };
  for (const [name, value] of Object.entries(wanted)) {
    if (config[name] !== undefined && config[name] !== null && config[name] !== value) {
      throw new IncompatibleError(
        `LoRA: the configuration has ${name} ${JSON.stringify(config[name])}; only ${JSON.stringify(value)} can be read.`,
      );
    }
  }
}

interface Pair {
  readonly a: ReturnType<Parameters["get"]>;
  readonly b: ReturnType<Parameters["get"]>;
}

/** The tensors of a file by module. */
function byModule(tensors: Parameters): Map<string, Pair> {
  const pairs = new Map<string, Partial<Pair>>();
  for (const [key, tensor] of tensors) {
    // Between the part and "weight" may stand the adapter's name.
    const match = /^(?:base_model\.model\.)?(.+)\.lora_(A|B)(?:\.[^.]+)?\.weight$/.exec(key);
    if (!match) {
      throw new IncompatibleError(
        `LoRA: the file holds "${key}"; only tensors "${prefix}<module>.lora_A.weight" and "lora_B.weight" can be read.`,
      );
    }
    const [, module, part] = match as unknown as [string, string, "A" | "B"];
    pairs.set(module, { ...pairs.get(module), [part === "A" ? "a" : "b"]: tensor });
  }
  for (const [module, { a, b }] of pairs) {
    if (a === undefined || b === undefined) {
      throw new FormatError(
        `LoRA: the file holds lora_${a === undefined ? "B" : "A"} of "${module}" and not the other.`,
        "safetensors",
      );
    }
  }
  return pairs as Map<string, Pair>;
}

/** The entry of the first pattern that is the module or the end of it. */
function patterned(patterns: PeftConfig["rank_pattern"], module: string): number | undefined {
  const found = Object.entries(patterns ?? {}).find(([pattern]) => new RegExp(`^(.*\\.)?(${pattern})$`).test(module));
  return found?.[1];
}

/** A module's name as a pattern that matches it only. */
const quote = ({ module }: LoraModule): string => `^${module.replaceAll(".", "\\.")}$`;
