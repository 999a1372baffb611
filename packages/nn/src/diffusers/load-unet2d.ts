import { ArgumentError } from "@diffusiongym/core";
import { type Unet2dConfig, unet2d } from "../builder/index.js";
import { freeze } from "../ir/index.js";
import { Network, type NetworkOptions } from "../network/index.js";
import { Parameters, requireSameLayout } from "../parameters/index.js";
import { readSafetensors } from "../safetensors/index.js";
import { presentName } from "./attention-names.js";
import { readUnet2dConfig } from "./read-unet2d-config.js";

/** A checkpoint of diffusers, and how it is to be used. */
export interface LoadUnet2dOptions extends NetworkOptions {
  /** The text of `config.json`, or what parsing it gave. */
  readonly config: string | object;
  /** The bytes of `diffusion_pytorch_model.safetensors`; floats of 16 bits are widened. */
  readonly weights: Uint8Array;
  /** Options of `unet2d` that replace those of the configuration, for example another `sampleSize`, or `timeMultiplier`. @default none */
  readonly overrides?: Unet2dConfig;
}

/**
 * A `UNet2DModel` of diffusers from its two files, as a network whose parameters have the names of the file. The frequencies
 * of a Fourier embedding, which diffusers does not train, are frozen.
 *
 *     const network = loadUnet2d({
 *       config: await readFile("ddpm-cifar10-32/config.json", "utf8"),
 *       weights: await readFile("ddpm-cifar10-32/diffusion_pytorch_model.safetensors"),
 *     });
 *     const { output } = await network.run({ x, t });   // t in steps, as the checkpoint counts them
 *
 * @throws FormatError for damaged files or a configuration of something else; ArgumentError for a configuration that cannot be
 *   built; IncompatibleError or ShapeError when the weights are not those of the configuration, naming them
 */
export function loadUnet2d({ config, weights, overrides = {}, ...options }: LoadUnet2dOptions): Network {
  const complete: Unet2dConfig = { ...readUnet2dConfig(config), ...overrides };
  const definition = unet2d(complete);
  const { tensors } = readSafetensors(weights);
  const arrays = Array.from(tensors, ([name, { type, shape, data }]) => {
    if (!(data instanceof Float32Array)) {
      throw new ArgumentError(
        `loadUnet2d: "${name}" is stored as ${type}; weights are F32, F16 or BF16.`,
        "weights",
        type,
      );
    }
    return [presentName(name), { shape, data }] as const;
  });
  requireSameLayout(
    "loadUnet2d",
    definition.parameters.map(({ name, shape }) => [name, { shape }]),
    arrays,
    { anyOrder: true },
  );
  const values = new Map(arrays);
  const fixed = complete.timeEmbeddingType === "fourier" ? ["time_proj.weight"] : [];
  const graph = freeze(definition.graph, new Map(fixed.map((name) => [name, values.get(name)!.data.slice()])));
  const parameters = new Parameters(definition.parameters.filter(({ name }) => !fixed.includes(name)));
  for (const [name, { data }] of parameters) {
    data.set(values.get(name)!.data);
  }
  return new Network(graph, parameters, options);
}
