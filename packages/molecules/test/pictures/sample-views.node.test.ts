import { ArgumentError } from "@diffusiongym/core";
import { readSdf, readXyz, scenesOf, sdfOf, trajectoryFrames, viewerFragment, xyzOf } from "@diffusiongym/molecules";
import { describe, expect, it } from "vitest";
import { benzene, formaldehyde } from "../support/records.js";
import { sampleOf } from "../support/samples.js";

const molecules = [formaldehyde, benzene, formaldehyde, benzene];

describe("files of a sample", () => {
  const sample = sampleOf(molecules, { rewards: [0.5, -1, 2, 0], valids: [1, 1, 1, 0] });

  it("hold every molecule with its reward", () => {
    const entries = readSdf(sdfOf(sample, { smiles: ["C=O", "c1ccccc1", "C=O", undefined] }));
    expect(entries.map(({ title, properties }) => [title, properties])).toEqual([
      ["sample 0", { reward: "0.5", valid: "1", smiles: "C=O" }],
      ["sample 1", { reward: "-1", valid: "1", smiles: "c1ccccc1" }],
      ["sample 2", { reward: "2", valid: "1", smiles: "C=O" }],
      ["sample 3", { reward: "0", valid: "0" }],
    ]);
    expect(entries[1]!.molecule.bonds.filter(({ order }) => order === "aromatic")).toHaveLength(6);
    const frames = readXyz(xyzOf(sample, { smiles: ["C=O"] }));
    expect(frames.map(({ comment }) => comment)).toEqual([
      "sample 0 reward 0.5 valid 1 smiles C=O",
      "sample 1 reward -1 valid 1",
      "sample 2 reward 2 valid 1",
      "sample 3 reward 0 valid 0",
    ]);
    expect(frames[3]!.molecule.elements).toEqual(benzene.elements);
  });
});

describe("scenesOf", () => {
  it("shows the best, the median, and the way of the best from noise", () => {
    const sample = sampleOf(molecules, { rewards: [0.5, -1, 2, 9], valids: [1, 1, 1, 0], steps: 10 });
    const scenes = scenesOf(sample, { unit: "debye", frames: 4 });
    expect(scenes.map(({ title, caption, frames }) => [title, caption, frames.length])).toEqual([
      ["Best", "sample 2, reward 2 debye", 1],
      ["Median", "sample 0, reward 0.5 debye", 1],
      ["From noise to molecule", "sample 2, reward 2 debye", 4],
    ]);
    expect(scenes[2]!.frames.at(-1)).toEqual(scenes[0]!.frames[0]);
    expect(scenes[2]!.frames[0]).not.toEqual(scenes[0]!.frames[0]);
  });

  it("has no film without a trajectory, and nothing without a valid molecule", () => {
    expect(scenesOf(sampleOf(molecules, { rewards: [1, 2, 3, 4] }))).toHaveLength(2);
    expect(scenesOf(sampleOf(molecules, { rewards: [1, 2, 3, 4], valids: [0, 0, 0, 0] }))).toEqual([]);
  });

  it("takes evenly spaced states, the first and the last among them", () => {
    const { trajectory } = sampleOf(molecules, { rewards: [1, 1, 1, 1], steps: 20 });
    const all = trajectoryFrames(trajectory, 1);
    expect(all).toHaveLength(21);
    expect(trajectoryFrames(trajectory, 1, { frames: 5 })).toEqual([0, 5, 10, 15, 20].map((step) => all[step]));
    expect(() => trajectoryFrames(trajectory, 1, { frames: 1 })).toThrowError(ArgumentError);
    expect(() => trajectoryFrames(trajectory, 4)).toThrowError(ArgumentError);
  });
});

describe("viewerFragment", () => {
  it("holds 3Dmol.js, a figure for each scene, and data that cannot end its script", async () => {
    const scenes = [
      { title: "<Best>", caption: "a & b", frames: [benzene] },
      { title: "Film", frames: [formaldehyde, { ...formaldehyde, elements: ["</script>", "O", "H", "H"] }] },
    ];
    const html = await viewerFragment(scenes, { size: 200 });
    expect(html.length).toBeGreaterThan(400_000);
    expect(html).toContain("<strong>&lt;Best&gt;</strong><br>a &amp; b");
    expect(html.match(/<figure /g)).toHaveLength(2);
    expect(html.match(/<\/script>/g)).toHaveLength(4);
    expect(html.match(/class="dg-play"/g)).toHaveLength(1);
    // Nothing is fetched: no element refers to a file.
    expect(html.replace(/<script>[\s\S]*?<\/script>/g, "")).not.toMatch(/\b(src|href)=/);
    const [, data] = /<script type="application\/json">(.*?)<\/script>/.exec(html)!;
    const [frame] = JSON.parse(data!) as { e: string[]; p: number[]; b: number[] }[];
    expect(frame!.e).toEqual(benzene.elements);
    expect(frame!.b.slice(0, 6)).toEqual([0, 1, 1.5, 1, 2, 1.5]);
    expect(frame!.p).toHaveLength(36);
  });

  it("takes a script of one's own, and refuses scenes without frames", async () => {
    expect(await viewerFragment([], { script: "var a = '</script>';" })).toContain("var a = '\\x3c/script>';");
    await expect(viewerFragment([{ title: "none", frames: [] }])).rejects.toThrowError(/"none" has no frames/);
    await expect(viewerFragment([], { size: 3 })).rejects.toThrowError(ArgumentError);
  });
});
