import { ArgumentError, MissingPackageError } from "@diffusiongym/core";
import { load, packageName } from "#onnxruntime";
import type { ElementArrays, ElementType } from "../ir/index.js";

/** Arrays that the runtime takes and gives. */
export type RuntimeArray = ElementArrays[ElementType];

/** A tensor of the runtime, over an array that it shares. */
export interface RuntimeTensor {
  readonly type: string;
  readonly data: RuntimeArray;
  readonly dims: readonly number[];
}

/** A compiled graph of the runtime. */
export interface RuntimeSession {
  run(
    feeds: Readonly<Record<string, RuntimeTensor>>,
    fetches: Readonly<Record<string, RuntimeTensor | null>>,
  ): Promise<Readonly<Record<string, RuntimeTensor>>>;
  release(): Promise<void>;
}

/**
 * The part of ONNX Runtime's JavaScript interface that is used here. `onnxruntime-node`, `onnxruntime-web` and its
 * variants such as `onnxruntime-web/webgpu` have it.
 */
export interface OnnxRuntime {
  readonly Tensor: new (type: string, data: RuntimeArray, dims: readonly number[]) => RuntimeTensor;
  readonly InferenceSession: {
    create(model: Uint8Array, options: Readonly<Record<string, unknown>>): Promise<RuntimeSession>;
  };
  readonly env: {
    readonly versions: { readonly node?: string; readonly web?: string };
    readonly wasm: { numThreads?: number };
  };
}

let loaded: Promise<OnnxRuntime> | undefined;

/**
 * ONNX Runtime for this platform, imported when first asked for.
 * @throws MissingPackageError with the command that installs it
 */
export function loadRuntime(): Promise<OnnxRuntime> {
  loaded ??= importRuntime(packageName, load);
  return loaded;
}

/**
 * Imports a runtime.
 * @param name the package, for the message
 * @param importPackage what imports it
 * @throws MissingPackageError when that fails
 */
export async function importRuntime(name: string, importPackage: () => Promise<unknown>): Promise<OnnxRuntime> {
  let module: unknown;
  try {
    module = await importPackage();
  } catch (error) {
    throw new MissingPackageError(
      `Running a network needs the package ${name}, which could not be loaded. Install it with: npm install ${name}@^1.30.0\n` +
        `(${error instanceof Error ? error.message : String(error)})`,
      name,
    );
  }
  const { default: inner } = module as { default?: unknown };
  return requireRuntime(inner ?? module, name);
}

/**
 * Checks that an object is ONNX Runtime.
 * @throws ArgumentError when it is something else
 */
export function requireRuntime(candidate: unknown, name: string): OnnxRuntime {
  const { Tensor, InferenceSession, env } = (candidate ?? {}) as Partial<OnnxRuntime>;
  if (typeof Tensor !== "function" || typeof InferenceSession?.create !== "function" || env?.versions === undefined) {
    throw new ArgumentError(
      `${name} is not ONNX Runtime: it has no Tensor, InferenceSession and env. Give the module itself, as in ` +
        'runtime: await import("onnxruntime-web").',
      "runtime",
      candidate,
    );
  }
  return candidate as OnnxRuntime;
}
