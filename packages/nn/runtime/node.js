// ONNX Runtime in Node. Chosen by the "imports" of package.json, and loaded only when something is to be run.
export const packageName = "onnxruntime-node";
export const load = () => import("onnxruntime-node");
