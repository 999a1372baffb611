import { ArgumentError, FormatError, IncompatibleError } from "@diffusiongym/core";
import { Engine, GraphBuilder, Network, type NetworkOptions } from "@diffusiongym/nn";
import { openAutoencoder } from "../autoencoder/index.js";
import { convertedPlace } from "../converted/index.js";
import { readSchedulerConfig } from "../diffusers/index.js";
import { LoadingError, type LoadingOptions } from "../hub/index.js";
import { adaptDenoiser, type Denoiser, type JsonRecord, OnnxFolder, printedInputs } from "../onnx-folder/index.js";
import { requireNode } from "../platform/index.js";
import { ClassNames } from "./class-names.js";
import { type DitDefaults, DitModel } from "./dit-model.js";

/** Sizes of what a diffusion transformer computes. */
export interface DitSizes {
  /**
   * Height and width of the latents, or one number for both; an image has 8 times as many pixels each way. A transformer is
   * exported for one size: another one needs another export (`--size` of the script that makes it).
   * @default what the model's files say: 32, for 256 x 256 pixels
   */
  readonly latentSize?: number | readonly [number, number];
  /** Images that are decoded at once. @default 1 */
  readonly decodeBatchSize?: number;
}

/** Options of `images/dit`. */
export interface DitOptions extends DitDefaults, DitSizes {
  /**
   * Path or address of a folder, or id of a hub repository, with the model as ONNX files: transformer, vae_decoder, scheduler.
   * @default `~/.cache/diffusiongym/dit-xl-2-256`, where tooling/convert/dit_to_onnx.py puts facebook/DiT-XL-2-256
   */
  readonly source?: string;
  /** Branch, tag or commit of a hub repository. @default "main" */
  readonly revision?: string;
  /** Address of the hub or of a mirror. @default HF_ENDPOINT, or https://huggingface.co */
  readonly endpoint?: string;
  /** Folder of the cache. @default HF_HUB_CACHE, or HF_HOME/hub, or ~/.cache/huggingface/hub */
  readonly cacheDirectory?: string;
  /** Never use the network. @default true when HF_HUB_OFFLINE is set, else false */
  readonly localFilesOnly?: boolean;
}

/** Options of `loadDit`. */
export interface DitLoadingOptions extends LoadingOptions, Pick<NetworkOptions, "engine">, DitDefaults, DitSizes {}

const schedulerFile = "scheduler/scheduler_config.json";
const components = ["transformer", "vae_decoder"] as const;
const advice =
  "Export it once with Python: python tooling/convert/dit_to_onnx.py facebook/DiT-XL-2-256 (from diffusiongym's repository) writes " +
  "transformer, vae_decoder, scheduler and model_index.json";

/**
 * The maker of `images/dit`: DiT-XL/2 of 256 x 256 pixels of ImageNet's 1000 classes (arXiv 2212.09748, 675 million parameters), or
 * what `source` names. `loadDit` does the same and takes a token, a signal and a progress callback.
 * @throws as `loadDit`
 */
export async function makeDit({ source, ...options }: DitOptions = {}): Promise<DitModel> {
  if (source !== undefined) {
    return loadDit(source, options);
  }
  const node = requireNode("Loading a model");
  const place = convertedPlace("dit-xl-2-256", node);
  if (
    await node.fs.stat(place).then(
      (found) => !found.isDirectory(),
      () => true,
    )
  ) {
    throw new LoadingError(
      `images/dit has no model at ${place}, and none is published as ONNX files. ${advice} there; or give the place of ` +
        "another one as source. images/scenes needs no download.",
      { failure: "missing", source: place, file: "model_index.json", address: place },
    );
  }
  return loadDit(place, options);
}

/**
 * Loads a class-conditional diffusion transformer from ONNX files: `transformer/model.onnx`, `vae_decoder/model.onnx`, the
 * `config.json` of both, `scheduler/scheduler_config.json`, and `model_index.json` with the names of the classes.
 * @param source id of a hub repository, address of a folder, or path of one
 * @throws LoadingError when a file cannot be had; FormatError for a damaged one; IncompatibleError when the files are of
 *   something else or do not belong together; ArgumentError for sizes and classes that are none; AbortError
 */
