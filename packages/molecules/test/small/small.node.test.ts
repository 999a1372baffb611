import { Environment, makeBaseModel, memorylessNoise, ZeroReward } from "@diffusiongym/core";
import { FlowMolModel, judgeMolecules, qm9Atoms, toMolecules } from "@diffusiongym/molecules";
import { describe, expect, it } from "vitest";

describe("molecules/small", async () => {
  const model = (await makeBaseModel("molecules/small")) as FlowMolModel;

  it("comes with the package: a FlowMol network of C, H, N, O and F and the atom counts of its data", () => {
    expect(model).toBeInstanceOf(FlowMolModel);
    expect(model.atoms).toEqual(qm9Atoms);
    expect(Math.max(...model.atomCounts.counts)).toBeLessThanOrEqual(16);
    expect(4 * model.network.parameters.size).toBeLessThan(3e6);
  });

  it("samples the same molecules from the same seed, many of them valid", async () => {
    const environment = new Environment(model, new ZeroReward(), { steps: 50 });
    const { sample } = await environment.sample(32, { seed: 0 });
    const again = await environment.sample(4, { seed: 0 });
    expect(Math.max(...again.sample.sub(sample.slice(0, 4)).squaredNorm())).toBeLessThan(1e-4);
    const verdicts = await judgeMolecules(toMolecules(sample));
    expect(verdicts.filter(({ valid }) => valid).length).toBeGreaterThanOrEqual(validOf32);
  });

  it("makes as many atoms as it is asked for", async () => {
    const environment = new Environment(model, new ZeroReward(), { steps: 2 });
    const { sample } = await environment.sample(3, { seed: 1, conditioning: { nAtoms: [9, 12, 10] } });
    expect(Array.from(sample.structure.atomCounts)).toEqual([9, 12, 10]);
  });

  it("can be simulated with memoryless noise on the default grid, as adaptation does", () => {
    expect(() => new Environment(model, new ZeroReward(), { noiseSchedule: memorylessNoise() })).not.toThrow();
  });
});

/** Fewer valid molecules than this of 32 are less likely than one in a thousand at the rate that the README gives. */
const validOf32 = 14;
