import { ArgumentError, FormatError, IncompatibleError, RandomKey, ShapeError, Tensor } from "@diffusiongym/core";
import { describe, expect, test } from "vitest";
import type { ParameterDeclaration } from "../../src/ir/index.js";
import { initializeParameters, Parameters } from "../../src/parameters/index.js";
import { writeSafetensors } from "../../src/safetensors/index.js";

const shapes = [
  { name: "0.weight", shape: [2, 3] },
  { name: "0.bias", shape: [2] },
  { name: "scale", shape: [] },
];

function counted(): Parameters {
  const parameters = new Parameters(shapes);
  parameters.data.forEach((_, i) => {
    parameters.data[i] = i + 0.5;
  });
  return parameters;
}

describe("Parameters", () => {
  test("are views of one array, in order", () => {
    const parameters = counted();
    expect(parameters.names).toEqual(["0.weight", "0.bias", "scale"]);
    expect([parameters.length, parameters.size]).toEqual([3, 9]);
    expect(parameters.get("0.bias")).toMatchObject({ shape: [2], data: Float32Array.of(6.5, 7.5) });
    parameters.get("scale").data[0] = -1;
    expect(parameters.data[8]).toBe(-1);
    expect(parameters.get("0.weight").data.buffer).toBe(parameters.data.buffer);
    expect(Array.from(parameters, ([name, { shape }]) => ({ name, shape }))).toEqual(shapes);
  });

  test("a clone shares nothing; copyFrom and restore write in place", () => {
    const original = counted();
    const copy = original.clone();
    const view = copy.get("0.bias");
    original.data.fill(0);
    expect(copy.data[3]).toBe(3.5);
    const state = copy.state();
    copy.copyFrom(original);
    expect(view.data).toEqual(Float32Array.of(0, 0));
    copy.restore(state);
    expect(view.data).toEqual(Float32Array.of(6.5, 7.5));
    expect(copy.data).toEqual(counted().data);
  });

  test("survive a file, whatever its order and precision", () => {
    const parameters = counted();
    const read = Parameters.fromSafetensors(parameters.toSafetensors({ step: "3" }));
    expect(new Map(Array.from(read, ([name, { data }]) => [name, data]))).toEqual(parameters.arrays());
    const halves = writeSafetensors(
      Array.from(parameters, ([name, { data, shape }]) => [name, { data, shape, type: "BF16" as const }] as const),
    );
    const loaded = new Parameters(shapes);
    loaded.loadSafetensors(halves);
    expect(loaded.data).toEqual(parameters.data);
  });

  test("unknown names suggest the nearest", () => {
    expect(() => counted().get("0.wieght")).toThrow(/no parameter "0.wieght"; did you mean "0.weight"/);
  });

  test("what does not fit is refused and changes nothing", () => {
    const parameters = counted();
    const before = parameters.data.slice();
    const other = (names: [string, number[]][]): Parameters =>
      new Parameters(names.map(([name, shape]) => ({ name, shape })));
    const renamed = other([
      ["0.weights", [2, 3]],
      ["0.bias", [2]],
      ["scale", []],
    ]);
    expect(() => parameters.copyFrom(renamed)).toThrow(IncompatibleError);
    expect(() => parameters.copyFrom(renamed)).toThrow(/Missing: "0.weight" \(near to "0.weights"\)/);
    const reordered = other([
      ["0.bias", [2]],
      ["0.weight", [2, 3]],
      ["scale", []],
    ]);
    expect(() => parameters.copyFrom(reordered)).toThrow(/another order.*number 0/);
    const transposed = other([
      ["0.weight", [3, 2]],
      ["0.bias", [2]],
      ["scale", []],
    ]);
    expect(() => parameters.loadSafetensors(transposed.toSafetensors())).toThrow(ShapeError);
    expect(() => parameters.restore(renamed.state())).toThrow(IncompatibleError);
    const shorter = new Map(counted().state()).set("0.bias", new Float32Array(1));
    expect(() => parameters.restore(shorter)).toThrow(/"0.bias" has the shape \[2\] and was given \[1\]/);
    expect(() => parameters.loadSafetensors(parameters.toSafetensors().subarray(0, 40))).toThrow(FormatError);
    const integers = writeSafetensors([["0.weight", { data: new Int32Array(6), shape: [2, 3] }]]);
    expect(() => parameters.loadSafetensors(integers)).toThrow(/"0.weight" is stored as I32/);
    expect(parameters.data).toEqual(before);
  });

  test("names are given once", () => {
    expect(() => new Parameters([shapes[0]!, shapes[0]!])).toThrow(ArgumentError);
    expect(() => new Parameters([{ name: "", shape: [] }])).toThrow(/name is empty/);
    const tensor = Tensor.from([1, 2]);
    expect(Parameters.from([["w", tensor]]).get("w").data).not.toBe(tensor.data);
  });
});

describe("initializeParameters", () => {
  const uniform: ParameterDeclaration = {
    name: "w",
    shape: [100, 100],
    initialization: { kind: "uniform", low: -0.25, high: 0.5 },
  };
  const normal: ParameterDeclaration = {
    name: "n",
    shape: [20_000],
    initialization: { kind: "normal", mean: 3, standardDeviation: 0.5 },
  };
  const ones: ParameterDeclaration = { name: "o", shape: [3], initialization: { kind: "constant", value: 1 } };
  const key = RandomKey.fromSeed(7);

  test("follows the declared laws", () => {
    const parameters = initializeParameters([uniform, normal, ones], key);
    const w = parameters.get("w").data;
    const mean = (x: Float32Array): number => x.reduce((a, b) => a + b, 0) / x.length;
    const variance = (x: Float32Array): number => {
      const center = mean(x);
      return mean(x.map((v) => (v - center) ** 2));
    };
    expect(Math.min(...w)).toBeGreaterThanOrEqual(-0.25);
    expect(Math.max(...w)).toBeLessThanOrEqual(0.5);
    // Five standard errors of 10 000 uniform and 20 000 normal numbers.
    expect(Math.abs(mean(w) - 0.125)).toBeLessThan((5 * 0.75) / Math.sqrt(12 * 10_000));
    expect(Math.abs(variance(w) - 0.75 ** 2 / 12)).toBeLessThan(0.0025);
    const n = parameters.get("n").data;
    expect(Math.abs(mean(n) - 3)).toBeLessThan((5 * 0.5) / Math.sqrt(20_000));
    expect(Math.abs(variance(n) - 0.25)).toBeLessThan(0.0125);
    expect(parameters.get("o").data).toEqual(Float32Array.of(1, 1, 1));
  });

  test("values depend on the key and the name only", () => {
    const together = initializeParameters([normal, uniform], key);
    expect(initializeParameters([uniform], key).data).toEqual(together.get("w").data);
    expect(initializeParameters([{ ...uniform, name: "v" }], key).data).not.toEqual(together.get("w").data);
    expect(initializeParameters([uniform], RandomKey.fromSeed(8)).data).not.toEqual(together.get("w").data);
  });

  test("numbers that are not finite are refused with the name", () => {
    const broken = { ...ones, initialization: { kind: "uniform", low: 0, high: Infinity } } as const;
    expect(() => initializeParameters([broken], key)).toThrow(/initialization of "o" contains Infinity/);
  });
});
