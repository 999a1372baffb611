import { type Attributes, attribute, type Dimension, intsAttribute, stringAttribute } from "../ir/index.js";
import { quotientOf } from "./dimensions.js";

/** How a kernel moves along one spatial axis. */
export interface Window {
  /** Entries of the kernel. */
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  /** Padding before and after; `undefined` when it follows from a length that only the run decides. */
  readonly pads: readonly [before: number, after: number] | undefined;
}

/** What the windows of a convolution or pooling are read from. */
export interface WindowSource {
  readonly attributes: Attributes;
  /** Lengths of the spatial axes. */
  readonly lengths: readonly Dimension[];
  /** Lengths of the kernel, when a weight gives them; the attribute `kernel_shape` otherwise. */
  readonly kernel?: readonly Dimension[];
  fail(message: string): never;
}

/** Entries that a kernel spans, its gaps included. */
export function spanOf({ kernel, dilation }: Window): number {
  return dilation * (kernel - 1) + 1;
}

/**
 * The windows by spatial axis, or `undefined` when the kernel's lengths are not known before running.
 * Padding that is asked for by name (`auto_pad`) is worked out.
 */
export function windowsOf({ attributes, lengths, kernel, fail }: WindowSource): Window[] | undefined {
  const rank = lengths.length;
  const list = (name: string, least: number, count = rank): readonly number[] | undefined => {
    const given = intsAttribute(attributes, name);
    if (given && (given.length !== count || given.some((value) => value < least))) {
      fail(`has the ${name} [${given.join(", ")}] over ${rank} spatial axes`);
    }
    return given;
  };
  const sizes = list("kernel_shape", 1) ?? kernel ?? fail("lacks the attribute kernel_shape");
  const given = kernel ?? sizes;
  if (given.some((length, axis) => typeof length === "number" && length !== sizes[axis])) {
    fail(`has the kernel_shape [${sizes.join(", ")}] and a kernel of [${given.join(", ")}]`);
  }
  const strides = list("strides", 1);
  const dilations = list("dilations", 1);
  const pads = list("pads", 0, 2 * rank);
  const automatic = stringAttribute(attributes, "auto_pad", "NOTSET");
  if (!["NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"].includes(automatic)) {
    fail(`has the auto_pad "${automatic}"`);
  }
  if (!sizes.every((length) => typeof length === "number")) {
    return undefined;
  }
  return sizes.map((length, axis): Window => {
    const window = { kernel: length, stride: strides?.[axis] ?? 1, dilation: dilations?.[axis] ?? 1, pads: undefined };
    if (automatic.startsWith("SAME")) {
      return { ...window, pads: samePads(window, lengths[axis]!, automatic === "SAME_LOWER") };
    }
    const explicit = automatic === "VALID" ? undefined : pads;
    return { ...window, pads: [explicit?.[axis] ?? 0, explicit?.[rank + axis] ?? 0] };
  });
}

/** Padding that gives as many windows as there are strides in the axis. */
function samePads(window: Window, length: Dimension, lower: boolean): readonly [number, number] | undefined {
  if (window.stride > 1 && typeof length === "string") {
    return undefined;
  }
  const overlap = typeof length === "number" ? (Math.ceil(length / window.stride) - 1) * window.stride - length : -1;
  const total = Math.max(0, overlap + spanOf(window));
  const [less, more] = [Math.floor(total / 2), Math.ceil(total / 2)];
  return lower ? [more, less] : [less, more];
}

/** Number of windows along an axis, or `undefined` when only the run decides; below 1 when none fits. */
export function windowCount(length: Dimension, window: Window, roundUp = false): Dimension | undefined {
  const { stride, pads } = window;
  if (!pads) {
    return undefined;
  }
  const free = pads[0] + pads[1] - spanOf(window);
  if (typeof length === "string") {
    return free === -1 && stride === 1 ? length : free === -stride ? quotientOf(length, stride) : undefined;
  }
  if (!roundUp) {
    return Math.floor((length + free) / stride) + 1;
  }
  const count = Math.ceil((length + free) / stride) + 1;
  // A window that would start in the padding at the end does not count.
  return (count - 1) * stride >= length + pads[0] ? count - 1 : count;
}

/** The attributes that say how a kernel moves. */
export function windowAttributes(windows: readonly Window[]): Attributes {
  const pads = windows.map((window) => window.pads ?? [0, 0]);
  return {
    kernel_shape: attribute.ints(windows.map(({ kernel }) => kernel)),
    strides: attribute.ints(windows.map(({ stride }) => stride)),
    dilations: attribute.ints(windows.map(({ dilation }) => dilation)),
    pads: attribute.ints([...pads.map(([before]) => before), ...pads.map(([, after]) => after)]),
  };
}
