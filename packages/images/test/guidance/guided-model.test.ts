import { DDTensor, Diffusion, RandomKey, Tensor } from "@diffusiongym/core";
import { checkBaseModel } from "@diffusiongym/core/testing";
import { conv2d, GraphBuilder, linear, type NamedTensors, Network } from "@diffusiongym/nn";
import { describe, expect, it } from "vitest";
import { expectAllClose } from "../../../../tooling/test/close.js";
import { drawScales, type GuidanceBranches, GuidedModel, type GuidedModelOptions } from "../../src/guidance/index.js";

/** A network of a state, a step and one condition of two numbers. */
function network(): Network {
  const g = new GraphBuilder("guided");
  const x = g.input("x", ["N", 2, 3, 3]);
  const step = g.mul(g.unsqueeze(g.input("t", ["N"]), [1]), 1e-3);
  const condition = g.concat([g.input("condition", ["N", 2]), step], 1);
  const shift = g.unsqueeze(linear(g, condition, { name: "condition", out: 2 }), [2, 3]);
  g.output("output", conv2d(g, g.tanh(g.add(x, shift)), { name: "out", out: 2, kernel: 3, padding: 1 }));
  return Network.initialize(g.build(), RandomKey.fromSeed(0));
}

interface Conditioning {
  readonly condition: Tensor;
  readonly unwanted: Tensor;
  readonly guidanceScale: Float32Array;
}

class Guided extends GuidedModel<Conditioning> {
  constructor(readonly options: GuidedModelOptions) {
    super(options);
  }
  override withNetwork(changed: Network): Guided {
    return new Guided({ ...this.options, network: changed });
  }
  protected override branches(_x: DDTensor, { condition, unwanted, guidanceScale }: Conditioning): GuidanceBranches {
    return { conditional: { condition }, unconditional: { condition: unwanted }, scales: guidanceScale };
  }
}

const scheduler = Diffusion.linear();
const plain = network();
const make = (options: Partial<GuidedModelOptions> = {}): Guided =>
  new Guided({
    network: plain.clone(),
    stateInput: "x",
    timeInput: "t",
    outputType: "epsilon",
    scheduler,
    sampleShape: [2, 3, 3],
    ...options,
  });

const key = RandomKey.fromSeed(1);
const draw = (name: string): DDTensor => DDTensor.randn(4, [2, 3, 3], key.fold(name).streams());
const [x, cotangents, targets] = [draw("x"), draw("cotangents"), draw("targets")];
const t = Float32Array.of(0.2, 0.7, 0.2, 0.5);
const numbers = (name: string): Tensor => DDTensor.randn(4, [2], key.fold(name).streams()).tensor;
const conditioning: Conditioning = {
  condition: numbers("condition"),
  unwanted: numbers("unwanted"),
  guidanceScale: Float32Array.of(0, 1.5, 6.5, -1),
};
const weights = Float32Array.of(1, 0.5, 2, 0.1);
const batch = { x, t, conditioning, cotangents };
const regression = { x, t, conditioning, targets, weights };
const ways = [
  ["together", {}],
  ["apart", { branches: "apart" }],
  ["together, a time at once", { oneTime: true }],
  ["apart, a time at once", { branches: "apart", oneTime: true }],
] as const satisfies readonly (readonly [string, Partial<GuidedModelOptions>])[];

/** (s + 1) cond - s uncond, from the network itself. */
async function guidedBy(hand: Network, states = x): Promise<number[]> {
  const steps = new Tensor(
    Float32Array.from(t, (time) => scheduler.modelInput(time)),
    [4],
  );
  const run = async (condition: Tensor): Promise<DDTensor> => {
    const feeds: NamedTensors = { x: states.tensor, t: steps, condition };
    return new DDTensor((await hand.run(feeds)).output as Tensor<Float32Array>);
  };
  const [cond, uncond] = [await run(conditioning.condition), await run(conditioning.unwanted)];
  return [...cond.data].map((value, i) => {
    const s = conditioning.guidanceScale[Math.floor(i / 18)]!;
    return (s + 1) * value - s * uncond.data[i]!;
  });
}

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((sum, value, i) => sum + value * b[i]!, 0);

