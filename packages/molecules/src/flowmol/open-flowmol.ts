import { Cosine, FeatureSchedulers, FormatError, IncompatibleError, type Tensor } from "@diffusiongym/core";
import {
  type FileSource,
  Network,
  type NetworkOptions,
  Parameters,
  SafetensorsFile,
  type SafetensorsTensor,
} from "@diffusiongym/nn";
import { type FeatureName, featureNames } from "../graph/index.js";
import { type AtomCountDistribution, checkAtomCounts } from "./atom-counts.js";
import type { FlowMolConfiguration } from "./configuration.js";
import { FlowMolModel, type FlowMolModelOptions } from "./flowmol-model.js";
import { flowMolNetwork } from "./network.js";

/** What a file of weights does not say by itself; files that were written for this package do, in their metadata. */
export interface FlowMolDescription {
  /** The network. */
  readonly configuration: FlowMolConfiguration;
  /** Exponent nu of each feature's cosine schedule. */
  readonly schedule: { readonly [Name in FeatureName]: number };
  /** How likely each number of atoms is. */
  readonly atomCounts: AtomCountDistribution;
}

/** Options of `openFlowMol`. */
export interface OpenFlowMolOptions
  extends NetworkOptions,
    Partial<Pick<FlowMolModelOptions, "alignment" | "lossWeights" | "atomCounts" | "noiseSchedule">> {
  /** What holds where the file's metadata say nothing. */
  readonly description: FlowMolDescription;
}

/** Field of a safetensors file's metadata that holds a `FlowMolDescription`, or parts of it, as JSON. */
export const descriptionField = "flowmol";

/** What published checkpoints put before the names of the network's parameters. */
const checkpointPrefix = "vector_field.";

/**
 * Opens the weights of a FlowMol network: a safetensors file with the names of the published checkpoints, with or without their
 * prefix `vector_field.`, or an `.onnx` file that `network.saveTo` wrote.
 * @param source a path, an address or the bytes
 * @throws FileError when there is nothing; FormatError for a damaged file; IncompatibleError for weights of another network
 */
export async function openFlowMol(source: FileSource, options: OpenFlowMolOptions): Promise<FlowMolModel> {
  const { description, engine } = options;
  const setup = engine === undefined ? {} : { engine };
  if (isOnnx(source)) {
    const network = await Network.open(source, setup);
    requireSameSignature(network, description.configuration);
    return modelOf(network, description, options);
  }
  const file = await SafetensorsFile.open(source);
  try {
    const described = { ...description, ...readDescription(file.metadata, String(source)) };
    const { graph, parameters: declared } = flowMolNetwork(described.configuration);
    const parameters = new Parameters(declared);
    parameters.restore(await readParameters(file, parameters, String(source)));
    return modelOf(new Network(graph, parameters, setup), described, options);
  } finally {
    await file.close();
  }
}

function isOnnx(source: FileSource): boolean {
  return (typeof source === "string" || source instanceof URL) && /\.onnx(\?|$)/.test(String(source));
}

function modelOf(
  network: Network,
  { configuration, schedule, atomCounts }: FlowMolDescription,
  options: OpenFlowMolOptions,
): FlowMolModel {
  const { alignment, lossWeights, noiseSchedule } = options;
  return new FlowMolModel({
    network,
    atoms: configuration.atoms,
    sizes: { charges: configuration.chargeChannels ?? 6, bonds: configuration.bondChannels ?? 5 },
    scheduler: new FeatureSchedulers(
      Object.fromEntries(featureNames.map((name) => [name, new Cosine(schedule[name])])),
    ),
    atomCounts: options.atomCounts ?? atomCounts,
    ...(alignment !== undefined && { alignment }),
    ...(lossWeights !== undefined && { lossWeights }),
    ...(noiseSchedule !== undefined && { noiseSchedule }),
  });
}

function readDescription(metadata: Readonly<Record<string, string>>, name: string): Partial<FlowMolDescription> {
  const text = metadata[descriptionField];
  if (text === undefined) {
    return {};
  }
  let parsed: Partial<FlowMolDescription>;
  try {
    parsed = JSON.parse(text) as Partial<FlowMolDescription>;
  } catch {
    throw new FormatError(`${name}: the field "${descriptionField}" of its metadata is no JSON.`, "safetensors", name);
  }
  return { ...parsed, ...(parsed.atomCounts !== undefined && { atomCounts: checkAtomCounts(parsed.atomCounts) }) };
}

async function readParameters(
  file: SafetensorsFile,
  wanted: Parameters,
  name: string,
): Promise<Map<string, Float32Array>> {
  const found = new Map<string, Float32Array>();
  for await (const [stored, tensor] of file) {
    const own = stored.startsWith(checkpointPrefix) ? stored.slice(checkpointPrefix.length) : stored;
    if (!wanted.has(own)) {
      throw new IncompatibleError(`${name} holds "${stored}", which this FlowMol network does not have. ${advice}`);
    }
    found.set(own, checkedData(tensor, wanted.get(own), `"${stored}" of ${name}`));
  }
  const missing = wanted.names.filter((own) => !found.has(own));
  if (missing.length > 0) {
    throw new IncompatibleError(
      `${name} lacks ${missing.length} parameters of this FlowMol network, "${missing[0]}" first. ${advice}`,
    );
  }
  return found;
}

const advice =
  "Look whether the file belongs to this model (QM9 and GEOM differ), and whether tooling/convert/flowmol_checkpoint.py wrote it.";

function checkedData({ data, shape }: SafetensorsTensor, like: Tensor, what: string): Float32Array {
  if (!(data instanceof Float32Array) || shape.join() !== like.shape.join()) {
    throw new IncompatibleError(
      `${what} has the shape [${shape.join(", ")}]; floats of shape [${like.shape.join(", ")}] are needed. ${advice}`,
    );
  }
  return data;
}

function requireSameSignature(network: Network, configuration: FlowMolConfiguration): void {
  const { graph, parameters } = flowMolNetwork(configuration);
  const names = new Set(parameters.map(({ name }) => name));
  const signature = (inputs: readonly { readonly name: string; readonly shape: readonly unknown[] }[]): string =>
    inputs
      .map(({ name, shape }) => `${name} [${shape.filter((axis) => typeof axis === "number").join(", ")}]`)
      .sort()
      .join(", ");
  const wanted = signature(graph.inputs.filter(({ name }) => !names.has(name)));
  const given = signature(network.inputs);
  if (wanted !== given || graph.outputs.join() !== network.outputs.join()) {
    throw new IncompatibleError(
      `The .onnx file takes ${given} and gives ${network.outputs.join(", ")}; a FlowMol network takes ${wanted} and gives ${graph.outputs.join(", ")}.`,
    );
  }
}
