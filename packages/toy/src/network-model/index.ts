export { gmmMlpConfig, makeGmmMlp } from "./gmm-mlp.js";
