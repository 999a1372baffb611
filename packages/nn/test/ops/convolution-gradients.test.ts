import { describe, expect, test } from "vitest";
import { vjp } from "../../src/autodiff/index.js";
import { GraphBuilder } from "../../src/builder/index.js";
import { attribute } from "../../src/ir/index.js";
import { runGraph } from "./run-graph.js";

interface Case {
  readonly batch: number;
  readonly channels: number;
  readonly out: number;
  readonly size: number;
  readonly kernel: number;
  readonly stride: number;
  readonly groups: number;
}

/** Numbers without a pattern, the same in every run. */
const spread = (length: number, seed: number): Float32Array =>
  Float32Array.from({ length }, (_, i) => Math.sin((i + 1) * (12.9898 + seed)) * Math.cos(i * 0.37 + seed));

/** Both gradients by the definition, in float64: every product of an entry of dy with what it saw. */
function byDefinition({ batch, channels, out, size, kernel, stride, groups }: Case, x: Float32Array, w: Float32Array) {
  const pad = (kernel - 1) / 2;
  const count = Math.floor((size + 2 * pad - kernel) / stride) + 1;
  const dy = spread(batch * out * count * count, 3);
  const dx = new Float64Array(x.length);
  const dw = new Float64Array(w.length);
  const inner = channels / groups;
  for (let n = 0; n < batch; n++) {
    for (let o = 0; o < out; o++) {
      const first = Math.floor(o / (out / groups)) * inner;
      for (let p = 0; p < count * count; p++) {
        const cotangent = dy[(n * out + o) * count * count + p]!;
        for (let k = 0; k < kernel * kernel; k++) {
          const row = Math.floor(p / count) * stride + Math.floor(k / kernel) - pad;
          const column = (p % count) * stride + (k % kernel) - pad;
          for (let c = 0; c < inner && row >= 0 && column >= 0 && row < size && column < size; c++) {
            const seen = ((n * channels + first + c) * size + row) * size + column;
            const entry = (o * inner + c) * kernel * kernel + k;
            dx[seen] = dx[seen]! + cotangent * w[entry]!;
            dw[entry] = dw[entry]! + cotangent * x[seen]!;
          }
        }
      }
    }
  }
  return { dx, dw, dy, count };
}

const ordinary = { batch: 2, channels: 8, out: 3, size: 16, kernel: 3, stride: 1, groups: 1 };

describe("gradients of convolutions are those of the definition", () => {
  test.each<[string, Case]>([
    ["rows of 16x16, one product an entry of the kernel", ordinary],
    ["rows of 16x16, one product for few channels", { ...ordinary, channels: 3 }],
    ["rows of 16x16 under stride 2", { ...ordinary, size: 32, stride: 2, channels: 7 }],
    ["rows of 16x16 in groups", { ...ordinary, groups: 2, out: 4 }],
    ["a kernel that is reversed by a slice", { ...ordinary, kernel: 7, size: 9 }],
    ["a kernel in groups that is reversed by a product", { ...ordinary, kernel: 5, size: 7, groups: 4, out: 4 }],
    ["a kernel of one entry", { ...ordinary, kernel: 1 }],
  ])("%s", async (_, shape) => {
    const { batch, channels, out, size, kernel, stride, groups } = shape;
    const x = { shape: [batch, channels, size, size], data: spread(batch * channels * size * size, 1) };
    const w = {
      shape: [out, channels / groups, kernel, kernel],
      data: spread((out * channels * kernel ** 2) / groups, 2),
    };
    const { dx, dw, dy, count } = byDefinition(shape, x.data, w.data);
    const pad = (kernel - 1) / 2;
    const g = new GraphBuilder("convolution");
    const attributes = {
      pads: attribute.ints([pad, pad, pad, pad]),
      strides: attribute.ints([stride, stride]),
      group: attribute.int(groups),
    };
    for (const length of ["N", batch]) {
      const name = `y${length}`;
      const inputs = [g.input(`x${length}`, [length, ...x.shape.slice(1)]), g.input(`w${length}`, w.shape)];
      g.output(name, g.emit("Conv", inputs, { attributes })[0]!);
    }
    const names = ["xN", "wN", `x${batch}`, `w${batch}`];
    const { graph } = vjp(g.build().graph, { wrt: names, keep: [] });
    const cotangent = { shape: [batch, out, count, count], data: dy };
    const cotangents = { "cotangent:yN": cotangent, [`cotangent:y${batch}`]: cotangent };
    const results = await runGraph(graph, { xN: x, wN: w, [`x${batch}`]: x, [`w${batch}`]: w, ...cotangents });
    for (const [i, name] of names.entries()) {
      const expected = i % 2 === 0 ? dx : dw;
      const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      const { data } = results[`grad:${name}`]!;
      const worst = expected.reduce((most, value, entry) => Math.max(most, Math.abs(value - Number(data[entry]))), 0);
      expect(worst / largest).toBeLessThan(1e-5);
    }
  });
});
