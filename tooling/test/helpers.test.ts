import { describe, expect, test } from "vitest";
import { expectAllClose } from "./close.js";
import { loadFixture, loadFixtureBytes } from "./fixtures.js";

describe("loadFixture", () => {
  test("reads plain and gzipped JSON by path from the repository's root", async () => {
    expect(await loadFixture("tooling/test/fixtures/sample.json")).toEqual({ values: [1, 2.5] });
    expect(await loadFixture("tooling/test/fixtures/sample.json.gz")).toEqual({ values: [1, 2.5] });
  });

  test("gives bytes, and says so when there is no such file", async () => {
    expect((await loadFixtureBytes("tooling/test/fixtures/sample.json"))[0]).toBe("{".charCodeAt(0));
    await expect(loadFixture("tooling/test/fixtures/none.json")).rejects.toThrow(/none\.json/);
  });
});

describe("expectAllClose", () => {
  test("accepts values within the tolerance, and equal infinities", () => {
    expectAllClose([1, 2.0001, Infinity], [1, 2, Infinity], { relative: 1e-3 });
    expectAllClose([1e-9], [0], { absolute: 1e-8 });
  });

  test("names the worst index, and never accepts NaN or another length", () => {
    expect(() => expectAllClose([1, 2.1, 4], [1, 2, 3], { relative: 1e-3 })).toThrow(/2 of 3.*index 2: got 4/);
    expect(() => expectAllClose([NaN], [1], { absolute: 1 })).toThrow(/index 0: got NaN/);
    expect(() => expectAllClose([NaN], [NaN], { absolute: 1 })).toThrow(/index 0/);
    expect(() => expectAllClose([Infinity], [1], { relative: 1 })).toThrow(/index 0/);
    expect(() => expectAllClose([0.1], [0], {})).toThrow(/index 0/);
    expect(() => expectAllClose([1], [1, 2], {})).toThrow(/Expected 2 values and got 1/);
  });
});
