import { Tensor } from "@diffusiongym/core";
import { loadFixture, loadFixtureBytes } from "../../../../tooling/test/fixtures.js";
import { meanSquaredError } from "../../src/builder/index.js";
import { loadUnet2d } from "../../src/diffusers/index.js";
import type { Engine } from "../../src/engine/index.js";
import type { LossGradient, Network } from "../../src/network/index.js";
import { Adam, cosineSchedule } from "../../src/optimizers/index.js";

/**
 * Flow matching on drawn images, the same to the last bit as in tooling/fixtures/flow_matching_unet2d.py: everything random
 * is made of whole numbers from one hash of a counter, and x_t = (1 - t) noise + t image is rounded where torch rounds it.
 */
const size = 32;
const pixels = size * size;
const entries = 3 * pixels;
const numbersAnImage = 2 ** 14;
const firstOfNoise = 2 ** 5;
const noiseScale = Math.fround(1 / Math.sqrt((8 * (2 ** 32 - 1)) / 12));

/** A 32-bit mixing of a 32-bit counter: xor with shifts and two odd multipliers. */
function hashed(counter: number): number {
  let x = counter | 0;
  x ^= x >>> 16;
  x = Math.imul(x, 0x7feb352d);
  x ^= x >>> 15;
  x = Math.imul(x, 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}

const numberOf = (image: number, index: number): number => hashed((image * numbersAnImage + index) % 2 ** 32);

/** A disc over a bar over a plain ground, colours in [-1, 1) in steps of 1 / 128. */
export function drawImage(image: number): Float32Array {
  const n = Array.from({ length: 16 }, (_, index) => numberOf(image, index));
  const colour = (layer: number, channel: number): number => (((n[layer]! >>> (8 * channel)) & 255) - 128) / 128;
  const [top, height] = [n[3]! % 24, 3 + (n[4]! % 8)];
  const [row, column, radius] = [6 + (n[5]! % 20), 6 + (n[6]! % 20), 4 + (n[7]! % 7)];
  return Float32Array.from({ length: entries }, (_, i) => {
    const [channel, y, x] = [Math.floor(i / pixels), Math.floor(i / size) % size, i % size];
    const inDisc = (y - row) ** 2 + (x - column) ** 2 <= radius ** 2;
    return colour(inDisc ? 2 : y >= top && y < top + height ? 1 : 0, channel);
  });
}

/** Sums of eight uniform numbers, centred and scaled to variance 1. */
export function drawNoise(image: number): Float32Array {
  return Float32Array.from({ length: entries }, (_, i) => {
    let total = 0;
    for (let word = 0; word < 4; word++) {
      const number = numberOf(image, firstOfNoise + 4 * i + word);
      total += (number & 0xffff) + (number >>> 16);
    }
    return (total - 4 * 65535) * noiseScale;
  });
}

/** In [0, 1), in steps of 2^-24. */
export const drawTime = (image: number): number => (numberOf(image, 16) >>> 8) / 2 ** 24;

/** What the loss needs of some images. */
export function drawBatch(first: number, count: number): Record<"x" | "t" | "target", Tensor> {
  const x = new Float32Array(count * entries);
  const target = new Float32Array(count * entries);
  const t = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    const [clean, noise, time] = [drawImage(first + i), drawNoise(first + i), drawTime(first + i)];
    const rest = Math.fround(1 - time);
    t[i] = time;
    for (let j = 0; j < entries; j++) {
      x[i * entries + j] = Math.fround(rest * noise[j]!) + Math.fround(time * clean[j]!);
      target[i * entries + j] = clean[j]! - noise[j]!;
    }
  }
  const shape = [count, 3, size, size];
  return { x: new Tensor(x, shape), t: new Tensor(t, [count]), target: new Tensor(target, shape) };
}

/** What torch measured. */
export interface TorchRun {
  readonly checkpoint: string;
  readonly batchSize: number;
  readonly steps: number;
  readonly learningRate: number;
  readonly validationImages: number;
  readonly firstValidationImage: number;
  readonly sumOfFirstImage: number;
  readonly sumOfFirstNoise: number;
  readonly firstTime: number;
  readonly validationEvery: number;
  /** Before the first step, then after every `validationEvery`. */
  readonly validationLosses: readonly number[];
  /** Of each step's batch, before the step. */
  readonly losses: readonly number[];
}

/** The run in torch, and the same network here with the optimizer at the start. */
export class FlowMatching {
  readonly network: Network;
  readonly #loss: LossGradient;
  readonly #optimizer: Adam;

  private constructor(
    readonly torch: TorchRun,
    network: Network,
  ) {
    this.network = network;
    this.#loss = network.lossGradient((g, { output }) =>
      meanSquaredError(g, { prediction: output!, target: g.input("target", ["N", 3, size, size]) }),
    );
    const { learningRate, steps } = torch;
    this.#optimizer = new Adam(network.parameters, { learningRate: cosineSchedule({ peak: learningRate, steps }) });
  }

  static async load(engine: Engine): Promise<FlowMatching> {
    const fixtures = "packages/nn/test/fixtures";
    const torch = await loadFixture<TorchRun>(`${fixtures}/flow-matching-unet2d.json`);
    const { config } = await loadFixture<{ config: object }>(`${fixtures}/${torch.checkpoint}.json.gz`);
    const weights = await loadFixtureBytes(`${fixtures}/${torch.checkpoint}.safetensors.gz`);
    const network = loadUnet2d({ config, weights, overrides: { timeMultiplier: 1000 }, engine });
    return new FlowMatching(torch, network);
  }

  /** The loss of the next batch, and an update. */
  async step(): Promise<number> {
    const { batchSize } = this.torch;
    const { loss } = await this.#loss.run(drawBatch(this.#optimizer.step * batchSize, batchSize));
    this.#optimizer.update(this.network.gradients);
    return loss;
  }

  /** The loss on the images kept for it. */
  async validate(): Promise<number> {
    const { firstValidationImage, validationImages } = this.torch;
    const { target, ...inputs } = drawBatch(firstValidationImage, validationImages);
    const { output } = await this.network.run(inputs);
    let sum = 0;
    for (let i = 0; i < output!.data.length; i++) {
      sum += (output!.data[i]! - target.data[i]!) ** 2;
    }
    return sum / output!.data.length;
  }
}
