import { type BaseModel, constructEnv, RandomKey, type Reward, type SampleStreams } from "@diffusiongym/core";
import { drawEndpoints, EndpointBuffer, noiseEndpoints } from "@diffusiongym/methods";
import { expect, it } from "vitest";
import { PointClouds } from "../../../core/test/support/ragged.js";
import { GaussianModel } from "../support/gaussian-model.js";

interface Sizes {
  readonly size: readonly number[];
}

/** Normal points in clouds whose sizes the model draws itself; out = velocity of N(0, I). */
const clouds = (): BaseModel<PointClouds, Sizes> => {
  const points = new GaussianModel();
  return Object.assign(Object.create(points) as BaseModel<PointClouds, Sizes>, {
    sampleP0(n: number, streams: SampleStreams) {
      const size = Array.from({ length: n }, (_, i) => streams.at(i).integer(1, 4));
      return { x: PointClouds.zeros(size).randnLike(streams.fold("points")), conditioning: { size } };
    },
    forward: (x: PointClouds, t: Float32Array) =>
      x.scale(t.map((time) => (2 * time - 1) / (time ** 2 + (1 - time) ** 2))),
  });
};

const reward: Reward<PointClouds, Sizes> = {
  evaluate: (sample) => ({ rewards: sample.aggregate("sum"), valids: new Uint8Array(sample.length).fill(1) }),
};

it("keeps endpoints of any data type across a checkpoint, with their structure and conditioning", async () => {
  const environment = constructEnv(clouds(), reward, { steps: 4 });
  const draw = { environment, seed: 7, conditioning: {} };
  const buffer = new EndpointBuffer(draw);
  buffer.add(await drawEndpoints({ ...draw, n: 3, steps: 2 }), 0);
  buffer.add(await drawEndpoints({ ...draw, n: 2, indexOffset: 40, steps: 2 }), 40, [0.5, -0.25]);
  const { arrays, values } = buffer.state();

  const other = new EndpointBuffer(draw);
  other.restore(new Map(arrays), JSON.parse(JSON.stringify(values)));
  // Saved again before anybody has used it.
  expect(other.state()).toEqual({ arrays, values });
  await other.ready();
  expect(other.length).toBe(5);
  for (const [k, pool] of buffer.pools.entries()) {
    const restored = other.pools[k]!;
    expect(restored.x1.sizes()).toEqual(pool.x1.sizes());
    expect([...restored.x1.points.data]).toEqual([...pool.x1.points.data]);
    expect(restored.conditioning).toEqual(pool.conditioning);
    expect(restored.rewards).toEqual(pool.rewards);
    expect(restored.valids).toEqual(pool.valids);
    expect(restored.logRatio).toEqual(pool.logRatio);
  }

  const rows = other.take([4, 0, 4]);
  expect(rows.x1.sizes()).toEqual(
    [4, 0, 4].map((i) => [...buffer.pools[0]!.x1.sizes(), ...buffer.pools[1]!.x1.sizes()][i]),
  );
  expect(rows.conditioning.size).toEqual(rows.x1.sizes());
  expect([...rows.rewards]).toEqual([4, 0, 4].map((i) => buffer.join(({ rewards }) => rewards)[i]));
  const counted = other.resample([0, 0, 1, 0, 3], 8, RandomKey.fromSeed(1).stream()).indices;
  expect([...counted].filter((index) => index === 4)).toHaveLength(6);
});

it("noises rows at stratified times with the ideal output as target", async () => {
  const model = new GaussianModel({ outputType: "epsilon" });
  const { x } = model.sampleP0(64, RandomKey.fromSeed(3).streams());
  const { xt, t, x0, target } = noiseEndpoints({ model, x1: x, key: RandomKey.fromSeed(4), timeRange: [0.2, 0.8] });
  const sorted = [...t].sort((a, b) => a - b);
  sorted.forEach((time, k) => {
    expect(time).toBeGreaterThanOrEqual(Math.fround(0.2 + (0.6 * k) / 64) - 1e-6);
    expect(time).toBeLessThan(0.2 + (0.6 * (k + 1)) / 64 + 1e-6);
  });
  expect([...t]).not.toEqual(sorted);
  expect([...target.data]).toEqual([...x0.data]);
  const expected = t[5]! * x.data[5]! + (1 - t[5]!) * x0.data[5]!;
  expect(xt.data[5]).toBeCloseTo(expected, 6);
});
