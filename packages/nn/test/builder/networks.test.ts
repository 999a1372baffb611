import { ArgumentError, DDRecord, DDTensor, RandomKey, ShapeError, Tensor } from "@diffusiongym/core";
import { afterAll, describe, expect, test } from "vitest";
import { expectAllClose } from "../../../../tooling/test/close.js";
import {
  adaptiveLayerNorm,
  adaptiveLayerNormZero,
  attention,
  cnn,
  GraphBuilder,
  type GraphValue,
  gaussianFourierFeatures,
  linear,
  multiheadAttention,
  type NetworkDefinition,
  residualBlock,
  sinusoidalFeatures,
  type Unet2dConfig,
  unet2d,
  valueCnn,
  valueRecord,
} from "../../src/builder/index.js";
import { Engine } from "../../src/engine/index.js";
import { Network, ValueNetwork } from "../../src/network/index.js";
import { Adam } from "../../src/optimizers/index.js";
import { checkGradients } from "../ops/finite-differences.js";
import { pseudoRandom, type TestTensor } from "../ops/run-graph.js";

const engine = new Engine({ threads: 1 });
afterAll(() => engine.dispose());

const initialize = (definition: NetworkDefinition): Network =>
  Network.initialize(definition, RandomKey.fromSeed(5), { engine });

function tensor(shape: readonly number[], seed: number): Tensor<Float32Array> {
  const size = shape.reduce((product, length) => product * length, 1);
  return new Tensor(pseudoRandom(seed, size), [...shape]);
}

/** Feeds of every parameter, away from starts at zero. */
function parametersOf({ parameters }: NetworkDefinition): Record<string, TestTensor> {
  return Object.fromEntries(
    parameters.map(({ name, shape }, index) => {
      const { data } = tensor(shape, 100 + index);
      return [name, { shape, data: data.map((value) => 0.6 * value + (name.includes("norm") ? 1 : 0)) }];
    }),
  );
}

const times = new Tensor(Float32Array.of(0.2, 0.7), [2]);

describe("cnn", () => {
  test("starts at zero, for images of any size", async () => {
    const network = initialize(cnn({ inChannels: 2, outChannels: 3, width: 8, depth: 2, groups: 2 }));
    for (const size of [
      [6, 4],
      [5, 7],
    ] as const) {
      const { output } = await network.run({ x: tensor([2, 2, ...size], 1), t: times });
      expect(output!.shape).toEqual([2, 3, ...size]);
      expect(Array.from(output!.data as Float32Array).every((value) => value === 0)).toBe(true);
    }
    expect(network.parameters.names).toContain("blocks.1.time_emb_proj.weight");
    await network.dispose();
  });

  test("has the gradients of its finite differences, with respect to image, time and parameters", async () => {
    const definition = cnn({ inChannels: 1, size: [3, 4], width: 4, depth: 1, groups: 2, timeDim: 4, condDim: 3 });
    const feeds = { x: tensor([2, 1, 3, 4], 2), t: { shape: [2], data: Float32Array.of(0.2, 0.21) } };
    const wrt = ["x", "conv_in.weight", "blocks.0.conv1.weight", "time_embed.mlp.0.bias", "conv_out.weight"];
    await checkGradients(
      definition.graph,
      { ...parametersOf(definition), ...feeds },
      { wrt, order: 1, stepSize: 0.02 },
    );
  });
});