export async function loadDit(source: string, options: DitLoadingOptions = {}): Promise<DitModel> {
  const { engine = new Engine(), decodeBatchSize, latentSize } = options;
  const folder = await fetchAll(source, options);
  const { scheduler, prediction, outputType, notes } = readSchedulerConfig(
    withoutVariance(await folder.json(schedulerFile)),
    schedulerFile,
  );
  const config = await folder.jsonIfThere("transformer/config.json");
  const latentShape = await latentShapeOf(folder, config, latentSize);
  const autoencoder = await openAutoencoder(folder, {
    engine,
    latentShape,
    checkpoint: options.checkpoint,
    ...(decodeBatchSize !== undefined && { batchSize: decodeBatchSize }),
  });
  const inputs = await folder.inputsOf("transformer");
  const network = await folder.network("transformer", {
    engine,
    names: "pytorch",
    lengths: Object.fromEntries(
      inputs.map(({ name, shape }) => [name, shape.length === 4 ? [undefined, ...latentShape] : []]),
    ),
  });
  const file = `transformer/model.onnx of ${folder.name}`;
  const denoiser = requireTransformer(
    network,
    adaptDenoiser(keepChannels(network, latentShape[0], file), { file, scheduler, prediction }),
    file,
  );
  return new DitModel({
    ...defaultsOf(options),
    denoiser,
    outputType,
    scheduler,
    classNames: classNamesOf(network, denoiser, config, (await folder.jsonIfThere("model_index.json")).id2label, file),
    autoencoder,
    latentShape,
    notes,
  });
}

/** What of the options is the model's, in place of the loader's. */
function defaultsOf(options: DitDefaults): DitDefaults {
  const names = ["guidanceScale", "classes", "labelDropout", "branches", "checkpoint"] as const;
  return Object.fromEntries(names.map((name) => [name, options[name]]).filter(([, value]) => value !== undefined));
}

/** Downloads everything, with one progress. */
async function fetchAll(source: string, options: LoadingOptions): Promise<OnnxFolder> {
  const folder = await OnnxFolder.open(source, options);
  folder.requireClass(["DiTPipeline"], "Pipelines of other kinds take other conditions.");
  for (const component of components) {
    if (!(await folder.hasNetwork(component))) {
      const file = `${component}/model.onnx`;
      throw new LoadingError(`${folder.name} has no ${file}. ${advice}. images/scenes needs no download.`, {
        failure: "missing",
        source: folder.name,
        file,
        address: folder.repository.address(file),
      });
    }
  }
  const files = [schedulerFile];
  for (const component of components) {
    if (await folder.has(`${component}/config.json`)) {
      files.push(`${component}/config.json`);
    }
  }
  await folder.fetch({ components, files });
  return folder;
}

/** The scheduler's configuration as text, without the learned variances: they are cut off, since the SDE has its own. */
function withoutVariance(config: JsonRecord): string {
  const { variance_type: variance, ...others } = config;
  return JSON.stringify(String(variance).startsWith("learned") ? others : config);
}

