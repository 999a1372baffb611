import { beforeAll, describe, expect, test } from "vitest";
import { expectAllClose } from "../../../../tooling/test/close.js";
import { loadFixture, loadFixtureBytes } from "../../../../tooling/test/fixtures.js";
import { vjp } from "../../src/autodiff/index.js";
import {
  attention,
  conv2d,
  GraphBuilder,
  type GraphValue,
  groupNorm,
  linear,
  mlp,
  type NetworkDefinition,
  residualBlock,
  silu,
  sinusoidalFeatures,
  upsample2d,
} from "../../src/builder/index.js";
import { parameterValues } from "../../src/ir/index.js";
import { parseOnnx } from "../../src/onnx/index.js";
import { runGraph, type TestTensor } from "../ops/run-graph.js";

type Stored = Readonly<Record<string, { readonly shape: readonly number[]; readonly base64: string }>>;

interface Golden {
  readonly inputs: Stored;
  readonly outputs: Stored;
  readonly cotangents: Stored;
  readonly input_gradients: Stored;
  readonly parameter_gradients: Stored;
  /** PyTorch's name by the file's, followed by what was done to the array. */
  readonly renamed?: Readonly<Record<string, string>>;
}

const decode = (stored: Stored): Record<string, TestTensor & { readonly data: Float32Array }> =>
  Object.fromEntries(
    Object.entries(stored).map(([name, { shape, base64 }]) => {
      const { buffer } = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
      return [name, { shape, data: new Float32Array(buffer) }];
    }),
  );

function mlpFilm(): NetworkDefinition {
  return mlp({ inDim: 2, timeDim: 32, condDim: 48, depth: 2, width: 40 });
}

function cnnValue(): NetworkDefinition {
  const g = new GraphBuilder("cnn_value");
  const x = g.input("x", ["N", 3, 16, 16]);
  const t = g.input("t", ["N"]);
  const first = conv2d(g, x, { name: "c1", out: 16, kernel: 3, padding: 1 });
  const h1 = silu(g, groupNorm(g, first, { name: "g1", groups: 4 }));
  const second = conv2d(g, h1, { name: "c2", out: 32, kernel: 3, padding: 1, stride: 2 });
  const h2 = silu(g, groupNorm(g, second, { name: "g2", groups: 8 }));
  const angles = g.mul(g.unsqueeze(t, [1]), g.floats([1, 2, 3, 4]));
  const time = linear(g, g.concat([g.sin(angles), g.cos(angles)], 1), { name: "t", out: 32 });
  const third = conv2d(g, h2, { name: "c3", out: 32, kernel: 3, padding: 1, stride: 2 });
  const h3 = silu(g, g.add(third, g.unsqueeze(time, [2, 3])));
  g.output("output", g.squeeze(linear(g, g.reduceMean(h3, { axes: [2, 3] }), { name: "l", out: 1 }), [1]));
  return g.build();
}

function miniUnet(): NetworkDefinition {
  const g = new GraphBuilder("mini_unet");
  const x = g.input("x", ["N", 3, 16, 16]);
  const t = g.input("t", ["N"]);
  const features = sinusoidalFeatures(g, t, { dim: 16, windowSize: 1e4, timeMultiplier: 1, frequencyShift: 1 });
  const embedding = linear(g, silu(g, linear(g, features, { name: "te1", out: 64 })), { name: "te2", out: 64 });
  const block = (input: GraphValue, name: string, out: number): GraphValue =>
    residualBlock(g, input, { name, out, embedding, groups: 4, epsilon: 1e-5 });
  const norm = (input: GraphValue, name: string): GraphValue => groupNorm(g, input, { name, groups: 4 });

  const fine = block(conv2d(g, x, { name: "inp", out: 16, kernel: 3, padding: 1 }), "r1", 16);
  const halved = conv2d(g, fine, { name: "dn", out: 16, kernel: 3, stride: 2, padding: 0, endPadding: 1 });
  const coarse = block(halved, "r2", 32);
  const pixels = g.transpose(g.reshape(norm(coarse, "at.n"), [0, 32, -1]), [0, 2, 1]);
  const mixed = attention(g, pixels, { name: "at", heads: 2 });
  const attended = g.add(coarse, g.reshapeLike(g.transpose(mixed, [0, 2, 1]), coarse));
  const up = conv2d(g, upsample2d(g, block(attended, "r3", 32)), { name: "up", out: 32, kernel: 3, padding: 1 });
  const joined = block(g.concat([up, fine], 1), "r4", 16);
  g.output("output", conv2d(g, silu(g, norm(joined, "no")), { name: "out", out: 3, kernel: 3, padding: 1 }));
  return g.build();
}

