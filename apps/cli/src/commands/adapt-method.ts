import type { AnyData } from "@diffusiongym/core";
import type { CatalogueEntry, KnobValues, MadeMethod } from "@diffusiongym/methods";
import type { Network } from "@diffusiongym/nn";
import type { AnyEnvironment } from "../exact/index.js";
import type { AdaptValues } from "./adapt-options.js";
import type { FinishedRun } from "./adapt-report.js";
import { defaultMethod } from "./method-options.js";
import { buildPolicy, buildValue } from "./networks.js";

/** An adaptation, read from the command line. */
export interface Adaptation {
  readonly modelId: string;
  readonly rewardId: string;
  readonly environment: AnyEnvironment;
  readonly entry: CatalogueEntry;
  readonly knobs: KnobValues;
  readonly built: BuiltMethod;
  readonly values: AdaptValues;
  readonly args: readonly string[];
}

/** A method with the networks that it trains; the first is the one worth keeping. */
export interface BuiltMethod extends MadeMethod<AnyData, object> {
  readonly networks: readonly { readonly network: Network; readonly name: string; readonly description: string }[];
}

/** Makes the method with networks that start at the base model. */
export async function buildMethod(
  entry: CatalogueEntry,
  { modelId, environment, values, knobs }: Pick<Adaptation, "modelId" | "environment" | "values" | "knobs">,
): Promise<BuiltMethod> {
  const { seed, width, depth, threads = 1 } = values;
  const { trainable = "auto", "lora-rank": loraRank = 8, "residual-scale": residualScale = "one" } = values;
  const networks: { network: Network; name: string; description: string }[] = [];
  const made = await entry.make<AnyData, object>(
    {
      environment,
      seed,
      async policy() {
        const settings = { width, depth, threads, seed, trainable, loraRank, residualScale };
        const { policy, network, description } = await buildPolicy(environment, settings);
        networks.push({ network, name: "policy", description });
        return policy;
      },
      async value(name) {
        const { value, description } = await buildValue(environment, { modelId, width, depth, threads, seed }, name);
        networks.push({ network: value.network, name, description });
        return value;
      },
    },
    knobs,
  );
  return { ...made, networks };
}

/** What is about to be done, in words. */
export function workOf({ entry, built, environment, values }: Adaptation): string {
  if (built.method === undefined) {
    return `${entry.title}, nothing is trained`;
  }
  const parameters = built.networks.reduce((sum, { network }) => sum + network.parameters.size, 0);
  const batch = values["batch-size"] ?? entry.knobs.batchSize?.default;
  const kind = entry.name === defaultMethod ? "rollouts" : "samples";
  return `${entry.title}, ${built.method.iterations} iterations of ${batch} ${kind} in ${environment.steps} steps, ${parameters} parameters`;
}

/** The settings of a run, for its report. */
export function settingsOf({ entry, knobs, built, environment, values }: Adaptation): FinishedRun["settings"] {
  const shown = Object.entries(entry.knobs).map(([name, { default: initial, shownDefault }]) => {
    const value = knobs[name] ?? initial ?? shownDefault ?? "default";
    return [wordsOf(name), Array.isArray(value) ? value.join(", ") : (value as string | number | boolean)] as const;
  });
  const networks = built.networks.map(
    ({ name, network, description }) =>
      [`${wordsOf(name)} network`, `${description}, ${network.parameters.size} parameters`] as const,
  );
  return {
    method: entry.name,
    steps: environment.steps,
    ...Object.fromEntries([...shown, ...networks]),
    ...(networks.length > 0 && { threads: values.threads ?? 1 }),
  };
}

/** `batchSize` as `batch size`. */
function wordsOf(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

/** What was trained, as ONNX, with the parameters that sample. */
export function trainedNetwork({ adapted, networks }: BuiltMethod): FinishedRun["network"] {
  const [trained] = networks;
  if (trained === undefined) {
    return undefined;
  }
  const network =
    adapted.kind === "policy" ? trained.network.withParameters(adapted.policy.parameters) : trained.network;
  return { name: `${trained.name}.onnx`, bytes: network.save() };
}
