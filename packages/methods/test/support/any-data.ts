import {
  BaseModel,
  type DDRecord,
  DDTensor,
  type DiffusionData,
  type ModelInput,
  type NoConditioning,
  OptimalTransport,
  RandomKey,
  type Reward,
  type SampleStreams,
  type SchedulerLike,
  Tensor,
} from "@diffusiongym/core";
import { type DifferentiableModel, ResidualPolicy, type StateCotangents } from "@diffusiongym/methods";
import { fourierTimeFeatures, GraphBuilder, linear, Network, NetworkModel, zeros } from "@diffusiongym/nn";
import { PointClouds } from "../../../core/test/support/ragged.js";
import { GaussianRecordModel, type Pair } from "./record-model.js";

/** N(0, I) over any data type: v = (2 t - 1) / (t^2 + (1 - t)^2) x. */
class NormalModel<D extends DiffusionData<D>> extends BaseModel<D> implements DifferentiableModel<D, NoConditioning> {
  readonly outputType = "velocity";
  readonly scheduler: SchedulerLike = new OptimalTransport();
  constructor(private readonly zerosOf: (n: number) => D) {
    super();
  }
  sampleP0(n: number, streams: SampleStreams): ModelInput<D, NoConditioning> {
    return { x: this.zerosOf(n).randnLike(streams), conditioning: {} };
  }
  forward(x: D, t: Float32Array): D {
    return x.scale(t.map((time) => (2 * time - 1) / (time ** 2 + (1 - time) ** 2)));
  }
  vjp({ x, t, cotangents }: StateCotangents<D, NoConditioning>): { output: D; gradient: D } {
    return { output: this.forward(x, t), gradient: this.forward(cotangents, t) };
  }
}

/** The sum of all entries of a sample: tilting moves every entry by lambda. */
export const sumReward = <D extends DiffusionData<D>, C extends object = NoConditioning>(): Reward<D, C> => ({
  evaluate: (sample: D) => ({ rewards: sample.aggregate("sum"), valids: new Uint8Array(sample.length).fill(1) }),
});

/** Standard normal records, and a policy for them. */
export function records() {
  const start = new GaussianRecordModel(new OptimalTransport());
  const model = new NormalModel<DDRecord<Pair>>((n) =>
    start.sampleP0(n, RandomKey.fromSeed(0).streams()).x.zerosLike(),
  );
  const g = new GraphBuilder("record");
  const t = fourierTimeFeatures(g, g.input("t", ["N"]));
  for (const [name, size] of [
    ["place", 2],
    ["colour", 3],
  ] as const) {
    const part = g.concat([g.input(name, ["N", size]), t], 1);
    g.output(`${name}_out`, linear(g, part, { name, out: size, initialization: zeros }));
  }
  const correction = new NetworkModel<DDRecord<Pair>>({
    network: Network.initialize(g.build(), RandomKey.fromSeed(1)),
    outputType: "velocity",
    scheduler: model.scheduler,
    start: () => model.sampleP0(1, RandomKey.fromSeed(0).streams()),
  });
  return { model, policy: new ResidualPolicy({ base: model, correction }) };
}

/** Standard normal clouds of one to three points, and a policy for them. */
export function clouds() {
  const model = new NormalModel<PointClouds>((n) =>
    PointClouds.zeros(
      Array.from({ length: n }, (_, i) => 1 + (i % 3)),
      2,
    ),
  );
  const g = new GraphBuilder("points");
  const t = g.gather(fourierTimeFeatures(g, g.input("t", ["N"])), g.input("cloud", ["R"], "int64"), 0);
  const points = g.concat([g.input("x", ["R", 2]), t], 1);
  g.output("out", linear(g, points, { name: "line", out: 2, initialization: zeros }));
  const correction = new NetworkModel<PointClouds>({
    network: Network.initialize(g.build(), RandomKey.fromSeed(1)),
    outputType: "velocity",
    scheduler: model.scheduler,
    start: () => model.sampleP0(1, RandomKey.fromSeed(0).streams()),
    conditioning: (_, x) => ({ cloud: cloudOf(x) }),
  });
  return { model, policy: new ResidualPolicy({ base: model, correction }) };
}

/** The index of each point's cloud. */
function cloudOf(data: PointClouds): Tensor {
  const indices = data.sizes().flatMap((size, i) => Array.from({ length: size }, () => i));
  return new Tensor(Int32Array.from(indices), [indices.length]);
}

/** N(c, 1) where the model itself draws c when nobody gives it. */
export class ConditionalModel extends BaseModel<DDTensor, { c: Float32Array }> {
  readonly outputType = "velocity";
  readonly scheduler = new OptimalTransport();
  sampleP0(n: number, streams: SampleStreams, { c }: { c?: Float32Array }): ModelInput<DDTensor, { c: Float32Array }> {
    const drawn = c ?? Float32Array.from({ length: n }, (_, i) => Math.round(4 * streams.at(i).uniform()));
    return { x: DDTensor.randn(n, [1], streams), conditioning: { c: drawn } };
  }
  forward(x: DDTensor, t: Float32Array, { c }: { c: Float32Array }): DDTensor {
    const data = x.data.map((value, i) => {
      const time = t[i]!;
      const variance = time ** 2 + (1 - time) ** 2;
      return ((2 * time - 1) / variance) * (value - time * c[i]!) + c[i]!;
    });
    return new DDTensor(new Tensor(data, x.shape));
  }
}
