import type { Network } from "../network/index.js";
import { type WritableTensor, writeSafetensors } from "../safetensors/index.js";

/**
 * All weights of a network, frozen ones too, as the `diffusion_pytorch_model.safetensors` that diffusers loads beside the
 * `config.json` that the network was loaded with.
 * @param network from `loadUnet2d`, or of `unet2d`
 * @returns the bytes of the file; the same weights give the same bytes
 */
export function saveUnet2d(network: Network): Uint8Array<ArrayBuffer> {
  const tensors = network.graph.parameters.map((name): readonly [string, WritableTensor] => {
    const { shape, data } = network.parameters.has(name)
      ? network.parameters.get(name)
      : network.graph.initializers.get(name)!;
    return [name, { shape, data: data as Float32Array }];
  });
  return writeSafetensors(tensors, { format: "pt" });
}