describe("value networks of images and records", () => {
  test("valueCnn starts at value and gradient zero, and takes conditioning", async () => {
    const definition = valueCnn({ inChannels: 3, size: 8, widths: [4, 8], groups: 2, conditioningDim: 2 });
    const network = initialize(definition);
    const value = new ValueNetwork<DDTensor, { conditioning: Tensor }>({
      network,
      conditioning: ({ conditioning }) => ({ conditioning }),
    });
    const x = new DDTensor(tensor([2, 3, 8, 8], 3));
    const { values, gradient } = await value.valueAndGradient(x, times.data, { conditioning: tensor([2, 2], 4) });
    expect([...values]).toEqual([0, 0]);
    expect(gradient.data.every((entry) => entry === 0)).toBe(true);
    await network.dispose();
  });

  test("valueCnn has the gradients of its finite differences", async () => {
    const definition = valueCnn({ inChannels: 1, widths: [2, 4], groups: 2 });
    const feeds = { x: tensor([2, 1, 4, 6], 5), t: times };
    const wrt = ["x", "t", "stages.0.conv.weight", "stages.1.condition.weight", "head.weight"];
    await checkGradients(
      definition.graph,
      { ...parametersOf(definition), ...feeds },
      { wrt, order: 1, stepSize: 0.02 },
    );
  });

  test("valueRecord learns a function of an image and a vector", async () => {
    const shapes = { image: [1, 4, 4], place: [2], track: [3, 2] };
    const network = initialize(valueRecord({ inputs: shapes, width: 16, imageWidths: [4, 8], groups: 2 }));
    const value = new ValueNetwork<DDRecord<Record<keyof typeof shapes, DDTensor>>>({ network });
    const n = 24;
    const entries = Object.entries(shapes).map(([name, shape], i) => [name, new DDTensor(tensor([n, ...shape], i))]);
    const x = new DDRecord(Object.fromEntries(entries) as Record<keyof typeof shapes, DDTensor>);
    const { image, place, track } = x.entries;
    const t = pseudoRandom(9, n, 0, 1);
    const mean = (data: Float32Array, row: number): number => {
      const size = data.length / n;
      return data.subarray(row * size, (row + 1) * size).reduce((sum, entry) => sum + entry, 0) / size;
    };
    const targets = Float32Array.from(
      { length: n },
      (_, row) => 3 * mean(image.data, row) + mean(place.data, row) * t[row]! - mean(track.data, row),
    );
    const optimizer = new Adam(network.parameters, { learningRate: 0.01 });
    const losses: number[] = [];
    for (let step = 0; step < 150; step++) {
      losses.push((await value.regress({ x, t, conditioning: {}, targets })).loss);
      optimizer.update(network.gradients);
    }
    expect(losses[losses.length - 1]).toBeLessThan(0.02 * losses[0]!);
    // Every tensor has a gradient of its own shape.
    const { gradient } = await value.valueAndGradient(x, t, {});
    for (const [name, shape] of Object.entries(shapes)) {
      const part = gradient.entries[name as keyof typeof shapes];
      expect(part.tensors()[0]!.shape).toEqual([n, ...shape]);
      expect(
        part.data.some((entry) => Math.abs(entry) > 1e-3),
        name,
      ).toBe(true);
    }
    await network.dispose();
  });

  test("valueRecord wants a tensor", () => {
    expect(() => valueRecord({ inputs: {} })).toThrow(ArgumentError);
  });
});

const small: Unet2dConfig = {
  blockOutChannels: [4, 8],
  downBlockTypes: ["DownBlock2D", "AttnDownBlock2D"],
  upBlockTypes: ["AttnUpBlock2D", "UpBlock2D"],
  normNumGroups: 2,
  layersPerBlock: 1,
  attentionHeadDim: 4,
};

