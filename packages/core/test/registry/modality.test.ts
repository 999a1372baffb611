import { type ModalityKit, modalityKit, RegistryError, registerModality } from "@diffusiongym/core";
import { afterEach, describe, expect, it } from "vitest";

declare module "@diffusiongym/core" {
  interface ModalityKit {
    /** What the tests' modality brings. */
    readonly loudness?: number;
  }
}

let names = 0;
const fresh = (): string => `sounds-${++names}`;

describe("registerModality", () => {
  let name = fresh();
  afterEach(() => {
    name = fresh();
  });

  it("gives the kit to an id of the modality and to its name", () => {
    const kit: ModalityKit = { loudness: 11 };
    registerModality(name, kit);
    expect(modalityKit(`${name}/wave`)).toBe(kit);
    expect(modalityKit(name).loudness).toBe(11);
  });

  it("is empty where nothing was registered", () => {
    expect(modalityKit(`${name}/wave`)).toEqual({});
  });

  it("takes the same kit again, and refuses another one", () => {
    const kit: ModalityKit = {};
    registerModality(name, kit);
    expect(() => registerModality(name, kit)).not.toThrow();
    expect(() => registerModality(name, { loudness: 1 })).toThrow(RegistryError);
    expect(() => registerModality(name, {})).toThrow(`"${name}" has a kit already`);
    expect(modalityKit(name)).toBe(kit);
  });
});
