/**
 * A modality package from outside, as its author would write it: it imports "@diffusiongym/core" and nothing else, names its
 * ids by declaration merging, and registers its parts when it is imported.
 */
import {
  BaseModel,
  DDTensor,
  type ModelInput,
  type NoConditioning,
  OptimalTransport,
  type Reward,
  registerBaseModel,
  registerReward,
  type SampleStreams,
} from "@diffusiongym/core";

/** Conditioning of `audio/spoken`. */
export interface SpokenConditioning {
  /** Words to say, one string a sample. */
  readonly text: readonly string[];
}

declare module "@diffusiongym/core" {
  interface BaseModelRegistry {
    "audio/wave": { data: DDTensor; conditioning: NoConditioning; options: { readonly rate?: number } };
    "audio/spoken": { data: DDTensor; conditioning: SpokenConditioning; options: object };
  }
  interface RewardRegistry {
    "audio/loudness": { data: DDTensor; conditioning: object; options: { readonly decibel?: boolean } };
  }
}

/** Silence is the most likely sound. */
export class Wave<C extends object = NoConditioning> extends BaseModel<DDTensor, C> {
  readonly outputType = "endpoint";
  readonly scheduler = new OptimalTransport();
  readonly rate: number;

  constructor(options: { readonly rate?: number } = {}) {
    super();
    this.rate = options.rate ?? 8;
  }

  sampleP0(n: number, streams: SampleStreams, conditioning: Partial<C>): ModelInput<DDTensor, C> {
    return { x: DDTensor.randn(n, [this.rate], streams), conditioning: conditioning as C };
  }

  forward(x: DDTensor): DDTensor {
    return x.mul(0.5);
  }
}

/** Needs its text, and says what is missing otherwise. */
export class Spoken extends Wave<SpokenConditioning> {}

/** Mean square, or its logarithm. */
export class Loudness implements Reward<DDTensor, object> {
  constructor(readonly options: { readonly decibel?: boolean } = {}) {}

  evaluate(sample: DDTensor): { rewards: Float32Array; valids: Uint8Array } {
    const power = sample.mul(sample).aggregate("mean");
    const rewards = this.options.decibel ? power.map((value) => 10 * Math.log10(value)) : power;
    return { rewards, valids: new Uint8Array(sample.length).fill(1) };
  }
}

registerBaseModel("audio/wave", Wave, { description: "silence", options: { rate: "samples a second. @default 8" } });
registerBaseModel("audio/spoken", () => new Spoken(), { description: "speech" });
registerReward("audio/loudness", Loudness, { description: "mean square of a sound" });
