import { OptimalTransport } from "@diffusiongym/core";
import { Network, type NetworkOptions, Parameters, SafetensorsFile } from "@diffusiongym/nn";
import { PixelModel } from "../pixel-models/index.js";
import { sceneSize, scenesUnet } from "./scenes-unet.js";

/**
 * Loads the model of `images/scenes`, whose parameters (3 MB, stored in 16 bits, computed with in 32) come with this package: a
 * velocity of the optimal-transport path, trained by flow matching (arXiv 2210.02747) on drawn scenes of 32 x 32 pixels. It works at
 * once, in Node and in browsers, without a download.
 *
 *     const model = await loadScenesModel({ engine: new Engine({ threads: 1 }) });
 *     const policy = model.clone({ trainable: "lora" });
 *
 * @throws FileError when the package's file `weights/scenes.safetensors` cannot be read, FormatError when it is damaged
 */
export async function loadScenesModel(options: NetworkOptions = {}): Promise<PixelModel> {
  const { graph, parameters: shapes } = scenesUnet();
  const parameters = new Parameters(shapes);
  parameters.restore(await readWeights());
  return new PixelModel({
    network: new Network(graph, parameters, options),
    outputType: "velocity",
    scheduler: new OptimalTransport(),
    sampleShape: [3, sceneSize, sceneSize],
  });
}

async function readWeights(): Promise<Map<string, Float32Array>> {
  // Written in this form so that bundlers find the file and take it along.
  const file = await SafetensorsFile.open(new URL("../../weights/scenes.safetensors", import.meta.url));
  const weights = new Map<string, Float32Array>();
  try {
    for await (const [name, { data }] of file) {
      weights.set(name, data as Float32Array);
    }
  } finally {
    await file.close();
  }
  return weights;
}

/** The maker of `images/scenes`. @throws as `loadScenesModel` */
export function makeScenes(): Promise<PixelModel> {
  return loadScenesModel();
}