/** Channels, height and width of the latents, by the option, the configuration, or the network's own input. */
async function latentShapeOf(
  folder: OnnxFolder,
  config: JsonRecord,
  given: number | readonly [number, number] | undefined,
): Promise<readonly [number, number, number]> {
  const className = config._class_name ?? "DiTTransformer2DModel";
  if (className !== "DiTTransformer2DModel" && className !== "Transformer2DModel") {
    throw new IncompatibleError(
      `transformer/config.json of ${folder.name} is of a ${String(className)}; a DiTTransformer2DModel is needed.`,
    );
  }
  const state = (await folder.inputsOf("transformer")).find(({ shape }) => shape.length === 4);
  const declared = (axis: number): unknown => (typeof state?.shape[axis] === "number" ? state.shape[axis] : undefined);
  const size = given ?? config.sample_size;
  const [height, width] =
    size === undefined ? [declared(2), declared(3)] : Array.isArray(size) ? (size as unknown[]) : [size, size];
  const shape = [config.in_channels ?? declared(1), height, width];
  const patch = typeof config.patch_size === "number" ? config.patch_size : 1;
  if (
    !shape.every((axis) => Number.isSafeInteger(axis) && Number(axis) > 0) ||
    shape.slice(1).some((axis) => Number(axis) % patch !== 0)
  ) {
    throw new ArgumentError(
      `Latents of [${shape.map((axis) => axis ?? "?").join(", ")}] are nothing that the transformer of ${folder.name} can do: channels, ` +
        `height and width must be whole numbers, the latter multiples of ${patch}. Give the option latentSize, such as 32.`,
      "latentSize",
      given,
    );
  }
  return shape as unknown as readonly [number, number, number];
}

/** The network without the second half of its channels, which are logarithms of variances where there are twice as many. */
function keepChannels(network: Network, channels: number, file: string): Network {
  const [output] = network.outputs;
  const g = new GraphBuilder(network.graph);
  const made = g.value(output!).shape[1];
  if (network.outputs.length !== 1 || (typeof made === "number" && made !== channels && made !== 2 * channels)) {
    throw new IncompatibleError(
      `${file} gives ${network.outputs.map((name) => `${name} [${g.value(name).shape.join(", ")}]`).join("; ")}; a diffusion ` +
        `transformer of ${channels} channels gives ${channels}, or ${2 * channels} with variances.`,
    );
  }
  if (made === channels) {
    return network;
  }
  g.output("noise", g.slice(g.value(output!), { starts: [0], ends: [channels], axes: [1] }));
  return new Network({ ...g.build().graph, outputs: ["noise"] }, network.parameters, { engine: network.engine });
}

function requireTransformer(network: Network, denoiser: Denoiser, file: string): Denoiser {
  const [labels] = denoiser.others;
  if (denoiser.others.length !== 1 || labels!.shape.length !== 1 || !/^u?int/.test(labels!.type)) {
    throw new IncompatibleError(
      `${file} takes ${printedInputs(network.inputs)}. A class-conditional transformer takes the state, timestep, and class_labels ` +
        "[n], whole numbers, and nothing else.",
    );
  }
  return denoiser;
}

/** The classes: as many as the network has embeddings, less the one for no class. */
function classNamesOf(
  { graph, parameters }: Network,
  { others: [labels] }: Denoiser,
  config: JsonRecord,
  names: unknown,
  file: string,
): ClassNames {
  const table = graph.nodes.find(({ op, inputs }) => op === "Gather" && inputs[1] === labels!.name)?.inputs[0];
  const rows =
    table === undefined
      ? undefined
      : parameters.has(table)
        ? parameters.get(table).shape[0]
        : graph.initializers.get(table)?.shape[0];
  const { num_embeds_ada_norm: count = rows === undefined ? undefined : rows - 1 } = config;
  if (typeof count !== "number" || !Number.isSafeInteger(count) || count < 1) {
    throw new IncompatibleError(
      `The number of classes is not known: ${file} looks none up, and its config.json has no num_embeds_ada_norm.`,
    );
  }
  if (rows !== undefined && rows !== count + 1) {
    throw new IncompatibleError(
      `${file} has embeddings of ${rows} classes; its config.json says ${count}, which with the one for no class makes ${count + 1}.`,
    );
  }
  const known = typeof names === "object" && names !== null ? (names as Record<string, unknown>) : {};
  const wrong = Object.entries(known).find(
    ([number, name]) => !(Number(number) >= 0 && Number(number) < count) || typeof name !== "string",
  );
  if (wrong !== undefined) {
    throw new FormatError(
      `model_index.json names class ${wrong[0]} ${JSON.stringify(wrong[1])}; ${file} has the classes 0 to ${count - 1}.`,
      "diffusers config",
      "model_index.json",
    );
  }
  return new ClassNames(count, known as Record<number, string>);
}
