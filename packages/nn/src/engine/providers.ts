import { ArgumentError, DiffusionGymError, nearestName } from "@diffusiongym/core";
import type { Graph } from "../ir/index.js";
import { writeOnnx } from "../onnx/index.js";
import { messageOf } from "./execution-error.js";
import type { OnnxRuntime } from "./runtime.js";

/** What every provider that ONNX Runtime knows needs, for the message when it is not there. */
const needs: Readonly<Record<string, { readonly node?: string; readonly web?: string }>> = {
  cpu: {},
  wasm: { node: 'runtime: await import("onnxruntime-web")' },
  webgpu: {
    node: "a graphics adapter and its driver (Vulkan, Metal or Direct3D 12)",
    web: 'a browser with WebGPU, and runtime: await import("onnxruntime-web/webgpu")',
  },
  cuda: {
    node:
      "an NVIDIA driver, CUDA 12 with cuDNN 9, and the provider's library, which the package's install script fetches on " +
      "Linux x64: npm rebuild onnxruntime-node --onnxruntime-node-install=cuda12",
  },
  tensorrt: { node: "an NVIDIA driver, TensorRT, and the provider's library, fetched together with that of cuda" },
  coreml: { node: "macOS" },
  dml: { node: "Windows" },
  webnn: { web: 'a browser with WebNN, and runtime: await import("onnxruntime-web/all")' },
  webgl: { web: 'runtime: await import("onnxruntime-web/webgl")' },
};

/** y = x + x, to see whether a provider works at all. */
const smallest: Graph = {
  name: "probe",
  opset: 18,
  inputs: [{ name: "x", type: "float32", shape: [1] }],
  outputs: ["y"],
  nodes: [{ op: "Add", domain: "", name: "double", inputs: ["x", "x"], outputs: ["y"], attributes: {} }],
  initializers: new Map(),
  valueInfo: new Map([["y", { type: "float32", shape: [1] }]]),
  parameters: [],
};

/** An execution provider was asked for that this machine, or this build of the runtime, does not have. */
export class ProviderError extends DiffusionGymError {
  override readonly name = "ProviderError";
  constructor(
    message: string,
    /** The provider asked for. */
    readonly provider: string,
    /** The providers that do work here. */
    readonly available: readonly string[],
    /** What the runtime threw. */
    override readonly cause: unknown,
  ) {
    super(message);
  }
}

/**
 * Checks the names of execution providers.
 * @throws ArgumentError for none at all, for one that comes twice, and for an unknown name, with the nearest that is known
 */
export function requireProviderNames(providers: readonly string[]): readonly string[] {
  if (providers.length === 0) {
    throw new ArgumentError('providers is empty; leave it out, or name some: ["cpu"].', "providers", providers);
  }
  providers.forEach((name, i) => {
    if (!Object.hasOwn(needs, name)) {
      const known = Object.keys(needs);
      const nearest = nearestName(name, known);
      throw new ArgumentError(
        `There is no execution provider "${name}"${nearest === undefined ? "." : `; did you mean "${nearest}"?`} ` +
          `Known are ${known.join(", ")}.`,
        "providers",
        name,
      );
    }
    if (providers.indexOf(name) !== i) {
      throw new ArgumentError(`providers names "${name}" twice.`, "providers", providers);
    }
  });
  return [...providers];
}

/**
 * Makes sure that each provider works here, by compiling a graph of one node for it alone: the runtime would leave out one
 * that it does not have, or fail later with a message about something else.
 * @throws ProviderError saying what was asked for, what there is, and what it takes
 */
export async function requireProviders(runtime: OnnxRuntime, providers: readonly string[]): Promise<void> {
  for (const provider of providers) {
    const failure = await failureOf(runtime, provider);
    if (failure !== undefined) {
      throw await providerError(runtime, provider, failure);
    }
  }
}

/** What the runtime throws when a provider does not work, or `undefined` when it does. */
async function failureOf(runtime: OnnxRuntime, provider: string): Promise<unknown> {
  try {
    const session = await runtime.InferenceSession.create(writeOnnx(smallest), {
      executionProviders: [provider],
      intraOpNumThreads: 1,
      logSeverityLevel: 4,
    });
    await session.release();
    return undefined;
  } catch (error) {
    return error ?? new Error("no reason was given");
  }
}

async function providerError(runtime: OnnxRuntime, provider: string, failure: unknown): Promise<ProviderError> {
  const platform = runtime.env.versions.web === undefined ? "node" : "web";
  const available: string[] = [];
  for (const other of platform === "web" ? ["wasm", "webgpu", "webnn"] : ["cpu", "webgpu"]) {
    if (other !== provider && (await failureOf(runtime, other)) === undefined) {
      available.push(other);
    }
  }
  const needed = needs[provider]?.[platform];
  const advice = needed === undefined ? `onnxruntime-${platform} never has it` : `It needs ${needed}`;
  const choices = available.map((name) => `providers: ["${name}"]`).join(" or ");
  return new ProviderError(
    `The execution provider "${provider}" was asked for and does not work here. ${advice}. With this onnxruntime-${platform} ` +
      `you can choose ${choices || "none"}.\n(${messageOf(failure).trim()})`,
    provider,
    available,
    failure,
  );
}
