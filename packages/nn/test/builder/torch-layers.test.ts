import { RandomKey } from "@diffusiongym/core";
import { beforeAll, describe, expect, test } from "vitest";
import { expectAllClose } from "../../../../tooling/test/close.js";
import { loadFixture } from "../../../../tooling/test/fixtures.js";
import { vjp } from "../../src/autodiff/index.js";
import {
  adaptiveLayerNorm,
  adaptiveLayerNormZero,
  attention,
  averagePool2d,
  conv1d,
  conv2d,
  convTranspose2d,
  embedding,
  feedForward,
  film,
  GraphBuilder,
  type GraphValue,
  gaussianFourierFeatures,
  groupNorm,
  instanceNorm,
  layerNorm,
  linear,
  maxPool2d,
  multiheadAttention,
  type NetworkDefinition,
  pixelShuffle,
  residualBlock,
  resize2d,
  rmsNorm,
  unet2d,
  upsample2d,
} from "../../src/builder/index.js";
import type { ElementType } from "../../src/ir/index.js";
import { initializeParameters } from "../../src/parameters/index.js";
import { runGraph, type TestTensor } from "../ops/run-graph.js";

interface Stored {
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly base64: string;
}

interface Case {
  readonly inputs: Readonly<Record<string, Stored>>;
  /** By torch's name: `weight`, where the layer of this package is called `layer`. */
  readonly parameters: Readonly<Record<string, Stored>>;
  readonly output: Stored;
  readonly cotangent: Stored;
  readonly gradients: Readonly<Record<string, Stored>>;
}

interface Start {
  readonly shape: readonly number[];
  readonly low: number;
  readonly high: number;
  readonly deviation: number;
}

interface Fixture {
  readonly cases: Readonly<Record<string, Case>>;
  readonly starts: Readonly<Record<string, Readonly<Record<string, Start>>>>;
}

const path = "packages/nn/test/fixtures/torch-layers.json.gz";

function decode({ type, shape, base64 }: Stored): TestTensor {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  return { shape, data: type === "bool" ? bytes : new Float32Array(bytes.buffer) };
}

const floatsOf = (tensor: TestTensor): Float32Array => tensor.data as Float32Array;
const largestOf = (data: Float32Array): number => data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

type Inputs = Readonly<Record<string, GraphValue>>;
type Layer = (g: GraphBuilder, inputs: Inputs) => GraphValue;

const name = "layer";
/** A layer of one input, called as torch's module is. */
const of =
  <Options>(layer: (g: GraphBuilder, x: GraphValue, options: Options) => GraphValue, options: Omit<Options, "name">) =>
  (g: GraphBuilder, { x }: Inputs): GraphValue =>
    layer(g, x!, { name, ...options } as Options);
const timed =
  (options: object): Layer =>
  (g, { x, temb }) =>
    residualBlock(g, x!, { name, embedding: temb, groups: 2, ...options });

const layers: Readonly<Record<string, Layer>> = {
  conv1d: of(conv1d, { out: 6, kernel: 3, stride: 2, padding: 2, dilation: 2, groups: 2 }),
  conv2d: of(conv2d, { out: 4, kernel: [3, 2], stride: [2, 1], padding: [1, 0], bias: false }),
  convTranspose2d: of(convTranspose2d, { out: 6, kernel: 3, stride: 2, padding: 1, outputPadding: 1, groups: 2 }),
  instanceNorm: of(instanceNorm, { affine: true }),
  instanceNormPlain: of(instanceNorm, { epsilon: 1e-3 }),
  groupNorm: of(groupNorm, { groups: 2 }),
  layerNormPlain: of(layerNorm, { affine: false }),
  rmsNorm: of(rmsNorm, {}),
  averagePool2d: (g, { x }) => averagePool2d(g, x!, { kernel: 3, stride: 2, padding: 1 }),
  maxPool2d: (g, { x }) => maxPool2d(g, x!, { kernel: 3, stride: 2, padding: 1 }),
  bilinear: (g, { x }) => upsample2d(g, x!, { scale: 3, mode: "bilinear" }),
  resizeNearest: (g, { x }) => resize2d(g, x!, { height: 5, width: 2 }),
  resizeBilinear: (g, { x }) => resize2d(g, x!, { height: 2, width: 7, mode: "bilinear" }),
  pixelShuffle: (g, { x }) => pixelShuffle(g, x!, 2),
  multiheadAttention: of(multiheadAttention, { heads: 3 }),
  multiheadCross: (g, { x, context, mask }) => multiheadAttention(g, x!, { name, heads: 2, context, mask }),
  multiheadCausal: (g, { x, mask }) => multiheadAttention(g, x!, { name, heads: 2, bias: false, causal: true, mask }),
  multiheadSameWidthCross: (g, { x, context }) => multiheadAttention(g, x!, { name, context }),
  attention: of(attention, { heads: 3 }),
  attentionCross: (g, { x, context, mask }) =>
    attention(g, x!, { name, heads: 2, headDim: 4, bias: false, context, mask }),
  feedForward: of(feedForward, { inner: 12 }),
  feedForwardTanh: of(feedForward, { out: 4, activation: "geluTanh", bias: false }),
  geglu: of(feedForward, { gated: true }),
  swiglu: of(feedForward, { gated: true, activation: "silu", inner: 5 }),
  residualBlock: timed({ out: 6 }),
  residualBlockDown: timed({ resample: "down", outputScale: 2 }),
  residualBlockUp: timed({ resample: "up", timeNormalization: "scale_shift", activation: "mish" }),
  residualBlockWithoutTime: timed({}),
  film: (g, { x, c }) => film(g, x!, { name, conditioning: c! }),
  filmOfImages: (g, { x, c }) => film(g, x!, { name, conditioning: c!, features: "channels" }),
  adaptiveLayerNorm: (g, { x, c }) => adaptiveLayerNorm(g, x!, { name, conditioning: c! }),
  adaptiveLayerNormZero: (g, { x, c }) =>
    adaptiveLayerNormZero(g, x!, {
      name,
      conditioning: c!,
      branches: [
        (h) => linear(g, h, { name: `${name}.first`, out: 4 }),
        (h) => linear(g, h, { name: `${name}.second`, out: 4 }),
      ],
    }),
  gaussianFourier: of(gaussianFourierFeatures, { dim: 6 }),
};

