import { ArgumentError, FormatError, IncompatibleError } from "@diffusiongym/core";
import { loadUnet2d, Network, type NetworkOptions, readUnet2dConfig } from "@diffusiongym/nn";
import { findUnetFiles, readSchedulerConfig, type UnetFiles } from "../diffusers/index.js";
import { LoadingError, type LoadingOptions, Repository } from "../hub/index.js";
import { type NodeModules, requireNode } from "../platform/index.js";
import { withEndpointOutput } from "./endpoint-output.js";
import { adaptOnnxUnet, type NamedUnet } from "./onnx-unet.js";
import { PixelModel } from "./pixel-model.js";

/** Options of `loadPixelModel`. */
export interface PixelModelLoadingOptions extends LoadingOptions, NetworkOptions {
  /** Height and width of the images, or one number for both. @default what the model's files say */
  readonly sampleSize?: number | readonly [number, number];
}

/**
 * Loads a diffusion model of pixels from the files of diffusers: `config.json` and `diffusion_pytorch_model.safetensors` of a
 * `UNet2DModel`, or a `model.onnx` of the same signature, and `scheduler_config.json`, all in one folder or in those of a
 * pipeline. Pickles are never read.
 *
 *     const model = await loadPixelModel("google/ddpm-cifar10-32", { onProgress: ({ loadedBytes }) => console.log(loadedBytes) });
 *
 * @param source id of a hub repository, address of a folder, or path of one
 * @throws LoadingError when a file cannot be had; FormatError or IncompatibleError when the files are of something else; AbortError
 */
export async function loadPixelModel(source: string, options: PixelModelLoadingOptions = {}): Promise<PixelModel> {
  const node = requireNode("Loading a model");
  const repository = await Repository.open(source, options);
  const { files, config, scheduler, network } = await fetchParts(repository, options, node);
  const { scheduler: path, prediction, outputType, notes } = readSchedulerConfig(scheduler, files.scheduler);
  const sampleShape = sampleShapeOf(network.network, network.state, config, options.sampleSize);
  return new PixelModel({
    network: prediction === "v_prediction" ? withEndpointOutput(network.network, path, network) : network.network,
    stateInput: network.state,
    timeInput: network.time,
    outputType,
    scheduler: path,
    sampleShape,
    notes,
  });
}

interface Parts {
  readonly files: UnetFiles;
  /** Text of the network's configuration. */
  readonly config: string | undefined;
  /** Text of the scheduler's configuration. */
  readonly scheduler: string;
  readonly network: NamedUnet;
}

async function fetchParts(repository: Repository, { engine }: NetworkOptions, { fs }: NodeModules): Promise<Parts> {
  const readText = (path: string): Promise<string> => fs.readFile(path, "utf8");
  try {
    const files = await findUnetFiles(repository, readText);
    const beside: string[] = [];
    if (files.kind === "onnx") {
      for (const name of [`${files.weights}_data`, `${files.weights}.data`]) {
        if (await repository.has(name)) beside.push(name);
      }
    }
    const wanted = [files.scheduler, files.weights, ...(files.config === undefined ? [] : [files.config]), ...beside];
    const [schedulerPath, weightsPath, configPath] = await repository.files(wanted);
    const config = files.config === undefined ? undefined : await readText(configPath!);
    const scheduler = await readText(schedulerPath!);
    const setup = engine === undefined ? {} : { engine };
    const network =
      files.kind === "onnx"
        ? adaptOnnxUnet(await Network.open(weightsPath!, setup), files.weights)
        : { network: await readUnet(config!, weightsPath!, files, setup, fs), state: "x", time: "t" };
    return { files, config, scheduler, network };
  } catch (error) {
    if (error instanceof LoadingError && (error.failure === "offline" || error.failure === "network")) {
      throw new LoadingError(
        `${error.message} A model is config.json, diffusion_pytorch_model.safetensors and scheduler_config.json.`,
        error,
      );
    }
    throw error;
  }
}

async function readUnet(
  config: string,
  path: string,
  files: UnetFiles,
  setup: NetworkOptions,
  fs: NodeModules["fs"],
): Promise<Network> {
  const { inChannels = 3, outChannels = 3, numClassEmbeds, classEmbedType } = readUnet2dConfig(config);
  if (inChannels !== outChannels) {
    throw new IncompatibleError(
      `${files.config} makes a network that takes ${inChannels} channels and gives ${outChannels}; both must be equal` +
        `${outChannels === 2 * inChannels ? " (the second half is a learned variance, which is not supported)" : ""}.`,
    );
  }
  if ((numClassEmbeds ?? classEmbedType ?? null) !== null) {
    throw new IncompatibleError(
      `${files.config} makes a network that is told a class for every image, which is not supported.`,
    );
  }
  try {
    return loadUnet2d({ config, weights: await fs.readFile(path), ...setup });
  } catch (error) {
    if (error instanceof FormatError && error.path === undefined) {
      throw new FormatError(`${files.weights}: ${error.message}`, error.format, path);
    }
    throw error;
  }
}

/** Channels, height and width: from the option, the configuration, or the network's own input. */
function sampleShapeOf(
  network: Network,
  state: string,
  config: string | undefined,
  given: number | readonly [number, number] | undefined,
): readonly [number, number, number] {
  const declared = network.inputs.find(({ name }) => name === state)!.shape;
  const configured = config === undefined ? undefined : (readUnet2dConfig(config).sampleSize ?? undefined);
  const size = given ?? configured ?? declared.slice(2);
  const shape = [declared[1], ...(typeof size === "number" ? [size, size] : size)];
  if (shape.length !== 3 || !shape.every((axis) => Number.isInteger(axis) && Number(axis) > 0)) {
    throw new ArgumentError(
      `The size of the images is not known: channels, height and width are [${shape.join(", ")}]. Give the option sampleSize, such as 32.`,
      "sampleSize",
      given,
    );
  }
  return shape as unknown as readonly [number, number, number];
}
