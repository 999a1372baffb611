import {
  type BaseModel,
  DDTensor,
  DiffusionGymError,
  Environment,
  type EnvironmentOptions,
  OptimalTransport,
  type Reward,
  type SampleOptions,
  Tensor,
  ZeroReward,
} from "@diffusiongym/core";
import { expect } from "vitest";
import { GaussianModel } from "./gaussian-model.js";
import { points } from "./subjects.js";

/** Conditioning of whatever kind a test wants to try. */
export interface Conditioning {
  readonly label?: unknown;
}

/** Options of `sample` in these tests. */
export type Options = SampleOptions<DDTensor, Conditioning>;

/** A model of points with three coordinates, with some of its methods replaced by bad ones. */
export function model(methods: object = {}): BaseModel<DDTensor, Conditioning> {
  const good = new GaussianModel<DDTensor, Conditioning>({ template: points, scheduler: new OptimalTransport() });
  return Object.assign(good, methods);
}

/** An environment of four steps around the model, or around one with bad methods, or with a bad reward. */
export function environment(
  options: EnvironmentOptions = { steps: 4 },
  parts: { readonly model?: object; readonly reward?: Reward<DDTensor, Conditioning> } = {},
): Environment<DDTensor, Conditioning> {
  return new Environment(model(parts.model), parts.reward ?? new ZeroReward<DDTensor, Conditioning>(), options);
}

/** n samples with the same number everywhere. */
export function batch(n: number, shape: readonly number[] = [3], value = 0.5): DDTensor {
  return new DDTensor(Tensor.full([n, ...shape], value));
}

/** Finite but for one entry of the last sample. */
export function poisoned(n: number, value: number): DDTensor {
  const data = new Float32Array(3 * n);
  data[3 * (n - 1) + 1] = value;
  return new DDTensor(new Tensor(data, [n, 3]));
}

/** What a promise is rejected with: an error of the package's own. */
export async function rejection(promise: Promise<unknown>): Promise<DiffusionGymError> {
  const error = await promise.then(
    (value) => {
      throw new Error(`It resolved, to ${String(value)}.`);
    },
    (caught: unknown) => caught,
  );
  expect(error).toSatisfy(DiffusionGymError.isInstance);
  return error as DiffusionGymError;
}
