/** Parameters of `toy/gmm-mlp`: a safetensors file in base64, written by tooling/models/train-gmm-mlp.mjs. */
export const gmmMlpParameters = "";