describe("layers compute what those of torch and diffusers do", () => {
  let fixture: Fixture;
  beforeAll(async () => {
    fixture = await loadFixture<Fixture>(path);
  });

  test("every case of the fixture is checked", () => {
    expect(Object.keys(layers).sort()).toEqual(Object.keys(fixture.cases).sort());
  });

  // Once with lengths that are known and once with symbols, which some layers write another graph for.
  test.each(Object.keys(layers).flatMap((key) => [[key, "known"] as const, [key, "symbolic"] as const]))(
    "%s, %s lengths",
    async (key, lengths) => {
      const { inputs, parameters, output, cotangent, gradients } = fixture.cases[key]!;
      const g = new GraphBuilder(key);
      const declared = Object.entries(inputs).map(([input, { type, shape }]) => {
        // Channels and widths size parameters; masks and the sides of a bilinear resize stay known, too.
        const free = lengths === "symbolic" && !/bilinear|resize/i.test(key) && input !== "mask";
        const isSequence = shape.length === 3 && !key.startsWith("conv") && !key.includes("Norm");
        const axes = shape.map((length, axis) =>
          free && (axis === 0 || axis > 1 || isSequence) && axis !== widthAxis(shape, key) ? `${input}${axis}` : length,
        );
        if (free && shape.length > 1) {
          axes[0] = "N";
        }
        return [input, g.input(input, axes, type)] as const;
      });
      g.output("output", layers[key]!(g, Object.fromEntries(declared)));
      const { graph, parameters: own } = g.build();
      expect(own.map((parameter) => parameter.name).sort()).toEqual(
        Object.keys(parameters)
          .map((parameter) => `${name}.${parameter}`)
          .sort(),
      );
      const wrt = Object.keys(gradients).map((of) => (of in inputs ? of : `${name}.${of}`));
      const feeds: Record<string, TestTensor> = { "cotangent:output": decode(cotangent) };
      for (const [of, stored] of Object.entries(inputs)) {
        feeds[of] = decode(stored);
      }
      for (const [of, stored] of Object.entries(parameters)) {
        feeds[`${name}.${of}`] = decode(stored);
      }
      const results = await runGraph(vjp(graph, { wrt }).graph, feeds);
      expect(results.output!.shape).toEqual(output.shape);
      expectAllClose(floatsOf(results.output!), floatsOf(decode(output)), { absolute: 1e-5 });
      for (const [of, stored] of Object.entries(gradients)) {
        const expected = floatsOf(decode(stored));
        const actual = results[`grad:${of in inputs ? of : `${name}.${of}`}`]!;
        expect(actual.shape, of).toEqual(stored.shape);
        // A bias of keys has the gradient zero in truth, and rounding in both.
        expectAllClose(floatsOf(actual), expected, { absolute: 2e-4 * largestOf(expected) + 1e-6 });
      }
    },
  );
});

/** The axis of channels or widths, which is never symbolic. */
function widthAxis(shape: readonly number[], key: string): number {
  const channelsFirst = shape.length === 4 || /^(conv|groupNorm|instanceNorm)/.test(key);
  return channelsFirst ? 1 : shape.length - 1;
}

