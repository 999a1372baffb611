import { modalityKit, type PresentationRequest } from "@diffusiongym/core";
import { describe, expect, it } from "vitest";
import { fromMolecules, type Molecule, type MoleculeGraph, qm9Vocabulary, readSdf } from "../../src/index.js";

const kit = modalityKit("molecules/any");

const methane: Molecule = {
  elements: ["C", "H", "H", "H", "H"],
  charges: [0, 0, 0, 0, 0],
  bonds: [1, 2, 3, 4].map((to) => ({ from: 0, to, order: 1 as const })),
  positions: Float32Array.of(0, 0, 0, 0.63, 0.63, 0.63, -0.63, -0.63, 0.63, -0.63, 0.63, -0.63, 0.63, -0.63, -0.63),
};
const broken: Molecule = { ...methane, bonds: methane.bonds.slice(0, 3) };

function group(role: "base" | "adapted") {
  const sample = fromMolecules([methane, broken], { vocabulary: qm9Vocabulary });
  const fields = { sample, rewards: Float32Array.of(0.3598, 0), valids: Uint8Array.of(1, 0) };
  const trajectory: MoleculeGraph[] = [sample.mul(0.5), sample.mul(0.8), sample];
  const paths = { ...fields, trajectory, has: () => true };
  return { role, title: `the ${role} <model>`, samples: fields, paths };
}

const request = (roles: readonly ("base" | "adapted")[], rewardId: string): PresentationRequest =>
  ({
    groups: roles.map(group),
    rewardId,
    baseModel: { atoms: qm9Vocabulary.elements },
  }) as unknown as PresentationRequest;

describe("molecules as they are shown", () => {
  it("as depictions with SMILES and reward, in space, and as files that read back", async () => {
    const { files, figures } = await kit.present!(request(["base", "adapted"], "molecules/qed"));
    expect(files.map(({ name }) => name)).toEqual(
      ["base", "adapted"].flatMap((name) => [`${name}.sdf`, `${name}.xyz`, `${name}.svg`]),
    );
    const text = new TextDecoder().decode(files[0]!.bytes);
    const entries = readSdf(text);
    expect(entries.map(({ molecule }) => molecule.elements.join(""))).toEqual(["CHHHH", "CHHHH"]);
    expect(text).toContain(">  <smiles>");
    const [samples, space] = figures;
    expect(samples!.html).toContain("the base &lt;model>");
    expect(samples!.html).toContain("0.360");
    expect(samples!.html).toContain("invalid");
    expect(samples!.caption).toContain("molecules/qed");
    expect(space!.html.match(/class="dg-molecule"/g)).toHaveLength(6);
    expect(space!.html.match(/class="dg-play"/g)).toHaveLength(2);
    expect(space!.html).not.toMatch(/<(script|link|img)[^>]* (src|href)=/);
  });

  it("without numbers where there is no reward", async () => {
    const { files, figures } = await kit.present!(request(["base"], "any/zero"));
    expect(files.map(({ name }) => name)).toEqual(["samples.sdf", "samples.xyz", "samples.svg"]);
    expect(figures[0]!.html).not.toContain("0.360");
  });
});
