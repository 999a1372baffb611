// Browsers have none of it. Chosen by the "imports" of package.json, so that a bundle needs no Node module.
export const nodeModules = undefined;
