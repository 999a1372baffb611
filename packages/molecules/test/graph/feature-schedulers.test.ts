import {
  Cosine,
  constantNoise,
  Environment,
  FeatureSchedulers,
  memorylessNoise,
  type NoConditioning,
  type OutputType,
  TimeGridError,
  ZeroReward,
} from "@diffusiongym/core";
import { checkBaseModel, checkEnvironment } from "@diffusiongym/core/testing";
import { MoleculeGraph } from "@diffusiongym/molecules";
import { describe, expect, it } from "vitest";
import { GaussianModel } from "../../../core/test/support/gaussian-model.js";
import { qm9Sizes } from "../support/graphs.js";

/** Molecules of 3, 1, 4, 1, 5 atoms, from number `offset` of that sequence. */
const template = (n: number, offset: number): MoleculeGraph =>
  MoleculeGraph.zeros(
    Array.from({ length: n }, (_, i) => [3, 1, 4, 1, 5][(offset + i) % 5]!),
    qm9Sizes,
  );

const schedulers = (nu: number): FeatureSchedulers =>
  new FeatureSchedulers({
    positions: new Cosine(1),
    atomTypes: new Cosine(nu),
    charges: new Cosine(nu),
    bonds: new Cosine(0.75 * nu),
  });

/** The exact model of independent normal features, each with its own scheduler. */
function model(outputType: OutputType, nu: number): GaussianModel<MoleculeGraph> {
  return new GaussianModel<MoleculeGraph>({ template, scheduler: schedulers(nu), outputType, mean: 0 });
}

describe("a scheduler for each feature", () => {
  it("runs through models, the SDE, controls and costs", async () => {
    for (const outputType of ["endpoint", "velocity"] as const) {
      expect(await checkBaseModel(model(outputType, 0.9))).toBe(13);
      const environment = new Environment<MoleculeGraph>(
        model(outputType, 0.9),
        new ZeroReward<MoleculeGraph, NoConditioning>(),
        {
          steps: 8,
          noiseSchedule: memorylessNoise(),
        },
      );
      expect(await checkEnvironment(environment)).toBe(14);
      const controlled = environment.withPolicies({ controlPolicy: { control: (x) => x.scale(0.1) } });
      expect(await checkEnvironment(controlled)).toBe(14);
    }
  });

  it("keeps states symmetric and around the origin all the way", async () => {
    const environment = new Environment<MoleculeGraph>(
      model("endpoint", 0.9),
      new ZeroReward<MoleculeGraph, NoConditioning>(),
      {
        steps: 8,
      },
    );
    const { trajectory } = await environment.sample(5, { record: ["trajectory"] });
    for (const state of trajectory) {
      expect(state.symmetrised().bonds).toEqual(state.bonds);
      const drift = state.centred().sub(state).squaredNorm();
      expect(Math.max(...drift)).toBeLessThan(1e-10);
    }
  });

  it("takes FlowMol's exponents for the ODE; memoryless noise needs a later start", () => {
    const reward = new ZeroReward<MoleculeGraph, NoConditioning>();
    expect(() => new Environment(model("endpoint", 2), reward, { noiseSchedule: constantNoise(0) })).not.toThrow();
    expect(() => new Environment(model("endpoint", 2), reward, { noiseSchedule: memorylessNoise() })).toThrowError(
      TimeGridError,
    );
  });
});
