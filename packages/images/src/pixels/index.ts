export { type Canvas, drawGrid, type GridOptions } from "./canvas.js";
export { checkRange } from "./check-range.js";
export { type ImageShape, imageShape } from "./image-shape.js";
export { pixelBytes } from "./pixel-bytes.js";
