import { isDifferentiable, listRewards, makeReward, Tensor } from "@diffusiongym/core";
import { checkReward } from "@diffusiongym/core/testing";
import { describe, expect, it } from "vitest";
import { type Bond, flowMolVocabulary, fromMolecules, type Molecule, MoleculeGraph } from "../../src/index.js";
import { recordOf, verdicts } from "../molecule-records.js";
import { named, Stage, withoutXtb } from "../xtb/programs.js";

const options = { vocabulary: flowMolVocabulary };
const named2 = (name: string): Molecule => recordOf(verdicts.cases.find((one) => one.name === name)!);
const pentavalent = named2("CH5, pentavalent carbon");
/** The reference's batch: ethanol, methane, phenol are not all here, but a bad graph and two waters are. */
const batch = fromMolecules(
  [named2("CCO"), named2("C"), named2("CC(=O)Oc1ccccc1C(=O)O"), pentavalent, named2("O.O")],
  options,
);

describe("the rewards of chemistry", () => {
  it.each([
    ["molecules/validity", [1, 1, 1, 0, 0]],
    ["molecules/qed", [0.40680795907974243, 0.35978493094444275, 0.5501217842102051, 0, 0]],
    ["molecules/logp", [-0.0014, 0.6361, 1.3101, -10, -10]],
    ["molecules/tpsa", [20.23, 0, 63.6, 0, 0]],
  ] as const)("%s is the reference's, and marks what is invalid", async (id, expected) => {
    const { rewards, valids } = await (await makeReward(id)).evaluate(batch, batch, {});
    for (const [i, value] of expected.entries()) {
      expect(rewards[i]).toBeCloseTo(value, 5);
    }
    expect(Array.from(valids)).toEqual([1, 1, 1, 0, 0]);
  });

  it("molecules/similarity is 1 for the target, whatever its spelling, and less for others", async () => {
    const reward = await makeReward("molecules/similarity", { target: "OCC" });
    const { rewards, valids } = await reward.evaluate(batch, batch, {});
    expect(rewards[0]).toBe(1);
    expect(rewards[2]).toBeGreaterThan(0);
    expect(rewards[2]).toBeLessThan(0.5);
    expect(Array.from(rewards.slice(3))).toEqual([0, 0]);
    expect(Array.from(valids)).toEqual([1, 1, 1, 0, 0]);
    const radical = await makeReward("molecules/similarity", { target: "CCO", radius: 0, bits: 64, invalidReward: -1 });
    expect((await radical.evaluate(batch, batch, {})).rewards[3]).toBe(-1);
  });

  it.each(["molecules/validity", "molecules/qed", "molecules/logp", "molecules/tpsa"] as const)(
    "%s keeps the promises",
    async (id) => {
      const reward = await makeReward(id);
      await checkReward(reward, { sample: batch });
      expect(isDifferentiable(reward)).toBe(false);
    },
  );

  it("never stops at a graph of noise", async () => {
    const { structure } = batch;
    const noise = batch.tensors().map(({ data, shape }) => {
      let state = 7;
      const next = () => {
        state = (state * 1103515245 + 12345) % 2 ** 31;
        return state / 2 ** 31 - 0.5;
      };
      return new Tensor(Float32Array.from(data, next), shape);
    });
    const graph = new MoleculeGraph(structure, noise);
    for (const id of ["molecules/validity", "molecules/qed"] as const) {
      const { rewards, valids } = await (await makeReward(id)).evaluate(graph, graph, {});
      expect(rewards.every((value, i) => Number.isFinite(value) && (valids[i] === 1 || value === 0))).toBe(true);
    }
  });

  it("refuse what makes no sense", async () => {
    await expect(makeReward("molecules/qed", { invalidReward: Number.NaN })).rejects.toThrow("finite number");
    await expect(makeReward("molecules/similarity", { target: "" })).rejects.toThrow("target must be the SMILES");
    await expect(makeReward("molecules/similarity", { target: "C", radius: -1 })).rejects.toThrow("radius must be");
    await expect(makeReward("molecules/similarity", { target: "C", bits: 1 })).rejects.toThrow("bits must be");
    const reward = await makeReward("molecules/similarity", { target: "no SMILES" });
    await expect((async () => reward.evaluate(batch, batch, {}))()).rejects.toThrow("no SMILES that RDKit reads");
  });

  it("say their unit and what they need", () => {
    const listed = listRewards().filter(({ id }) => id.startsWith("molecules/"));
    expect(listed.length).toBe(12);
    for (const { description, options: help } of listed) {
      expect(description).toMatch(/needs (@rdkit\/rdkit|the program xtb)$/);
      expect(help).toHaveProperty("invalidReward");
    }
  });
});

