import { ArgumentError, FormatError, IncompatibleError } from "@diffusiongym/core";
import { Engine, type Network, type NetworkOptions } from "@diffusiongym/nn";
import { openAutoencoder } from "../autoencoder/index.js";
import { readSchedulerConfig } from "../diffusers/index.js";
import { LoadingError, type LoadingOptions } from "../hub/index.js";
import { adaptDenoiser, type Denoiser, type JsonRecord, OnnxFolder, printedInputs } from "../onnx-folder/index.js";
import { type ClipTokenizer, findTokenizerFiles, readTokenizer, type TokenizerTexts } from "../tokenizer/index.js";
import { PromptEncoder } from "./prompt-encoder.js";
import { type StableDiffusionDefaults, StableDiffusionModel } from "./stable-diffusion-model.js";

/** Sizes of what a Stable Diffusion computes. */
export interface StableDiffusionSizes {
  /**
   * Height and width of the latents, or one number for both; an image has 8 times as many pixels each way.
   * @default what the model's files say: 64, for 512 x 512 pixels
   */
  readonly latentSize?: number | readonly [number, number];
  /** Images that are decoded at once. @default 1 */
  readonly decodeBatchSize?: number;
}

/** Options of `loadStableDiffusion`. */
export interface StableDiffusionLoadingOptions
  extends LoadingOptions,
    Pick<NetworkOptions, "engine">,
    StableDiffusionDefaults,
    StableDiffusionSizes {}

const components = ["unet", "vae_decoder", "text_encoder"] as const;
const schedulerFile = "scheduler/scheduler_config.json";

/**
 * Loads a Stable Diffusion (1.x or 2.x) that was exported to ONNX, in the layout of Optimum: `unet`, `vae_decoder`, `text_encoder`,
 * `tokenizer` and `scheduler`, each in its folder, and `vae_encoder` where there is one.
 *
 *     const model = await loadStableDiffusion("onnx-community/stable-diffusion-v1-5-ONNX", { latentSize: 48 });
 *
 * @param source id of a hub repository, address of a folder, or path of one
 * @throws LoadingError when a file cannot be had; FormatError for a damaged one; IncompatibleError when the files are of
 *   something else or do not belong together; ArgumentError for sizes that the network cannot do; AbortError
 */
export async function loadStableDiffusion(
  source: string,
  options: StableDiffusionLoadingOptions = {},
): Promise<StableDiffusionModel> {
  const { engine = new Engine(), decodeBatchSize, latentSize } = options;
  const folder = await fetchAll(source, options);
  const { scheduler, prediction, outputType, notes } = readSchedulerConfig(
    await folder.text(schedulerFile),
    schedulerFile,
  );
  const config = await folder.jsonIfThere("unet/config.json");
  const latentShape = latentShapeOf(config, latentSize);
  const textEncoder = await folder.network("text_encoder", { engine, trainable: "none" });
  const promptEncoder = new PromptEncoder(await tokenizerOf(folder), textEncoder);
  const [, length, width] = (await promptEncoder.encode([""])).shape;
  const autoencoder = await openAutoencoder(folder, {
    engine,
    latentShape,
    checkpoint: options.checkpoint,
    ...(decodeBatchSize !== undefined && { batchSize: decodeBatchSize }),
  });
  const inputs = await folder.inputsOf("unet");
  const network = await folder.network("unet", {
    engine,
    names: "pytorch",
    lengths: Object.fromEntries(
      inputs.map(({ name, shape }) => [
        name,
        shape.length === 4 ? [undefined, ...latentShape] : shape.length === 3 ? [undefined, length, width] : [],
      ]),
    ),
  });
  return new StableDiffusionModel({
    ...defaultsOf(options),
    denoiser: requireUnet(
      network,
      adaptDenoiser(network, { file: `unet/model.onnx of ${folder.name}`, scheduler, prediction }),
      folder.name,
    ),
    outputType,
    scheduler,
    promptEncoder,
    autoencoder,
    latentShape,
    notes,
  });
}

