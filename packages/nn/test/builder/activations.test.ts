import { ArgumentError } from "@diffusiongym/core";
import { describe, expect, expectTypeOf, test } from "vitest";
import { expectAllClose } from "../../../../tooling/test/close.js";
import {
  type ActivationName,
  activate,
  activationNames,
  elu,
  GraphBuilder,
  type GraphValue,
  gelu,
  leakyRelu,
  type SmoothActivationName,
} from "../../src/builder/index.js";
import { checkGradients } from "../ops/finite-differences.js";
import { runGraph } from "../ops/run-graph.js";

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const softplus = (x: number): number => Math.log1p(Math.exp(x));
const cut = (x: number, low: number, high: number): number => Math.min(Math.max(x, low), high);

/** Maclaurin series, to double precision for |x| < 3. */
function erf(x: number): number {
  let [sum, term] = [x, x];
  for (let n = 1; n < 60; n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

const formulas: Record<ActivationName, (x: number) => number> = {
  silu: (x) => x * sigmoid(x),
  swish: (x) => x * sigmoid(x),
  gelu: (x) => (x * (1 + erf(x / Math.SQRT2))) / 2,
  geluTanh: (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  geluQuick: (x) => x * sigmoid(1.702 * x),
  mish: (x) => x * Math.tanh(softplus(x)),
  tanh: Math.tanh,
  sigmoid,
  logSigmoid: (x) => -softplus(-x),
  softplus,
  softsign: (x) => x / (1 + Math.abs(x)),
  elu: (x) => (x > 0 ? x : Math.expm1(x)),
  identity: (x) => x,
  relu: (x) => Math.max(x, 0),
  relu6: (x) => cut(x, 0, 6),
  leakyRelu: (x) => (x > 0 ? x : 0.01 * x),
  selu: (x) => 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * Math.expm1(x)),
  hardTanh: (x) => cut(x, -1, 1),
  hardSigmoid: (x) => cut(x / 6 + 0.5, 0, 1),
  hardSwish: (x) => x * cut(x / 6 + 0.5, 0, 1),
};

function graphOf(layer: (g: GraphBuilder, x: GraphValue) => GraphValue) {
  const g = new GraphBuilder("activation");
  g.output("y", layer(g, g.input("x", ["N"])));
  return g.build().graph;
}

const tensor = (entries: readonly number[]) => ({ shape: [entries.length], data: Float32Array.from(entries) });

async function evaluate(layer: (g: GraphBuilder, x: GraphValue) => GraphValue, entries: readonly number[]) {
  return (await runGraph(graphOf(layer), { x: tensor(entries) })).y!.data as Float32Array;
}

describe("activations", () => {
  test.each(Object.entries(formulas))("%s is the function it is named after", async (name, formula) => {
    const points = [-8, -3.5, -2, -1, -0.25, 0, 0.5, 2, 3.5, 7].filter((x) => name !== "gelu" || Math.abs(x) < 4);
    const actual = await evaluate((g, x) => activate(g, x, name as ActivationName), points);
    expectAllClose(actual, points.map(formula), { absolute: 2e-6, relative: 2e-6 });
  });

  // Away from the corners, which no activation has at these points.
  test.each(activationNames)("%s has the derivative of its finite differences", async (name) => {
    const graph = graphOf((g, x) => activate(g, x, name));
    await checkGradients(graph, { x: tensor([-7, -2.1, -0.6, 0.4, 1.3, 2.2]) }, { order: 1, stepSize: 0.02 });
  });

  test("with other constants than PyTorch's defaults", async () => {
    const points = [-2, -0.5, 1];
    expectAllClose(await evaluate((g, x) => leakyRelu(g, x, 0.2), points), [-0.4, -0.1, 1], { absolute: 1e-6 });
    const scaled = points.map((x) => (x > 0 ? x : 0.5 * Math.expm1(x)));
    expectAllClose(await evaluate((g, x) => elu(g, x, 0.5), points), scaled, { absolute: 1e-6 });
    expectAllClose(await evaluate((g, x) => gelu(g, x, "tanh"), points), points.map(formulas.geluTanh), {
      absolute: 2e-6,
    });
  });

  test("all names are known, and others refused with the nearest", () => {
    expect([...activationNames].sort()).toEqual(Object.keys(formulas).sort());
    expectTypeOf<"relu">().not.toExtend<SmoothActivationName>();
    expectTypeOf<SmoothActivationName>().toExtend<ActivationName>();
    expect(() => graphOf((g, x) => activate(g, x, "sillu" as ActivationName))).toThrow(ArgumentError);
    expect(() => graphOf((g, x) => activate(g, x, "sillu" as ActivationName))).toThrow(/"silu"/);
  });
});
