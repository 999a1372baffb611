import {
  Cosine,
  constantNoise,
  type DiffusionData,
  Environment,
  memorylessNoise,
  OptimalTransport,
  type OutputType,
  outputTypes,
  type Reward,
  type SchedulerLike,
  VPLinear,
  ZeroReward,
} from "@diffusiongym/core";
import { checkBaseModel, checkDataType, checkEnvironment, checkReward } from "@diffusiongym/core/testing";
import { describe, expect, it } from "vitest";
import { GaussianModel } from "../support/gaussian-model.js";
import { clouds, example, particleSchedulers, particles, points } from "../support/subjects.js";

/** r = -|x|^2 / 2 in any data type, with its gradient. */
function quadratic<D extends DiffusionData<D>>(): Reward<D, object> {
  const evaluate = (sample: D) => ({
    rewards: sample.squaredNorm().map((norm) => -norm / 2),
    valids: new Uint8Array(sample.length).fill(1),
  });
  const gradient = (sample: D) => ({ ...evaluate(sample), gradient: sample.neg() });
  return { evaluate, gradient } as Reward<D, object>;
}

describe("checkDataType passes", () => {
  it("DDTensor", async () => {
    expect(await checkDataType({ example: example(points) })).toBe(30);
  });
  it("DDRecord, nested", async () => {
    expect(await checkDataType({ example: example(particles) })).toBe(30);
  });
  it("a ragged type from outside", async () => {
    expect(await checkDataType({ example: example(clouds) })).toBe(30);
  });
});

/** Every kind of data with schedulers that it may have. */
const subjects: readonly { name: string; model: (outputType: OutputType) => Promise<number>[] }[] = [
  subject("tensors, optimal transport", points, new OptimalTransport()),
  subject("records, a scheduler a part", particles, particleSchedulers()),
  subject("records, one scheduler", particles, new VPLinear()),
  subject("ragged, cosine", clouds, new Cosine(1)),
];

function subject<D extends DiffusionData<D>>(
  name: string,
  template: (n: number, offset: number) => D,
  scheduler: SchedulerLike,
): (typeof subjects)[number] {
  const checks = (outputType: OutputType): Promise<number>[] => {
    const model = new GaussianModel<D, object>({ template, scheduler, outputType });
    const environments = [memorylessNoise(), constantNoise(0.5), constantNoise(0)].map(
      (noiseSchedule) => new Environment<D, object>(model, quadratic<D>(), { steps: 8, noiseSchedule }),
    );
    const controlled = environments[0]!.withPolicies({ controlPolicy: { control: (x) => x.scale(0.1) } });
    const adapted = environments[0]!.withPolicies({ policy: { forward: (x) => x.scale(-0.2) } });
    return [
      checkBaseModel(model),
      checkReward(quadratic<D>(), { sample: template(5, 0).onesLike() }),
      checkReward(new ZeroReward<D, object>(), { sample: template(5, 0).onesLike() }),
      ...[...environments, controlled, adapted].map((environment) => checkEnvironment(environment)),
    ];
  };
  return { name, model: checks };
}

describe("checkBaseModel, checkReward and checkEnvironment pass", () => {
  const cases = subjects.flatMap(({ name, model }) => outputTypes.map((outputType) => ({ name, outputType, model })));

  it.each(cases)("$name, $outputType", async ({ outputType, model }) => {
    const [baseModel, reward, zero, ...environments] = await Promise.all(model(outputType));
    expect(baseModel).toBe(13);
    expect([reward, zero]).toEqual([8, 8]);
    expect(environments).toEqual([14, 14, 14, 14, 14]);
  });
});