const linked = (...molecules: readonly Molecule[]): MoleculeGraph =>
  fromMolecules(molecules, { ...options, centre: false });

describe.skipIf(withoutXtb)("the rewards of xtb", () => {
  // Water, CH5 (invalid), two waters (two pieces) and ammonia, as in the reference's golden.
  const water = named("O");
  const second: readonly Bond[] = water.bonds.map(({ from, to, order }) => ({ from: from + 3, to: to + 3, order }));
  const two: Molecule = {
    elements: [...water.elements, ...water.elements],
    charges: new Int8Array(6),
    bonds: [...water.bonds, ...second],
    positions: Float32Array.from([...water.positions, ...water.positions.map((value) => value + 4)]),
  };
  const samples = linked(water, pentavalent, two, named("N"));

  it.each([
    ["molecules/energy", [-5.070209503173828, -500, -500, -4.426032543182373]],
    ["molecules/homo", [-12.165947914123535, -25, -25, -10.61551570892334]],
    ["molecules/lumo", [1.9952595233917236, -25, -25, 1.6659084558486938]],
    ["molecules/homo_lumo_gap", [14.16120719909668, 0, 0, 12.281423568725586]],
    ["molecules/polarizability", [9.429073333740234, 0, 0, 13.958033561706543]],
    ["molecules/dipole_moment", [2.2869369983673096, 0, 0, 1.8773448467254639]],
    ["molecules/heat_capacity", [8.003899574279785, 0, 0, 8.223600387573242]],
  ] as const)("%s is the reference's", async (id, expected) => {
    const { rewards, valids } = await (await makeReward(id)).evaluate(samples, samples, {});
    const tolerance = id === "molecules/heat_capacity" ? 2e-2 : 1e-3;
    for (const [i, value] of expected.entries()) {
      expect(Math.abs(rewards[i]! - value)).toBeLessThan(tolerance);
    }
    expect(Array.from(valids)).toEqual([1, 0, 0, 1]);
  });

  it("keep the promises", async () => {
    await checkReward(await makeReward("molecules/dipole_moment"), { sample: samples });
  });

  it("relax first where asked", async () => {
    const stretched = { ...water, positions: water.positions.map((value) => 1.3 * value) };
    const graph = linked(stretched, water);
    const plain = await (await makeReward("molecules/energy")).evaluate(graph, graph, {});
    const relaxed = await (await makeReward("molecules/energy", { relax: true })).evaluate(graph, graph, {});
    expect(plain.rewards[0]).toBeGreaterThan(-5.05);
    expect(relaxed.rewards[0]).toBeCloseTo(relaxed.rewards[1]!, 4);
    expect(relaxed.rewards[0]).toBeCloseTo(-5.0702, 3);
  });

  it("mark a hydrogen atom, which has no unoccupied orbital, only where that is asked for", async () => {
    const graph = linked(named("[H]"), water);
    const evaluate = async (id: "molecules/lumo" | "molecules/homo") =>
      (await (await makeReward(id)).evaluate(graph, graph, {})).valids;
    expect(Array.from(await evaluate("molecules/lumo"))).toEqual([0, 1]);
    expect(Array.from(await evaluate("molecules/homo"))).toEqual([1, 1]);
  });
});

describe("the rewards of xtb without it", () => {
  it("say how to install it", async () => {
    const reward = await makeReward("molecules/energy", { program: "no-such-xtb" });
    await expect((async () => reward.evaluate(batch, batch, {}))()).rejects.toThrow("apt-get install xtb");
  });

  it("give a batch of nothing valid its numbers, and a broken program costs only validity", async () => {
    const stage = await Stage.open();
    const program = await stage.program("exit 1");
    const reward = await makeReward("molecules/energy", { program, directory: stage.folder, invalidReward: -7 });
    const { rewards, valids } = await reward.evaluate(batch, batch, {});
    expect(Array.from(rewards)).toEqual([-7, -7, -7, -7, -7]);
    expect(Array.from(valids)).toEqual([0, 0, 0, 0, 0]);
    await stage.close();
  });

  it("refuse what makes no sense", async () => {
    await expect(makeReward("molecules/homo", { timeoutMs: -1 })).rejects.toThrow("timeoutMs must be positive");
  });
});