describe("unet2d", () => {
  test("is the same network for a size that is given and one that each run decides", async () => {
    const given = initialize(unet2d({ ...small, sampleSize: [8, 4] }));
    const free = initialize(unet2d(small));
    const feeds = { x: tensor([2, 3, 8, 4], 6), t: new Tensor(Float32Array.of(3, 700), [2]) };
    const [one, other] = [await given.run(feeds), await free.run(feeds)];
    expect(other.output!.shape).toEqual([2, 3, 8, 4]);
    expect([...other.output!.data]).toEqual([...one.output!.data]);
    const wrt = ["x", "conv_in.weight"];
    const { gradients } = await given.vjp(feeds, "ones", { wrt });
    expect((await free.vjp(feeds, "ones", { wrt })).gradients).toEqual(gradients);
    const wider = { ...feeds, x: tensor([2, 3, 6, 10], 7) };
    expect((await free.run(wider)).output!.shape).toEqual([2, 3, 6, 10]);
    await Promise.all([given.dispose(), free.dispose()]);
  });

  test("takes classes as an embedding, goes without a middle, and counts time as it is told", async () => {
    const config = { ...small, classEmbedType: "identity", timeEmbeddingDim: 6, midBlockType: null } as const;
    const [steps, unit] = [initialize(unet2d(config)), initialize(unet2d({ ...config, timeMultiplier: 1000 }))];
    expect(steps.parameters.names.some((name) => name.startsWith("mid_block"))).toBe(false);
    const feeds = { x: tensor([1, 3, 4, 4], 8), classLabels: tensor([1, 6], 9) };
    const { output } = await steps.run({ ...feeds, t: new Tensor(Float32Array.of(250), [1]) });
    const same = await unit.run({ ...feeds, t: new Tensor(Float32Array.of(0.25), [1]) });
    expect([...same.output!.data]).toEqual([...output!.data]);
    const others = await steps.run({
      ...feeds,
      classLabels: tensor([1, 6], 10),
      t: new Tensor(Float32Array.of(250), [1]),
    });
    expect([...others.output!.data]).not.toEqual([...output!.data]);
    await Promise.all([steps.dispose(), unit.dispose()]);
  });

  test("an option that is unknown or makes no network is refused by name", () => {
    const refused: [Record<string, unknown>, RegExp][] = [
      [{ blockOutChanels: [4] }, /"blockOutChanels"; did you mean "blockOutChannels"/],
      [{ downBlockTypes: ["DownBlock2D", "AttnDownBlock2"] }, /"AttnDownBlock2"; did you mean "AttnDownBlock2D"/],
      [{ upBlockTypes: ["CrossAttnUpBlock2D", "UpBlock2D"] }, /unknown block "CrossAttnUpBlock2D"/],
      [{ midBlockType: "UNetMidBlock" }, /midBlockType cannot be "UNetMidBlock"; did you mean "UNetMidBlock2D"/],
      [{ timeEmbeddingType: "furier" }, /"furier"; did you mean "fourier"/],
      [{ classEmbedType: "projection" }, /classEmbedType cannot be "projection"/],
      [{ actFn: "sillu" }, /actFn cannot be "sillu"; did you mean "silu"/],
      [{ resnetTimeScaleShift: "ada_group" }, /resnetTimeScaleShift cannot be "ada_group"/],
      [{ downsampleType: "fir" }, /downsampleType cannot be "fir"/],
      [{ blockOutChannels: [4, 7] }, /multiples of normNumGroups, 2/],
      [{ blockOutChannels: [4] }, /downBlockTypes .* an entry for each of the 1 blockOutChannels/],
      [{ sampleSize: 9 }, /sampleSize is 9; it must be a multiple of 2/],
      [{ attentionHeadDim: 16 }, /attentionHeadDim is 16, more than the 8 channels/],
      [{ attentionHeadDim: 0 }, /attentionHeadDim is 0/],
      [{ dropout: 0.1 }, /dropout is 0\.1; it must be 0/],
      [{ timeEmbeddingType: "learned" }, /numTrainTimesteps/],
      [{ downsamplePadding: -1 }, /downsamplePadding is -1/],
      [{ flipSinToCos: "yes" }, /flipSinToCos is "yes"; it must be a boolean/],
      [{ normEps: Number.NaN }, /normEps/],
      [{ layersPerBlock: null }, /layersPerBlock/],
    ];
    for (const [options, message] of refused) {
      expect(() => unet2d({ ...small, ...options } as Unet2dConfig), String(message)).toThrow(ArgumentError);
      expect(() => unet2d({ ...small, ...options } as Unet2dConfig)).toThrow(message);
    }
  });
});

