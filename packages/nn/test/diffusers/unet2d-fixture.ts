import { Tensor } from "@diffusiongym/core";
import { loadFixture, loadFixtureBytes } from "../../../../tooling/test/fixtures.js";

interface Stored {
  readonly shape: readonly number[];
  readonly base64: string;
}

interface StoredGradient {
  readonly shape: readonly number[];
  /** What the number 32767 stands for. */
  readonly largest: number;
  readonly int16: string;
}

interface StoredCase {
  readonly config: Readonly<Record<string, unknown>>;
  readonly x: Stored;
  readonly t: Stored;
  readonly classLabels?: Stored;
  readonly output: Stored;
  readonly cotangent: Stored;
  readonly inputGradient: Stored;
  readonly parameterGradients: Readonly<Record<string, StoredGradient>>;
}

/** A checkpoint as diffusers saved it, with what diffusers and torch made of it. */
export interface CheckpointCase {
  readonly config: Readonly<Record<string, unknown>>;
  readonly weights: Uint8Array<ArrayBuffer>;
  /** By input name. */
  readonly inputs: Readonly<Record<string, Tensor>>;
  readonly output: Tensor<Float32Array>;
  readonly cotangent: Tensor<Float32Array>;
  readonly inputGradient: Tensor<Float32Array>;
  readonly parameterGradients: ReadonlyMap<string, Tensor<Float32Array>>;
}

const bytesOf = (base64: string): ArrayBuffer =>
  Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)).buffer;

const floats = ({ shape, base64 }: Stored): Tensor<Float32Array> =>
  new Tensor(new Float32Array(bytesOf(base64)), [...shape]);

function gradient({ shape, largest, int16 }: StoredGradient): Tensor<Float32Array> {
  const data = Float32Array.from(new Int16Array(bytesOf(int16)), (entry) => (entry / 32767) * largest);
  return new Tensor(data, [...shape]);
}

/** Loads `packages/nn/test/fixtures/<name>.json.gz` and `.safetensors.gz`. */
export async function loadCheckpointCase(name: string): Promise<CheckpointCase> {
  const path = `packages/nn/test/fixtures/${name}`;
  const stored = await loadFixture<StoredCase>(`${path}.json.gz`);
  const labels = stored.classLabels;
  const isIndex = labels !== undefined && stored.config.num_class_embeds != null;
  const classLabels = isIndex
    ? new Tensor(Int32Array.from(new BigInt64Array(bytesOf(labels.base64)), Number), [...labels.shape])
    : labels && floats(labels);
  return {
    config: stored.config,
    weights: await loadFixtureBytes(`${path}.safetensors.gz`),
    inputs: { x: floats(stored.x), t: floats(stored.t), ...(classLabels && { classLabels }) },
    output: floats(stored.output),
    cotangent: floats(stored.cotangent),
    inputGradient: floats(stored.inputGradient),
    parameterGradients: new Map(
      Object.entries(stored.parameterGradients).map(([key, value]) => [key, gradient(value)] as const),
    ),
  };
}
