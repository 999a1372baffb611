import { methodsAlongPaths } from "./along-paths.js";
import type { CatalogueEntry } from "./entry.js";
import { methodsOnEndpoints } from "./on-endpoints.js";
import { steeredSamplers } from "./samplers.js";
import { valueMethods } from "./values.js";
import { methodsWithGradient } from "./with-gradient.js";

/** Every method of this package as data: what it needs, what it converges to, its knobs, and how it is made. */
export const methodCatalogue: readonly CatalogueEntry[] = [
  ...valueMethods,
  ...methodsOnEndpoints,
  ...methodsAlongPaths,
  ...methodsWithGradient,
  ...steeredSamplers,
];