/** Parts of this package's parameter names by those of the goldens' modules. */
const spelling: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  mlp_film: {
    t1: "time_embed.mlp.0",
    t2: "time_embed.mlp.2",
    b1: "blocks.0",
    b2: "blocks.1",
    lin: "linear",
    film: "film.to_scale_shift",
  },
  cnn_value: {},
  mini_unet: {
    n1: "norm1",
    c1: "conv1",
    n2: "norm2",
    c2: "conv2",
    sk: "conv_shortcut",
    q: "to_q",
    k: "to_k",
    v: "to_v",
    o: "to_out.0",
  },
};

describe.each([
  ["mlp_film", mlpFilm],
  ["cnn_value", cnnValue],
  ["mini_unet", miniUnet],
] as const)("the golden %s, rebuilt", (golden, build) => {
  let stored: Golden;
  let parameters: Record<string, TestTensor>;
  let transposed: ReadonlySet<string>;
  const network = build();
  const shapes = new Map(network.parameters.map(({ name, shape }) => [name, shape]));
  const nameOf = (name: string): string => {
    const [original = name] = stored.renamed?.[name]?.split(" ") ?? [];
    const words = original.split(".").map((word) => spelling[golden]![word] ?? word);
    // The projection of time in a block of mini_unet is called like mlp_film's first layer of time.
    return golden === "mini_unet" ? words.join(".").replace(/^(r\d)\.t\./, "$1.time_emb_proj.") : words.join(".");
  };
  const ownLayout = (name: string, data: Float32Array): Float32Array =>
    transposed.has(name) ? transpose(data, shapes.get(nameOf(name)) as readonly [number, number]) : data;

  beforeAll(async () => {
    stored = await loadFixture<Golden>(`packages/nn/test/fixtures/${golden}.json.gz`);
    const marked = Object.entries(stored.renamed ?? {}).filter(([, text]) => text.endsWith("(transposed)"));
    transposed = new Set(marked.map(([name]) => name));
    const file = parameterValues(parseOnnx(await loadFixtureBytes(`packages/nn/test/fixtures/${golden}.onnx.gz`)));
    const names = Object.keys(stored.parameter_gradients);
    parameters = Object.fromEntries(
      names.map((name) => {
        const data = ownLayout(name, file.get(name)!.data as Float32Array);
        return [nameOf(name), { shape: shapes.get(nameOf(name)) ?? [], data }];
      }),
    );
  });

  test("has PyTorch's names and shapes", () => {
    expect([...shapes.keys()].sort()).toEqual(Object.keys(parameters).sort());
    for (const [name, { shape, data }] of Object.entries(parameters)) {
      expect(
        shape.reduce((product, length) => product * length, 1),
        name,
      ).toBe(data.length);
    }
  });

  test("gives PyTorch's output, input gradients and parameter gradients", async () => {
    const wrt = ["x", "t", ...shapes.keys()];
    const { graph } = vjp(network.graph, { wrt });
    const cotangent = decode(stored.cotangents).out0!;
    const results = await runGraph(graph, { ...decode(stored.inputs), ...parameters, "cotangent:output": cotangent });
    expectAllClose(results.output!.data as Float32Array, decode(stored.outputs).out0!.data, { absolute: 1e-5 });
    const expected = Object.entries(decode({ ...stored.input_gradients, ...stored.parameter_gradients }));
    expect(expected).toHaveLength(wrt.length);
    for (const [name, { data }] of expected) {
      // A bias of keys adds the same to all scores of a query: in truth its gradient is zero, in both runs rounding.
      const isZero = nameOf(name).endsWith("to_k.bias");
      const target = isZero ? new Float32Array(data.length) : ownLayout(name, data);
      const largest = target.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      const absolute = isZero ? 1e-6 : 2e-4 * largest;
      expectAllClose(results[`grad:${nameOf(name)}`]!.data as Float32Array, target, { absolute });
    }
  });
});

/** @param shape of the result */
function transpose(data: Float32Array, [rows, columns]: readonly [number, number]): Float32Array {
  return data.map((_, i) => data[(i % columns) * rows + Math.floor(i / columns)]!);
}