/** What of the options is the model's, in place of the loader's. */
function defaultsOf(options: StableDiffusionDefaults): StableDiffusionDefaults {
  const names = ["guidanceScale", "prompts", "promptDropout", "branches", "checkpoint"] as const;
  return Object.fromEntries(names.map((name) => [name, options[name]]).filter(([, value]) => value !== undefined));
}

/** Downloads everything, with one progress. */
async function fetchAll(source: string, options: LoadingOptions): Promise<OnnxFolder> {
  try {
    const folder = await OnnxFolder.open(source, options);
    folder.requireClass(["StableDiffusionPipeline"], "Pipelines of other kinds take other conditions.");
    const tokenizer = await findTokenizerFiles(folder.repository, "tokenizer");
    const files = [schedulerFile, ...Object.values(tokenizer)];
    for (const component of components) {
      if (await folder.has(`${component}/config.json`)) {
        files.push(`${component}/config.json`);
      }
    }
    await folder.fetch({ components, files });
    return folder;
  } catch (error) {
    if (error instanceof LoadingError && (error.failure === "offline" || error.failure === "network")) {
      throw new LoadingError(
        `${error.message} A model is the folders ${components.join(", ")}, tokenizer and scheduler. images/scenes needs no download.`,
        error,
      );
    }
    throw error;
  }
}

async function tokenizerOf(folder: OnnxFolder): Promise<ClipTokenizer> {
  const files = await findTokenizerFiles(folder.repository, "tokenizer");
  const texts: TokenizerTexts = Object.fromEntries(
    await Promise.all(Object.entries(files).map(async ([role, file]) => [role, await folder.text(file)])),
  );
  const config = files.config === undefined ? {} : await folder.json(files.config);
  const special = files.specialTokens === undefined ? {} : await folder.json(files.specialTokens);
  // Of two tokens that fill short prompts, older repositories mean the one in this file: "!" in those of version 2.
  const pad = config.added_tokens_decoder === undefined ? (special.pad_token ?? config.pad_token) : config.pad_token;
  try {
    return readTokenizer({ ...texts, config: JSON.stringify({ ...config, pad_token: pad }) });
  } catch (error) {
    if (error instanceof FormatError) {
      throw new FormatError(`The tokenizer of ${folder.name}: ${error.message}`, error.format, "tokenizer");
    }
    throw error;
  }
}

/** Channels, height and width of the latents. */
function latentShapeOf(
  config: JsonRecord,
  given: number | readonly [number, number] | undefined,
): readonly [number, number, number] {
  const { in_channels: channels = 4, out_channels: made = channels, sample_size: size = 64 } = config;
  const className = config._class_name ?? "UNet2DConditionModel";
  if (className !== "UNet2DConditionModel" || channels !== made) {
    throw new IncompatibleError(
      `unet/config.json is of a ${String(className)} that takes ${String(channels)} channels and gives ${String(made)}; a ` +
        `UNet2DConditionModel that gives what it takes is needed${channels === 9 ? " (one with 9 is for inpainting)" : ""}.`,
    );
  }
  const wanted = given ?? (size as number | readonly number[]);
  const [height, width] = typeof wanted === "number" ? [wanted, wanted] : wanted;
  const blocks = Array.isArray(config.block_out_channels) ? config.block_out_channels.length : 1;
  const multiple = 2 ** (blocks - 1);
  const shape = [channels, height, width] as readonly [number, number, number];
  if (
    !shape.every((axis) => Number.isSafeInteger(axis) && axis > 0) ||
    shape.slice(1).some((axis) => axis % multiple)
  ) {
    throw new ArgumentError(
      `latentSize ${JSON.stringify(given ?? size)} is nothing that the network can do: height and width must be whole multiples of ` +
        `${multiple}, which it halves ${blocks - 1} times.`,
      "latentSize",
      given,
    );
  }
  return shape;
}

function requireUnet(network: Network, denoiser: Denoiser, name: string): Denoiser {
  if (denoiser.others.length !== 1 || denoiser.others[0]!.shape.length !== 3) {
    throw new IncompatibleError(
      `unet/model.onnx of ${name} takes ${printedInputs(network.inputs)}. The U-Net of a Stable Diffusion 1.x or 2.x takes the state, ` +
        "timestep, and encoder_hidden_states [n, L, D], and nothing else.",
    );
  }
  return denoiser;
}
