import { type AnyData, IncompatibleError, RandomKey } from "@diffusiongym/core";
import { Engine, Network, ValueNetwork, valueMlp } from "@diffusiongym/nn";
import type { AnyEnvironment } from "../exact/index.js";

/** The value network of a run. */
export interface ValueSettings {
  readonly width: number;
  readonly depth: number;
  readonly threads: number;
  readonly seed: number;
}

/**
 * A value function for samples of any fixed shape: a multilayer perceptron, 0 at the start.
 * @throws IncompatibleError for ragged data and for models with conditioning, which it has no inputs for
 */
export async function buildValue(
  environment: AnyEnvironment,
  settings: ValueSettings,
): Promise<ValueNetwork<AnyData, object>> {
  const { width, depth, threads, seed } = settings;
  const start = await environment.baseModel.sampleP0(1, RandomKey.fromSeed(0).streams(), {});
  const { x, conditioning } = await environment.baseModel.preprocess(start.x, start.conditioning);
  const tensors = (x as AnyData).tensors();
  if (tensors.some((_, k) => (x as AnyData).rowOffsets(k) !== undefined)) {
    throw new IncompatibleError(
      "adapt: the model's samples differ in size, and the command's value network needs one shape. Write a script with a network of your own.",
    );
  }
  const given = Object.keys(conditioning);
  if (given.length > 0) {
    throw new IncompatibleError(
      `adapt: the model has conditioning (${given.join(", ")}), which the command's value network has no inputs for. Write a script with a network of your own.`,
    );
  }
  const names = tensors.length === 1 ? ["x"] : (x as AnyData).partNames();
  const inputs = Object.fromEntries(tensors.map((tensor, k) => [names[k]!, tensor.shape.slice(1)]));
  const network = Network.initialize(valueMlp({ inputs, width, depth }), RandomKey.fromSeed(seed).fold("value"), {
    engine: new Engine({ threads }),
  });
  return new ValueNetwork<AnyData, object>({ network });
}
