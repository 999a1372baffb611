import { DDTensor, OptimalTransport, RandomKey } from "@diffusiongym/core";
import { Pretraining, type Report, run } from "@diffusiongym/methods";
import {
  Adam,
  AdamW,
  GraphBuilder,
  linear,
  Network,
  NetworkModel,
  type Optimizer,
  type Parameters,
  StochasticGradientDescent,
} from "@diffusiongym/nn";
import { describe, expect, it } from "vitest";
import { expectAllClose } from "../../../../tooling/test/close.js";
import { loadFixture } from "../../../../tooling/test/fixtures.js";

interface GoldenArray {
  readonly shape: number[];
  readonly data: number[];
}

interface Case {
  readonly name: string;
  readonly output_type: "velocity" | "endpoint";
  readonly optimizer: string;
  readonly steps: number;
  readonly accumulate_steps: number;
  readonly weights: GoldenArray | null;
  readonly x1: GoldenArray;
  readonly t: GoldenArray;
  readonly x0: GoldenArray;
  readonly W0: GoldenArray;
  readonly c0: GoldenArray;
  readonly expected: { readonly f32: { weight: GoldenArray; bias: GoldenArray; grad_norms_before_clip: number[] } };
}

// goldens/reference/train_loss.json, group train_base_model (diffusiongym 2.0.1, torch 1.13): a linear model of [x, t], every
// step on the full batch. Recommended tolerance 1e-4 relative in float32.
const { cases } = await loadFixture<{ cases: Case[] }>("packages/methods/test/fixtures/train-base-model.json.gz");

function optimizerOf(name: string): (parameters: Parameters) => Optimizer {
  if (name.startsWith("sgd")) return (parameters) => new StochasticGradientDescent(parameters, { learningRate: 0.5 });
  if (name.startsWith("adamw")) return (parameters) => new AdamW(parameters, { learningRate: 0.01 });
  return (parameters) => new Adam(parameters, { learningRate: 0.01 });
}

function linearModel({ W0, c0, output_type }: Case): NetworkModel {
  const g = new GraphBuilder("linear");
  const x = g.input("x", ["N", 2]);
  const t = g.input("t", ["N"]);
  g.output("output", linear(g, g.concat([x, g.unsqueeze(t, [1])], 1), { name: "head", out: 2 }));
  const network = Network.initialize(g.build(), RandomKey.fromSeed(0));
  network.parameters.get("head.weight").data.set(W0.data);
  network.parameters.get("head.bias").data.set(c0.data);
  return new NetworkModel({ network, outputType: output_type, scheduler: new OptimalTransport(), start: [2] });
}

const floats = ({ data }: GoldenArray): Float32Array => Float32Array.from(data);

describe("Pretraining agrees with the reference's train_base_model", () => {
  it("has the reference's ten cases", () => expect(cases).toHaveLength(10));

  it.each(cases.map((golden) => [golden.name, golden] as const))("%s", async (_, golden) => {
    const model = linearModel(golden);
    const method = new Pretraining({
      model,
      data: {
        x1: DDTensor.from(golden.x1.data, golden.x1.shape),
        x0: DDTensor.from(golden.x0.data, golden.x0.shape),
        t: floats(golden.t),
        ...(golden.weights && { weights: floats(golden.weights) }),
      },
      // The reference counts backward passes; those after the last full group are never applied.
      iterations: Math.floor(golden.steps / golden.accumulate_steps),
      accumulate: golden.accumulate_steps,
      batchSize: 6,
      maxGradientNorm: 0.1,
      optimizer: optimizerOf(golden.optimizer),
    });
    const reports: Report[] = [];
    for await (const report of run(method)) reports.push(report);
    const { weight, bias, grad_norms_before_clip } = golden.expected.f32;
    const { parameters } = model.network;
    expectAllClose(parameters.get("head.weight").data, weight.data, { relative: 1e-4, absolute: 1e-6 });
    expectAllClose(parameters.get("head.bias").data, bias.data, { relative: 1e-4, absolute: 1e-6 });
    expectAllClose(
      reports.map(({ metrics }) => metrics.grad_norm!),
      grad_norms_before_clip.slice(0, reports.length),
      { relative: 1e-4 },
    );
  });
});
