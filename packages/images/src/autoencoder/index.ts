export { Autoencoder, type AutoencoderOptions } from "./autoencoder.js";
export { type OpenAutoencoderOptions, openAutoencoder } from "./open-autoencoder.js";
