import { ArgumentError } from "@diffusiongym/core";
import { GraphBuilder, type NetworkDefinition } from "../graph/index.js";
import { activate, linear } from "../layers/index.js";
import { imageFeatures } from "./image-features.js";
import { flatten, timeAndConditioning, type ValueOptions, valueHead } from "./value-parts.js";

/** Configuration of `valueRecord`. */
export interface ValueRecordConfig extends ValueOptions {
  /**
   * Shape of one sample of each tensor by its name in the record (`DDRecord.partNames()`). Three axes are an image
   * [channels, height, width].
   */
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  /** Length of the features of each tensor, and width of the layers behind them. @default 64 */
  readonly width?: number;
  /** Number of layers behind the features of all tensors. @default 2 */
  readonly depth?: number;
  /** Channels of each stage of the encoder of an image. @default [16, 32, 32] */
  readonly imageWidths?: readonly number[];
  /** Groups of the norms in the encoder of an image; they divide all its widths. @default 4 */
  readonly groups?: number;
}

/**
 * A value network of records, samples of several named tensors: an encoder for each tensor (the stages of `valueCnn` for images,
 * a layer for anything else), then features of all tensors, of time and conditioning, side by side, through `depth` smooth
 * layers to one number a sample. Inputs are those named and `t` [N], output `value` [N]; parameters `encoders.<name>.*`,
 * `layers.<i>.*`, `head.*`.
 * @throws ArgumentError when no input is named
 */
export function valueRecord(config: ValueRecordConfig): NetworkDefinition {
  const { inputs, width = 64, depth = 2, imageWidths = [16, 32, 32], groups = 4, activation = "silu" } = config;
  if (Object.keys(inputs).length === 0) {
    throw new ArgumentError("valueRecord: name at least one tensor of the record in inputs.", "inputs", inputs);
  }
  const g = new GraphBuilder("value");
  const tensors = Object.entries(inputs).map(([name, shape]) => [name, g.input(name, ["N", ...shape])] as const);
  const context = timeAndConditioning(g, config);
  const condition = g.concat(context, 1);
  const features = tensors.map(([name, tensor]) => {
    const encoder = `encoders.${name}`;
    const described =
      tensor.shape.length === 4
        ? imageFeatures(g, tensor, { name: `${encoder}.stages.`, widths: imageWidths, groups, activation, condition })
        : flatten(g, tensor);
    return activate(g, linear(g, described, { name: `${encoder}.out`, out: width }), activation);
  });
  let hidden = g.concat([...features, ...context], 1);
  for (let layer = 0; layer < depth; layer++) {
    hidden = activate(g, linear(g, hidden, { name: `layers.${layer}`, out: width }), activation);
  }
  valueHead(g, hidden, config);
  return g.build();
}
