/** The package that `load` imports. */
export const packageName: "onnxruntime-node" | "onnxruntime-web";
/** Imports the package; rejects when it is not installed. */
export function load(): Promise<unknown>;
