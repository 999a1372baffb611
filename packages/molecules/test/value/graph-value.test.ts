import { RandomKey } from "@diffusiongym/core";
import { Engine, Network } from "@diffusiongym/nn";
import { afterAll, describe, expect, it } from "vitest";
import { GraphValueNetwork, graphValue, MoleculeGraph } from "../../src/index.js";

const sizes = { atomTypes: 5, charges: 6, bonds: 5 };
const atomCounts = [3, 1, 5, 2];
const network = Network.initialize(graphValue({ sizes, width: 12, depth: 2 }), RandomKey.fromSeed(1), {
  engine: new Engine({ threads: 1 }),
});
// The last layer starts at 0; here it must say something.
network.parameters.get("head.weight").data.forEach((_, i, data) => {
  data[i] = Math.sin(i + 1);
});
const value = new GraphValueNetwork(network);
const draw = (name: string): MoleculeGraph =>
  MoleculeGraph.zeros(atomCounts, sizes).randnLike(RandomKey.fromSeed(2).fold(name).streams());
const x = draw("x");
const t = Float32Array.of(0.1, 0.4, 0.6, 0.9);
afterAll(() => network.dispose());

/** Positions turned about two axes and mirrored. */
function turned(graph: MoleculeGraph): MoleculeGraph {
  const [a, b] = [0.7, 1.9];
  const { data } = graph.positions;
  const moved = Float32Array.from(data);
  for (let i = 0; i < data.length; i += 3) {
    const [p, q, r] = [data[i]!, data[i + 1]!, data[i + 2]!];
    const [u, v] = [Math.cos(a) * p - Math.sin(a) * q, Math.sin(a) * p + Math.cos(a) * q];
    moved.set([u, Math.cos(b) * v - Math.sin(b) * r, -(Math.sin(b) * v + Math.cos(b) * r)], i);
  }
  const [, ...rest] = graph.tensors();
  return graph.withTensors([Object.assign(graph.positions.clone(), { data: moved }), ...rest]);
}

describe("the value network of molecules", () => {
  it("starts at 0", async () => {
    const fresh = Network.initialize(graphValue({ sizes }), RandomKey.fromSeed(1), {
      engine: new Engine({ threads: 1 }),
    });
    expect(Array.from(await new GraphValueNetwork(fresh).value(x, t, {}))).toEqual([0, 0, 0, 0]);
    await fresh.dispose();
  });

  it("does not change when molecules are turned and mirrored", async () => {
    const plain = await value.value(x, t, {});
    expect(Math.max(...plain.map(Math.abs))).toBeGreaterThan(0.1);
    const after = await value.value(turned(x), t, {});
    for (const [i, number] of plain.entries()) {
      expect(after[i]).toBeCloseTo(number, 5);
    }
  });

  it("judges each molecule alone", async () => {
    const together = await value.value(x, t, {});
    for (let i = 0; i < x.length; i++) {
      const [alone] = await value.value(x.at(i), t.slice(i, i + 1), {});
      expect(alone).toBeCloseTo(together[i]!, 5);
    }
  });

  it("has the gradient of the space in which molecules move", async () => {
    const { values, gradient } = await value.valueAndGradient(x, t, {});
    expect(Array.from(values)).toEqual(Array.from(await value.value(x, t, {})));
    for (const name of ["one", "two", "three"]) {
      const direction = draw(name);
      const slope = gradient.mul(direction).aggregate("sum");
      const step = 1e-2;
      const up = await value.value(x.add(direction.mul(step)), t, {});
      const down = await value.value(x.sub(direction.mul(step)), t, {});
      for (let i = 0; i < x.length; i++) {
        const difference = (up[i]! - down[i]!) / (2 * step);
        expect(Math.abs(slope[i]! - difference)).toBeLessThan(2e-3 * (1 + Math.abs(difference)));
      }
    }
  });
});
