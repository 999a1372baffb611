import { type AnyData, IncompatibleError, modalityKit, OptimalTransport, RandomKey } from "@diffusiongym/core";
import { ModelPolicy, ResidualPolicy, type ResidualScale, type TrainablePolicy } from "@diffusiongym/methods";
import {
  Engine,
  fourierTimeFeatures,
  GraphBuilder,
  linear,
  Network,
  type NetworkDefinition,
  NetworkModel,
  silu,
  ValueNetwork,
  valueMlp,
  zeros,
} from "@diffusiongym/nn";
import { UsageError } from "../arguments/index.js";
import { meanOf } from "../evaluation/index.js";
import type { AnyEnvironment } from "../exact/index.js";
import { modalityOf } from "../parts/index.js";

/** The networks of a run. */
export interface NetworkSettings {
  /** @default what suits the modality, 64 for a perceptron */
  readonly width: number | undefined;
  /** @default what suits the modality, 3 for a perceptron */
  readonly depth: number | undefined;
  readonly threads: number;
  readonly seed: number;
}

/** A perceptron, when nothing was said. */
const defaultWidth = 64;
const defaultDepth = 3;

/** What of the base model is trained: a copy of its parameters, low-rank adapters, or a network that is added to it. */
export const trainableKinds = ["auto", "copy", "lora", "residual"] as const;

/** The policy of a run. */
export interface PolicySettings extends NetworkSettings {
  /** `"auto"` is a copy of a model that is a network, and a residual network for any other. */
  readonly trainable: (typeof trainableKinds)[number];
  readonly loraRank: number;
  readonly residualScale: ResidualScale;
}

/** A policy with the network whose parameters it trains. */
export interface BuiltPolicy {
  readonly policy: TrainablePolicy<AnyData, object>;
  readonly network: Network;
  /** How it is made, in words. */
  readonly description: string;
}

/** A value function with its network in words. */
export interface BuiltValue {
  readonly value: ValueNetwork<AnyData, object>;
  readonly description: string;
}

/**
 * A value function, 0 at the start: what the modality has for its data, or for samples of any fixed shape a multilayer perceptron.
 * @param name tells networks of one run apart
 * @throws IncompatibleError for ragged data and for models with conditioning, which it has no inputs for
 */
export async function buildValue(
  environment: AnyEnvironment,
  { modelId, width, depth, threads, seed }: NetworkSettings & { readonly modelId: string },
  name = "value",
): Promise<BuiltValue> {
  const key = RandomKey.fromSeed(seed).fold(name);
  const engine = new Engine({ threads });
  const make = modalityKit(modelId).valueNetwork;
  const suited = await make?.({
    baseModel: environment.baseModel,
    key,
    engine,
    initialValue: await meanCost(environment, seed),
    ...(width !== undefined && { width }),
    ...(depth !== undefined && { depth }),
  });
  if (suited !== undefined) {
    return { value: suited, description: `a network for ${modalityOf(modelId)}` };
  }
  const inputs = await inputsOf(environment, "value network");
  const size = { width: width ?? defaultWidth, depth: depth ?? defaultDepth };
  const network = Network.initialize(valueMlp({ inputs, ...size }), key, { engine });
  return { value: new ValueNetwork<AnyData, object>({ network }), description: describeMlp(size) };
}

/** Minus lambda times the mean reward of a few samples of the base model: what a value is near to. */
async function meanCost(environment: AnyEnvironment, seed: number): Promise<number> {
  const n = 16;
  const { rewards, valids } = await environment.sample(n, { seed: RandomKey.fromSeed(seed).fold("mean").word0 });
  return -environment.rewardScale * (meanOf(rewards, valids)?.value ?? 0);
}

/** A perceptron in words. */
function describeMlp({ width, depth }: { readonly width: number; readonly depth: number }): string {
  return `${depth} hidden layers of width ${width}`;
}

/**
 * A policy that starts at the base model.
 * @throws UsageError for a copy or adapters of a model that is no network; IncompatibleError as `buildValue`
 */