describe("layers of transformers", () => {
  test("adaptive norms start as a plain norm and as the identity", async () => {
    const g = new GraphBuilder("adaptive");
    const x = g.input("x", ["N", 3, 4]);
    const conditioning = g.input("c", ["N", 2]);
    const branch = (name: string) => (h: GraphValue) => linear(g, h, { name, out: 4 });
    g.output("norm", adaptiveLayerNorm(g, x, { name: "plain", conditioning }));
    g.output("same", adaptiveLayerNormZero(g, x, { name: "zero", conditioning, branches: [branch("a"), branch("b")] }));
    const network = initialize(g.build());
    const data = tensor([2, 3, 4], 11);
    const { norm, same } = await network.run({ x: data, c: tensor([2, 2], 12) });
    expect([...same!.data]).toEqual([...data.data]);
    for (let row = 0; row < 6; row++) {
      const entries = (norm!.data as Float32Array).subarray(4 * row, 4 * row + 4);
      expect(entries.reduce((sum, entry) => sum + entry, 0)).toBeCloseTo(0, 5);
      expect(entries.reduce((sum, entry) => sum + entry * entry, 0)).toBeCloseTo(4, 3);
    }
    await network.dispose();
  });

  test("a query that sees no key weighs all alike, and gives no NaN", async () => {
    const g = new GraphBuilder("hidden");
    const x = g.input("x", ["N", 3, 2]);
    const mask = g.input("mask", [3, 3], "bool");
    g.output("y", attention(g, x, { name: "a", mask }));
    const network = initialize(g.build());
    const data = tensor([1, 3, 2], 13);
    const run = async (...seen: number[]): Promise<number[]> => {
      const { y } = await network.run({ x: data, mask: new Tensor(Uint8Array.from(seen), [3, 3]) });
      return [...(y!.data as Float32Array)];
    };
    const blind = await run(0, 0, 0, 0, 0, 0, 0, 0, 0);
    expectAllClose(blind, [...blind.slice(4), ...blind.slice(0, 4)], { absolute: 1e-6 });
    expectAllClose((await run(0, 0, 0, 1, 1, 1, 1, 0, 0)).slice(0, 2), blind.slice(0, 2), { absolute: 1e-6 });
    // Who sees one key alone gives that key's value: all three alike, and not the mean.
    const first = await run(1, 0, 0, 1, 0, 0, 1, 0, 0);
    expectAllClose(first, [...first.slice(4), ...first.slice(0, 4)], { absolute: 1e-6 });
    expect(Math.abs(first[0]! - blind[0]!)).toBeGreaterThan(1e-3);
    await network.dispose();
  });

  test("what does not fit is refused", () => {
    const refused: [(g: GraphBuilder) => unknown, typeof ShapeError | typeof ArgumentError, RegExp][] = [
      [(g) => attention(g, sequence(g), { name: "l", heads: 4 }), ArgumentError, /4 heads do not divide the width 6/],
      [(g) => multiheadAttention(g, sequence(g), { name: "l", heads: 0 }), ArgumentError, /0 heads/],
      [
        (g) => attention(g, sequence(g), { name: "l", mask: g.input("mask", ["N", 3, 3], "bool") }),
        ShapeError,
        /mask has the shape \[N, 3, 3\]/,
      ],
      [(g) => residualBlock(g, image(g), { name: "l", groups: 3 }), ShapeError, /3 groups do not divide/],
      [
        (g) => residualBlock(g, image(g), { name: "l", timeNormalization: "scale" as "default" }),
        ArgumentError,
        /"scale"/,
      ],
      [
        (g) => adaptiveLayerNorm(g, sequence(g), { name: "l", conditioning: image(g) }),
        ShapeError,
        /\[N, any\] and \[N, \.\.\., width\] are needed/,
      ],
      [
        (g) => sinusoidalFeatures(g, g.input("t", ["N"]), { dim: 2, frequencyShift: 1 }),
        ArgumentError,
        /frequencyShift must not be half of dim/,
      ],
      [(g) => gaussianFourierFeatures(g, g.input("t", ["N"]), { name: "l", dim: 3 }), ArgumentError, /even number/],
    ];
    for (const [act, kind, message] of refused) {
      expect(() => act(new GraphBuilder("refused"))).toThrow(kind);
      expect(() => act(new GraphBuilder("refused"))).toThrow(message);
    }
  });
});

const sequence = (g: GraphBuilder): GraphValue => g.input("x", ["N", 3, 6]);
const image = (g: GraphBuilder): GraphValue => g.input("image", ["N", 4, 2, 2]);
