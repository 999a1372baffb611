import { FormatError, IncompatibleError } from "@diffusiongym/core";
import type { Checkpointing, Engine } from "@diffusiongym/nn";
import type { JsonRecord, OnnxFolder } from "../onnx-folder/index.js";
import { Autoencoder } from "./autoencoder.js";

/** Options of `openAutoencoder`. */
export interface OpenAutoencoderOptions {
  /** Channels, height and width of the latents. */
  readonly latentShape: readonly [number, number, number];
  /** Images that are decoded, encoded or differentiated at once. @default 1 */
  readonly batchSize?: number;
  /** Compute parts of the decoder twice in place of keeping them when gradients are taken. @default keep all */
  readonly checkpoint?: Checkpointing | undefined;
  /** What runs the networks. @default a new engine */
  readonly engine?: Engine;
}

/**
 * The autoencoder of a pipeline folder: `vae_decoder/` with its `config.json` (`scaling_factor`, `shift_factor`), and `vae_encoder/`
 * where there is one, which is fetched and opened when something is encoded.
 * @throws LoadingError when the decoder is missing; FormatError; IncompatibleError when it takes other latents, or is of another kind
 */
export async function openAutoencoder(folder: OnnxFolder, options: OpenAutoencoderOptions): Promise<Autoencoder> {
  const { latentShape, batchSize, checkpoint, engine } = options;
  const file = "vae_decoder/config.json";
  const config = await folder.jsonIfThere(file);
  const { _class_name: className = "AutoencoderKL", latents_mean: mean = null } = config;
  if ((className !== "AutoencoderKL" && className !== "AutoencoderTiny") || mean !== null) {
    throw new IncompatibleError(
      `${file} of ${folder.name} is of ${mean === null ? `a ${String(className)}` : "latents with a mean for each channel"}; ` +
        "an AutoencoderKL with one scaling_factor is needed.",
    );
  }
  const channels = numberOf(config, "latent_channels");
  if (channels !== undefined && channels !== latentShape[0]) {
    throw new IncompatibleError(
      `The autoencoder of ${folder.name} has latents of ${channels} channels (${file}) and the model ${latentShape[0]}; they do not belong together.`,
    );
  }
  const factors = { scalingFactor: numberOf(config, "scaling_factor"), shiftFactor: numberOf(config, "shift_factor") };
  const setup = { trainable: "none", ...(engine && { engine }) } as const;
  const [input] = await folder.inputsOf("vae_decoder");
  const decoder = await folder.network("vae_decoder", {
    ...setup,
    lengths: input === undefined ? {} : { [input.name]: [undefined, ...latentShape] },
  });
  const canEncode = await folder.hasNetwork("vae_encoder");
  return new Autoencoder({
    decoder,
    ...(canEncode && { openEncoder: () => folder.network("vae_encoder", setup) }),
    ...(factors.scalingFactor !== undefined && { scalingFactor: factors.scalingFactor }),
    ...(factors.shiftFactor !== undefined && { shiftFactor: factors.shiftFactor }),
    ...(batchSize !== undefined && { batchSize }),
    ...(checkpoint !== undefined && { checkpoint }),
  });

  function numberOf(fields: JsonRecord, name: string): number | undefined {
    const value = fields[name] ?? undefined;
    if (value !== undefined && typeof value !== "number") {
      throw new FormatError(
        `${file} has ${name} ${JSON.stringify(value)}; it must be a number.`,
        "diffusers config",
        file,
      );
    }
    return value;
  }
}