describe.each(ways)("guidance of branches %s", (_, options) => {
  it("is (s + 1) cond - s uncond", async () => {
    expectAllClose((await make(options).forward(x, t, conditioning)).data, await guidedBy(plain), {
      relative: 1e-5,
      absolute: 1e-5,
    });
  });

  it("has the gradient of the guided output with respect to the state", async () => {
    const direction = draw("direction");
    const { output, gradient } = await make(options).vjp(batch);
    expectAllClose(output.data, await guidedBy(plain), { relative: 1e-5, absolute: 1e-5 });
    const [up, down] = await Promise.all(
      [1e-2, -1e-2].map((size) => guidedBy(plain, x.linearCombination(1, [[size, direction]]))),
    );
    const numeric = dot(up!, cotangents.data) - dot(down!, cotangents.data);
    expect(numeric / 2e-2).toBeCloseTo(dot(gradient.data, direction.data), 2);
  });

  it("has the gradients of losses with respect to the parameters", async () => {
    const model = make(options);
    const { parameters, gradients } = model.network;
    const guided = await guidedBy(plain);
    const loss = guided.reduce(
      (sum, value, i) => sum + (weights[Math.floor(i / 18)]! * (value - targets.data[i]!) ** 2) / 18,
      0,
    );
    const made = await model.regress(regression);
    expect(made.loss).toBeCloseTo(loss, 4);
    expectAllClose(made.output.data, guided, { relative: 1e-5, absolute: 1e-5 });
    const regressed = gradients.data.slice();
    // The same by the cotangents of the loss, and twice when they are added up.
    const pulled = DDTensor.from(guided, [4, 2, 3, 3])
      .sub(targets)
      .scale(weights)
      .scale(2 / 18);
    await model.backward({ ...batch, cotangents: pulled });
    expectAllClose(gradients.data, regressed, { relative: 1e-4, absolute: 1e-5 });
    await model.backward({ ...batch, cotangents: pulled, accumulate: true });
    await model.regress({ ...regression, accumulate: true });
    expectAllClose(
      gradients.data,
      regressed.map((value) => 3 * value),
      { relative: 1e-4, absolute: 1e-4 },
    );
    const step = parameters.zerosLike();
    await model.regress({ ...regression, reduction: "sum", into: step });
    expectAllClose(
      step.data,
      regressed.map((value) => 18 * value),
      { relative: 1e-4, absolute: 1e-3 },
    );
    // And by differences.
    const squared = dot(regressed, regressed);
    const size = (1e-3 * loss) / squared;
    const moved = plain.clone();
    moved.parameters.data.forEach((value, i) => {
      moved.parameters.data[i] = value - size * regressed[i]!;
    });
    const after = (await make({ ...options, network: moved }).regress(regression)).loss;
    expect((loss - after) / (size * squared)).toBeCloseTo(1, 1);
  });
});

describe("guidance", () => {
  it("keeps the promises of a base model", async () => {
    await checkBaseModel(make(), { conditioning });
    await checkBaseModel(make({ branches: "apart", oneTime: true }), { conditioning });
  });

  it("does not compute what counts nothing", async () => {
    const model = make();
    const rows: number[] = [];
    const run = model.network.run.bind(model.network);
    model.network.run = (inputs, fetches) => {
      rows.push(inputs.x!.shape[0]!);
      return run(inputs, fetches);
    };
    await model.forward(x, t, { ...conditioning, guidanceScale: new Float32Array(4) });
    await model.forward(x, t, conditioning);
    // Under scale 0 only the condition counts, under -1 only what is unwanted.
    expect(rows).toEqual([4, 3 + 3]);
  });

  it("draws scales from a range, each sample from its own stream", () => {
    const request = { given: undefined, own: [2, 8] as const };
    const all = drawScales(5, { ...request, streams: key.streams() });
    expect(drawScales(2, { ...request, streams: key.streams(3) })).toEqual(all.slice(3));
    expect(new Set(all).size).toBe(5);
    expect(all.every((scale) => scale >= 2 && scale < 8)).toBe(true);
    expect(drawScales(2, { given: 3, own: [2, 8], streams: key.streams() })).toEqual(Float32Array.of(3, 3));
    expect(() => drawScales(2, { given: [1, Number.NaN], own: 1, streams: key.streams() })).toThrow(/sample 1/);
    expect(() => drawScales(3, { given: [1, 2], own: 1, streams: key.streams() })).toThrow(/2 scales for 3 samples/);
  });
});
