import type { Engine } from "../engine/index.js";
import type { LoraAdapter } from "../lora/index.js";
import type { OpenOnnxOptions, ParseOnnxOptions } from "../onnx/index.js";

/** Options of networks. */
export interface NetworkOptions {
  /** What compiles and runs the graphs. @default a new engine with its default options */
  readonly engine?: Engine;
  /** The adapters that are in the graph, as `withLora` put them there. @default none */
  readonly lora?: LoraAdapter;
}

/** Options of `Network.load`. */
export interface LoadOptions extends NetworkOptions, ParseOnnxOptions {}

/** Options of `Network.open`. */
export interface OpenOptions extends NetworkOptions, OpenOnnxOptions {}
