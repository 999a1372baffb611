import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { FormatError, IncompatibleError, makeBaseModel, RandomKey } from "@diffusiongym/core";
import {
  descriptionField,
  type FlowMolDescription,
  flowMolNetwork,
  flowMolQm9,
  openFlowMol,
  qm9Atoms,
} from "@diffusiongym/molecules";
import { FileError, Network, writeSafetensors } from "@diffusiongym/nn";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { randomGraph } from "../support/graphs.js";
import { tinyConfiguration } from "./tiny-model.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "flowmol-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const network = Network.initialize(flowMolNetwork(tinyConfiguration), RandomKey.fromSeed(0));
const description: FlowMolDescription = { ...flowMolQm9, configuration: tinyConfiguration };
const x = randomGraph([3, 5], 1);
const t = Float32Array.of(0.2, 0.6);

/** The network's parameters under the names that a checkpoint has. */
function checkpointTensors() {
  return Array.from(
    network.parameters,
    ([name, { data, shape }]) => [`vector_field.${name}`, { data, shape }] as const,
  );
}

describe("openFlowMol", () => {
  it("reads safetensors with a checkpoint's names, and what they say of themselves", async () => {
    const atomCounts = { counts: [4, 7], weights: [1, 3] };
    const schedule = { positions: 0.5, atomTypes: 1, charges: 1, bonds: 1 };
    const file = path.join(folder, "model.safetensors");
    const metadata = { [descriptionField]: JSON.stringify({ configuration: tinyConfiguration, atomCounts, schedule }) };
    await writeFile(file, writeSafetensors(checkpointTensors(), metadata));
    const model = await openFlowMol(file, { description: flowMolQm9 });
    expect(model.atomCounts).toEqual(atomCounts);
    expect(model.atoms).toEqual(qm9Atoms);
    expect(model.scheduler.evaluate((scheduler) => (scheduler.spec() as { nu: number }).nu, 0.5)).toEqual(schedule);
    expect(model.network.parameters.data).toEqual(
      new Network(flowMolNetwork(tinyConfiguration).graph, network.parameters).parameters.data,
    );
  });

  it("reads an .onnx file that gives the same", async () => {
    const file = path.join(folder, "model.onnx");
    await network.saveTo(file);
    const model = await openFlowMol(file, { description });
    const outputs = await model.forward(x, t, {});
    const plain = await openFlowMol(network.parameters.toSafetensors(), { description });
    const own = await plain.forward(x, t, {});
    expect(Math.max(...outputs.sub(own).squaredNorm())).toBeLessThan(1e-9);
  });

  it("refuses files of other networks in words", async () => {
    const tensors = checkpointTensors();
    const open = (bytes: Uint8Array): Promise<unknown> => openFlowMol(bytes, { description });
    await expect(open(writeSafetensors(tensors.slice(1)))).rejects.toThrow(/lacks 1 parameters/);
    await expect(open(writeSafetensors([...tensors, ["vector_field.more", tensors[0]![1]] as const]))).rejects.toThrow(
      IncompatibleError,
    );
    const [name, { data }] = tensors[0]!;
    const reshaped = [[name, { data, shape: [data.length] }] as const, ...tensors.slice(1)];
    await expect(open(writeSafetensors(reshaped))).rejects.toThrow(/shape/);
    await expect(open(network.parameters.toSafetensors({ [descriptionField]: "{" }))).rejects.toThrow(FormatError);
    const other = path.join(folder, "other.onnx");
    const wide = { ...tinyConfiguration, atoms: ["C", "H"] };
    await Network.initialize(flowMolNetwork(wide), RandomKey.fromSeed(0)).saveTo(other);
    await expect(openFlowMol(other, { description })).rejects.toThrow(IncompatibleError);
  });
});

describe("molecules/flowmol_qm9 and molecules/flowmol_geom", () => {
  it.each(["molecules/flowmol_qm9", "molecules/flowmol_geom"] as const)(
    "%s says how to get its weights",
    async (id) => {
      for (const options of [{}, { source: path.join(folder, "nothing.safetensors") }]) {
        await expect(makeBaseModel(id, options)).rejects.toThrow(
          /flowmol_checkpoint\.py .*checkpoints\/model\.ckpt.*"molecules\/small" works now/,
        );
      }
      await expect(makeBaseModel(id, { source: path.join(folder, "nothing.safetensors") })).rejects.toThrow(FileError);
    },
  );
});