const starts: Readonly<Record<string, () => NetworkDefinition>> = {
  linear: () => built([2, 64], (g, x) => linear(g, x, { name, out: 96 })),
  conv1d: () => built([2, 32, 9], (g, x) => conv1d(g, x, { name, out: 48, kernel: 5 })),
  conv2d: () => built([2, 24, 5, 5], (g, x) => conv2d(g, x, { name, out: 48, kernel: 3, groups: 2 })),
  convTranspose2d: () => built([2, 24, 5, 5], (g, x) => convTranspose2d(g, x, { name, out: 48, kernel: 3, groups: 2 })),
  embedding: () => built([2], (g, x) => embedding(g, g.cast(x, "int64"), { name, count: 100, dim: 32 })),
  layerNorm: () => built([2, 16], (g, x) => layerNorm(g, x, { name })),
  groupNorm: () => built([2, 16, 4], (g, x) => groupNorm(g, x, { name, groups: 4 })),
  instanceNorm: () => built([2, 16, 4], (g, x) => instanceNorm(g, x, { name, affine: true })),
  rmsNorm: () => built([2, 16], (g, x) => rmsNorm(g, x, { name })),
  multiheadAttention: () => built([2, 3, 48], (g, x) => multiheadAttention(g, x, { name, heads: 4 })),
  multiheadCross: () =>
    built([2, 3, 48], (g, x) => multiheadAttention(g, x, { name, heads: 4, context: g.input("context", [2, 3, 24]) })),
  attention: () => built([2, 3, 48], (g, x) => attention(g, x, { name, heads: 4, headDim: 16, bias: false })),
  feedForward: () => built([2, 32], (g, x) => feedForward(g, x, { name, gated: true })),
  residualBlock: () =>
    built([2, 16, 4, 4], (g, x) =>
      residualBlock(g, x, { name, out: 24, groups: 4, embedding: g.input("embedding", [2, 40]) }),
    ),
  gaussianFourier: () => built([2], (g, x) => gaussianFourierFeatures(g, x, { name, dim: 800 })),
  unet2d: () =>
    unet2d({
      sampleSize: 8,
      blockOutChannels: [16, 32],
      downBlockTypes: ["DownBlock2D", "AttnDownBlock2D"],
      upBlockTypes: ["AttnUpBlock2D", "UpBlock2D"],
      layersPerBlock: 1,
      normNumGroups: 8,
      numClassEmbeds: 10,
    }),
};

function built(shape: readonly number[], layer: (g: GraphBuilder, x: GraphValue) => GraphValue): NetworkDefinition {
  const g = new GraphBuilder("start");
  g.output("output", layer(g, g.input("x", shape)));
  return g.build();
}

describe("layers start as those of torch and diffusers do", () => {
  test.each(Object.keys(starts))("%s", async (key) => {
    const { starts: measured } = await loadFixture<Fixture>(path);
    const { parameters } = starts[key]!();
    const prefix = key === "unet2d" ? "" : `${name}.`;
    expect(parameters.map((own) => own.name).sort()).toEqual(
      Object.keys(measured[key]!)
        .map((torch) => prefix + torch)
        .sort(),
    );
    const drawn = initializeParameters(parameters, RandomKey.fromSeed(2));
    expect(initializeParameters(parameters, RandomKey.fromSeed(2)).data).toEqual(drawn.data);
    for (const { name: own, shape, initialization } of parameters) {
      const torch = measured[key]![own.slice(prefix.length)]!;
      expect(shape, own).toEqual(torch.shape);
      const size = shape.reduce((product, length) => product * length, 1);
      // Both estimate the same deviation from so many numbers.
      const { data } = drawn.get(own);
      const mean = data.reduce((sum, value) => sum + value / size, 0);
      const deviation = Math.sqrt(data.reduce((sum, value) => sum + (value - mean) ** 2 / size, 0));
      expect(Math.abs(deviation - torch.deviation), own).toBeLessThanOrEqual(
        1e-12 + (8 * torch.deviation) / Math.sqrt(2 * size),
      );
      switch (initialization.kind) {
        case "constant":
          expect([torch.low, torch.high], own).toEqual([initialization.value, initialization.value]);
          break;
        case "uniform": {
          const { low, high } = initialization;
          // No number of torch's is outside the bounds, and the extremes of so many come near to them.
          const slack = (high - low) * Math.min(0.6, 12 / size);
          expect(torch.low >= low * (1 + 1e-6) && torch.low <= low + slack, own).toBe(true);
          expect(torch.high <= high * (1 + 1e-6) && torch.high >= high - slack, own).toBe(true);
          break;
        }
        case "normal":
          // Five standard deviations of the estimate.
          expect(Math.abs(torch.deviation / initialization.standardDeviation - 1), own).toBeLessThan(
            5 / Math.sqrt(2 * size),
          );
          expect(Math.max(-torch.low, torch.high), own).toBeGreaterThan(2 * initialization.standardDeviation);
      }
    }
  });
});
