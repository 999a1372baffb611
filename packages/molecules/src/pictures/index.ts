export { type Depiction, type DepictionGridOptions, depictionGrid } from "./depiction-grid.js";
export { type SampleFileOptions, sdfOf, xyzOf } from "./sample-files.js";
export { type ScenesOptions, scenesOf, trajectoryFrames, type ViewerScene } from "./scenes.js";
export { type ViewerFragmentOptions, viewerFragment } from "./viewer-fragment.js";
