import * as core from "@diffusiongym/core";
import { ConformanceError } from "@diffusiongym/core/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

const { DiffusionGymError, isErrorNamed, nearestName, ShapeError } = core;

describe("errors", () => {
  const kinds = Object.entries(core).filter(([name]) => name.endsWith("Error")) as unknown as readonly (readonly [
    string,
    new (message: string) => Error,
  ])[];

  it("there are the base and ten kinds", () => {
    expect(kinds).toHaveLength(11);
  });

  it.each([...kinds, ["ConformanceError", ConformanceError] as never])("%s carries its name", (name, Kind) => {
    const error = name === "ConformanceError" ? new ConformanceError("It", ["a", "b"]) : new Kind("because");
    expect(error).toBeInstanceOf(DiffusionGymError);
    expect(error.name).toBe(name);
    expect(DiffusionGymError.isInstance(error)).toBe(true);
    expect(isErrorNamed(error, name)).toBe(true);
    expect(isErrorNamed(error, "Other")).toBe(false);
    expect(String(error)).toBe(`${name}: ${error.message}`);
  });

  it("of another copy of the package are recognised, and nothing else is", () => {
    const foreign = Object.assign(new Error("from elsewhere"), {
      name: "ShapeError",
      [Symbol.for("diffusiongym.error")]: true,
    });
    expect(foreign).not.toBeInstanceOf(ShapeError);
    expect(isErrorNamed(foreign, "ShapeError")).toBe(true);
    for (const value of [new Error("ShapeError"), "ShapeError", null, undefined, 3]) {
      expect(DiffusionGymError.isInstance(value)).toBe(false);
    }
  });
});

describe("nearestName", () => {
  it("finds a typing error and does not guess wildly", () => {
    const names = ["toy/gmm", "toy/gmm2d", "images/cifar"];
    expect(nearestName("toy/gm", names)).toBe("toy/gmm");
    expect(nearestName("TOY/GMM2D", names)).toBe("toy/gmm2d");
    expect(nearestName("images/cifra", names)).toBe("images/cifar");
    expect(nearestName("audio/wave", names)).toBeUndefined();
    expect(nearestName("x", [])).toBeUndefined();
  });

  it("finds a name after any one edit", () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 3, maxLength: 12 }),
        fc.nat({ max: 11 }),
        fc.constantFrom("remove", "replace", "insert"),
        (name, position, edit) => {
          const at = position % name.length;
          const [before, after] = [name.slice(0, at), name.slice(at)];
          const edited =
            edit === "remove" ? before + after.slice(1) : `${before}#${edit === "insert" ? after : after.slice(1)}`;
          expect(nearestName(edited, [name])).toBe(name);
        },
      ),
      { seed: 7, numRuns: 200 },
    );
  });
});
