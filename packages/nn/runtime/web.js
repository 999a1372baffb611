// ONNX Runtime in browsers. Chosen by the "imports" of package.json, and loaded only when something is to be run.
export const packageName = "onnxruntime-web";
export const load = () => import("onnxruntime-web");
