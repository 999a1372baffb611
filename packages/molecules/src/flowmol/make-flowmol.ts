import { ArgumentError } from "@diffusiongym/core";
import { FileError } from "@diffusiongym/nn";
import { type AtomCountDistribution, normalAtomCounts } from "./atom-counts.js";
import { flowMolGeomConfiguration, flowMolQm9Configuration } from "./configuration.js";
import type { FlowMolModel } from "./flowmol-model.js";
import { type FlowMolDescription, openFlowMol } from "./open-flowmol.js";

/** Options of `molecules/flowmol_qm9` and `molecules/flowmol_geom`. */
export interface FlowMolOptions {
  /** Path or address of the converted weights, `.safetensors` or `.onnx`. */
  readonly source?: string;
  /** How likely each number of atoms is. @default what the file says, else a normal law like that of the data */
  readonly atomCounts?: AtomCountDistribution;
  /** Bring noise near its data in `trainLoss`, as the published models were trained. @default true */
  readonly alignment?: boolean;
}

/** FlowMol trained on QM9: up to 29 atoms of C, H, N, O and F. */
export const flowMolQm9: FlowMolDescription = {
  configuration: flowMolQm9Configuration,
  schedule: { positions: 1, atomTypes: 2, charges: 2, bonds: 1.5 },
  atomCounts: normalAtomCounts(18, 3, [3, 29]),
};

/** FlowMol trained on GEOM-drugs: drug-like molecules of ten elements. */
export const flowMolGeom: FlowMolDescription = {
  configuration: flowMolGeomConfiguration,
  schedule: { positions: 1, atomTypes: 2, charges: 2, bonds: 2 },
  atomCounts: normalAtomCounts(46, 12, [8, 120]),
};

/**
 * The maker of `molecules/flowmol_qm9`: the 6.7 million parameters of FlowMol's `qm9_gaussian`, from a converted checkpoint.
 * It was trained on aligned noise, so the process without noise, its default, is the one to sample.
 * @throws ArgumentError or FileError when there are no weights, saying how to get them; otherwise as `openFlowMol`
 */
export function makeFlowMolQm9(options: FlowMolOptions = {}): Promise<FlowMolModel> {
  return open({ id: "molecules/flowmol_qm9", published: "qm9_gaussian", description: flowMolQm9 }, options);
}

/**
 * The maker of `molecules/flowmol_geom`: the 4.3 million parameters of FlowMol's `geom_gaussian`, from a converted checkpoint.
 * @throws as `makeFlowMolQm9`
 */
export function makeFlowMolGeom(options: FlowMolOptions = {}): Promise<FlowMolModel> {
  return open({ id: "molecules/flowmol_geom", published: "geom_gaussian", description: flowMolGeom }, options);
}

interface PublishedModel {
  readonly id: string;
  /** Name of the folder in which the checkpoint is published. */
  readonly published: string;
  readonly description: FlowMolDescription;
}

async function open(model: PublishedModel, options: FlowMolOptions): Promise<FlowMolModel> {
  const { source, alignment = true, atomCounts } = options;
  if (source === undefined) {
    throw new ArgumentError(`${model.id} needs weights, which no package carries. ${howToGet(model)}`, "source");
  }
  try {
    return await openFlowMol(source, {
      description: model.description,
      alignment,
      ...(atomCounts !== undefined && { atomCounts }),
    });
  } catch (error) {
    if (error instanceof FileError) {
      throw new FileError(`${error.message} ${howToGet(model)}`, error.file, error);
    }
    throw error;
  }
}

function howToGet({ id, published }: PublishedModel): string {
  const file = `${id.split("/")[1]}.safetensors`;
  return (
    `Get the folder ${published} of FlowMol v0.2's trained models (github.com/dunni3/FlowMol says where), convert it with ` +
    `\`python tooling/convert/flowmol_checkpoint.py ${published}/checkpoints/model.ckpt ${file}\` of diffusiongym's repository, ` +
    `and give { source: "${file}" }. The model "molecules/small" works now, without a download.`
  );
}
