/** How entries are interpolated. */
export interface Interpolation {
  readonly mode: string;
  /** How a position in the output is placed in the input: ONNX's `coordinate_transformation_mode`. */
  readonly coordinates: string;
  readonly nearestMode: string;
  /** The `a` of cubic interpolation. */
  readonly cubicCoefficient: number;
  readonly excludeOutside: boolean;
  /** Average over all that an output entry stands for when there are fewer of them than input entries. */
  readonly antialias: boolean;
}

/** How one axis is resized. */
export interface AxisResize extends Interpolation {
  readonly inLength: number;
  readonly outLength: number;
  /** Output entries an input entry. */
  readonly scale: number;
}

/** The coordinate transformations whose matrices are known. */
export const knownCoordinates = [
  "half_pixel",
  "half_pixel_symmetric",
  "pytorch_half_pixel",
  "asymmetric",
  "align_corners",
];

/** Position in the input of an entry of the output, as ONNX defines it. */
function place(position: number, { coordinates, inLength, outLength, scale }: AxisResize): number {
  switch (coordinates) {
    case "asymmetric":
      return position / scale;
    case "align_corners":
      return outLength === 1 ? 0 : (position * (inLength - 1)) / (outLength - 1);
    case "half_pixel_symmetric": {
      // The image keeps its centre where the output is not as long as the scale says.
      const adjustment = outLength / (scale * inLength);
      return (inLength / 2) * (1 - adjustment) + (position + 0.5) / scale - 0.5;
    }
    case "pytorch_half_pixel":
      return outLength > 1 ? (position + 0.5) / scale - 0.5 : 0;
    default:
      return (position + 0.5) / scale - 0.5;
  }
}

function nearest(at: number, mode: string): number {
  switch (mode) {
    case "floor":
      return Math.floor(at);
    case "ceil":
      return Math.ceil(at);
    case "round_prefer_ceil":
      return Math.floor(at + 0.5);
    default:
      return Math.ceil(at - 0.5);
  }
}

/** Weight of an entry at a distance, R. Keys, 1981, equation 8. */
function cubicWeight(distance: number, a: number): number {
  const d = Math.abs(distance);
  if (d <= 1) {
    return (a + 2) * d ** 3 - (a + 3) * d ** 2 + 1;
  }
  return d < 2 ? a * (d ** 3 - 5 * d ** 2 + 8 * d - 4) : 0;
}

/** The weights of smoothed interpolation around a position: the kernel of linear or cubic interpolation, made wider. */
function smoothWeights(at: number, { scale, mode, cubicCoefficient }: AxisResize): [index: number, weight: number][] {
  const width = Math.max(1, 1 / scale);
  const support = (mode === "linear" ? 1 : 2) * width;
  const first = Math.floor(at - support + 1);
  const count = Math.floor(at + support) - first + 1;
  return Array.from({ length: count }, (_, i): [number, number] => {
    const distance = (first + i - at) / width;
    return [
      first + i,
      mode === "linear" ? Math.max(0, 1 - Math.abs(distance)) : cubicWeight(distance, cubicCoefficient),
    ];
  });
}

/** The matrix A [outLength, inLength], row by row, of y = A x when one axis is resized. */
export function interpolationMatrix(axis: AxisResize): Float32Array {
  const { inLength, outLength, mode } = axis;
  const matrix = new Float32Array(outLength * inLength);
  const clamp = (index: number): number => Math.min(Math.max(index, 0), inLength - 1);
  for (let row = 0; row < outLength; row++) {
    const at = place(row, axis);
    const add = (index: number, weight: number): void => {
      matrix[row * inLength + clamp(index)]! += weight;
    };
    if (axis.antialias && mode !== "nearest") {
      const all = smoothWeights(at, axis);
      const used = axis.excludeOutside ? all.filter(([index]) => index === clamp(index)) : all;
      const total = used.reduce((sum, [, weight]) => sum + weight, 0);
      for (const [index, weight] of used) {
        add(index, weight / total);
      }
    } else if (mode === "nearest") {
      add(nearest(at, axis.nearestMode), 1);
    } else if (mode === "linear") {
      const inside = Math.min(Math.max(at, 0), inLength - 1);
      const low = Math.floor(inside);
      add(low, 1 - (inside - low));
      add(low + 1, inside - low);
    } else {
      const low = Math.floor(at);
      const near = [low - 1, low, low + 1, low + 2];
      const used = axis.excludeOutside ? near.filter((index) => index === clamp(index)) : near;
      const weights = used.map((index) => cubicWeight(at - index, axis.cubicCoefficient));
      const total = axis.excludeOutside ? weights.reduce((sum, weight) => sum + weight, 0) : 1;
      used.forEach((index, i) => {
        add(index, weights[i]! / total);
      });
    }
  }
  return matrix;
}
