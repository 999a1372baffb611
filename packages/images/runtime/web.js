// Browsers have none of it. Chosen by the "imports" of package.json, so that a bundle needs no Node module.
export const nodeModules = undefined;
export const importSharp = () => Promise.reject(new Error("sharp does not run in browsers."));
