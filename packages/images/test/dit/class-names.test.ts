import { ArgumentError, ShapeError } from "@diffusiongym/core";
import { describe, expect, it } from "vitest";
import { ClassNames } from "../../src/index.js";

const classes = new ClassNames(4, { 0: "tench, Tinca tinca", 1: "crane", 2: "harbour, seaport", 3: "crane" });

describe("classes", () => {
  it("are numbers, or names in any case, and one more number is none", () => {
    expect(classes.none).toBe(4);
    expect(Array.from(classes.read(5, [0, 3, "Seaport", "tinca tinca", 4]))).toEqual([0, 3, 2, 0, 4]);
    expect(Array.from(classes.read(3, "harbour, seaport"))).toEqual([2, 2, 2]);
    expect(Array.from(classes.read(2, 1))).toEqual([1, 1]);
    expect(Array.from(classes.read(2, Int32Array.of(2, 1)))).toEqual([2, 1]);
    expect([classes.name(0), classes.name(4)]).toEqual(["tench, Tinca tinca", ""]);
    expect(new ClassNames(1000).none).toBe(1000);
  });

  it.each([
    [[0, 5], "classLabel is 5 for sample 1; the classes are 0 to 3, and 4 stands for none."],
    [[-1, 0], "classLabel is -1 for sample 0"],
    [[0.5, 0], "classLabel is 0.5 for sample 0"],
    [[Number.NaN, 0], "classLabel is NaN"],
    [[0, "harbor"], 'classLabel "harbor" for sample 1 is no class; did you mean "harbour"?'],
    [["a zebra on the moon", 0], "is no class."],
    [["crane", 0], "is the name of the classes 1 and 3; give the number"],
    [[null as never, 0], "classLabel null for sample 0 is no class"],
    [new Date() as never, "must be a number or a name"],
  ])("%j is refused", (labels, message) => {
    expect(() => classes.read(2, labels)).toThrow(ArgumentError);
    expect(() => classes.read(2, labels)).toThrow(message);
  });

  it("are one a sample, or one for all", () => {
    expect(() => classes.read(3, [0, 1])).toThrow(ShapeError);
    expect(() => new ClassNames(2).read(1, "tench")).toThrow("name no classes; give a number");
  });
});
