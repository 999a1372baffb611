import { type NoConditioning, sliceConditioning } from "../conditioning/index.js";
import { collate, type DDTensor, type DiffusionData } from "../data/index.js";
import { type BaseModel, outputTypes } from "../models/index.js";
import { RandomKey } from "../random/index.js";
import { Checklist, distance, sameBits } from "./conformance.js";

/** Options of `checkBaseModel`. */
export interface BaseModelCheck<C> {
  /** Conditioning for 4 samples. @default {} */
  readonly conditioning?: Partial<C>;
  /** Seed of the states it is tried on. @default 0 */
  readonly seed?: number;
  /** Largest relative difference allowed between a batch and its samples alone, for kernels that sum in another order. @default 1e-5 */
  readonly tolerance?: number;
}

/**
 * Checks that a base model keeps its promises: shapes, determinism, samples that do not influence each other, inputs left
 * alone, and starting states that do not depend on how a batch is split.
 * @returns the number of checks that passed
 * @throws ConformanceError listing every broken promise
 */
export async function checkBaseModel<D extends DiffusionData<D> = DDTensor, C extends object = NoConditioning>(
  model: BaseModel<D, C>,
  options: BaseModelCheck<C> = {},
): Promise<number> {
  const { seed = 0, tolerance = 1e-5 } = options;
  const given = options.conditioning ?? {};
  const key = RandomKey.fromSeed(seed).fold("check");
  const list = new Checklist(`The base model ${model.constructor.name}`);
  await list.check(`outputType must be one of ${outputTypes.join(", ")}.`, () =>
    outputTypes.includes(model.outputType),
  );
  const drawn = await list.need("sampleP0(4, ...) must give states.", () => model.sampleP0(4, key.streams(), given));
  await list.check("sampleP0(4, ...) must give 4 samples.", () => drawn.x.length === 4);
  if (drawn.x.length !== 4) {
    return list.finish();
  }
  const { x, conditioning } = await list.need("preprocess must take what sampleP0 gave.", () =>
    model.preprocess(drawn.x, drawn.conditioning),
  );
  const t = new Float32Array(4).fill(0.5);
  const part = (from: number, to: number): Promise<D> =>
    Promise.resolve(model.forward(x.slice(from, to), t.slice(from, to), sliceConditioning(conditioning, from, to)));

  await list.check("sampleP0 must depend on the streams only.", async () =>
    sameBits((await model.sampleP0(4, key.streams(), given)).x, drawn.x),
  );
  await list.check(
    "sampleP0 of a split batch must give the same bits: sample i may draw from its own stream only.",
    async () => {
      const first = await model.sampleP0(2, key.streams(), sliceConditioning(given, 0, 2));
      const second = await model.sampleP0(2, key.streams(2), sliceConditioning(given, 2, 4));
      return sameBits(collate([first.x, second.x]), drawn.x);
    },
  );
  await list.check(
    "sampleP0(0, ...) must give an empty batch.",
    async () => (await model.sampleP0(0, key.streams(), sliceConditioning(given, 0, 0))).x.length === 0,
  );
  const before = x.clone();
  const output = await list.need("forward must take what preprocess gave.", () => model.forward(x, t, conditioning));
  await list.check(
    "forward must return the structure of its input.",
    () => distance(output.zerosLike(), x.zerosLike()) === 0,
  );
  await list.check("forward must return finite numbers at t = 0.5.", () =>
    output.tensors().every((tensor) => tensor.data.every((value) => Number.isFinite(value))),
  );
  await list.check("forward must not change its input.", () => sameBits(x, before));
  await list.check("forward must be deterministic.", async () =>
    sameBits(await model.forward(x, t, conditioning), output),
  );
  await list.check(
    "forward must treat every sample alone: a slice of the output must be the output of the slice.",
    async () => distance(await part(1, 3), output.slice(1, 3)) <= tolerance,
  );
  await list.check("forward must take a time of its own for each sample.", async () => {
    const times = Float32Array.from([0.5, 0.7, 0.5, 0.3]);
    const mixed = await model.forward(x, times, conditioning);
    return distance(mixed.at(0), output.at(0)) <= tolerance && distance(mixed.at(2), output.at(2)) <= tolerance;
  });
  await list.check(
    "postprocess must keep the number of samples.",
    async () => (await model.postprocess(x, conditioning)).length === 4,
  );
  await list.check("trainLoss must give one finite number >= 0 a sample.", async () => {
    const loss = await model.trainLoss(x, { t, conditioning, streams: key.streams() });
    return loss.length === 4 && loss.every((value) => Number.isFinite(value) && value >= 0);
  });
  return list.finish();
}