export async function buildPolicy(environment: AnyEnvironment, settings: PolicySettings): Promise<BuiltPolicy> {
  const { width = defaultWidth, depth = defaultDepth, threads, seed, trainable, loraRank, residualScale } = settings;
  const { baseModel } = environment;
  const isNetwork = baseModel instanceof NetworkModel;
  if (trainable === "residual" || (trainable === "auto" && !isNetwork)) {
    const inputs = await inputsOf(environment, "residual network");
    const network = Network.initialize(residualMlp(inputs, { width, depth }), RandomKey.fromSeed(seed).fold("policy"), {
      engine: new Engine({ threads }),
    });
    const correction = new NetworkModel<AnyData, object>({
      network,
      outputType: baseModel.outputType,
      scheduler: new OptimalTransport(),
      inputs: Object.keys(inputs),
      start: (n, streams, conditioning) => baseModel.sampleP0(n, streams, conditioning),
    });
    return {
      policy: new ResidualPolicy<AnyData, object>({ base: baseModel, correction, scale: residualScale }),
      network,
      description: `residual network: ${describeMlp({ width, depth })}`,
    };
  }
  if (!isNetwork) {
    throw new UsageError(
      `--trainable ${trainable}: the base model is no network with parameters to train; give --trainable residual.`,
    );
  }
  const lora = trainable === "lora";
  const model = (baseModel as NetworkModel<AnyData, object>).clone(
    lora ? { trainable: "lora", rank: loraRank, key: RandomKey.fromSeed(seed).fold("policy") } : {},
  );
  return {
    policy: new ModelPolicy(model),
    network: model.network,
    description: lora ? `low-rank adapters of rank ${loraRank}` : "a copy of the base model",
  };
}

/** Shape of one sample of each tensor of the data, by input name. */
async function inputsOf(environment: AnyEnvironment, what: string): Promise<Record<string, readonly number[]>> {
  const start = await environment.baseModel.sampleP0(1, RandomKey.fromSeed(0).streams(), {});
  const { x, conditioning } = await environment.baseModel.preprocess(start.x, start.conditioning);
  const tensors = (x as AnyData).tensors();
  if (tensors.some((_, k) => (x as AnyData).rowOffsets(k) !== undefined)) {
    throw new IncompatibleError(
      `adapt: the model's samples differ in size, and the command's ${what} needs one shape. Write a script with a network of your own.`,
    );
  }
  const given = Object.keys(conditioning);
  if (given.length > 0) {
    throw new IncompatibleError(
      `adapt: the model has conditioning (${given.join(", ")}), which the command's ${what} has no inputs for. Write a script with a network of your own.`,
    );
  }
  const names = tensors.length === 1 ? ["x"] : (x as AnyData).partNames();
  return Object.fromEntries(tensors.map((tensor, k) => [names[k]!, tensor.shape.slice(1)]));
}

/** A multilayer perceptron from samples and times to outputs of the same shapes, all 0 at the start. */
function residualMlp(
  inputs: Record<string, readonly number[]>,
  { width, depth }: { readonly width: number; readonly depth: number },
): NetworkDefinition {
  const g = new GraphBuilder("residual");
  const size = (shape: readonly number[]): number => shape.reduce((product, length) => product * length, 1);
  const shapes = Object.entries(inputs);
  const flat = shapes.map(([name, shape]) => g.reshape(g.input(name, ["N", ...shape]), [-1, size(shape)]));
  let hidden = g.concat([...flat, fourierTimeFeatures(g, g.input("t", ["N"]))], 1);
  for (let layer = 0; layer < depth; layer++) {
    hidden = silu(g, linear(g, hidden, { name: `layers.${layer}`, out: width }));
  }
  for (const [name, shape] of shapes) {
    const head = linear(g, hidden, { name: `head.${name}`, out: size(shape), initialization: zeros });
    g.output(`output.${name}`, g.reshape(head, [-1, ...shape]));
  }
  return g.build();
}
