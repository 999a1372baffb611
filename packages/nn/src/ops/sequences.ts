import { attribute, intAttribute } from "../ir/index.js";
import type { Application, OpDefinition, PartialValue } from "./definition.js";
import { inputType, requireSameType, requireType } from "./inference.js";
import { knownNumbers } from "./partial-values.js";

/** Ranges longer than this are data, not shapes. */
const longestKnownRange = 64;

/** Start, limit and step of a Range of integers, where they are known. */
function boundsOf(node: Application): readonly [number, number, number] | undefined {
  const [start, limit, step] = [0, 1, 2].map((i) => knownNumbers(node.values[i])?.[0]);
  return start === undefined || limit === undefined || step === undefined ? undefined : [start, limit, step];
}

function evaluateRange(node: Application): PartialValue | undefined {
  const bounds = boundsOf(node);
  if (!bounds) {
    return undefined;
  }
  const [start, limit, step] = bounds;
  const count = Math.max(0, Math.ceil((limit - start) / step));
  return count <= longestKnownRange
    ? { shape: [count], entries: Array.from({ length: count }, (_, i) => start + i * step) }
    : undefined;
}

/** Running sums and evenly spaced numbers. */
export const sequenceOps = {
  CumSum: {
    arity: [2, 2],
    attributes: ["exclusive", "reverse"],
    infer: (node) => {
      requireType(node, 1, ["int64", "int32"]);
      return [inputType(node, 0)];
    },
    discreteInputs: [1],
    // y_i = sum_{j <= i} x_j:  dx_j = sum_{i >= j} dy_i, the running sum from the other end
    gradient: (node) => {
      const gradient = node.cotangent(0);
      const reverse = attribute.int(intAttribute(node.attributes, "reverse", 0) === 0 ? 1 : 0);
      const attributes = { ...node.attributes, reverse };
      return gradient && node.write.emit("CumSum", [gradient, node.input(1)], { attributes })[0];
    },
  },
  Range: {
    arity: [3, 3],
    attributes: [],
    infer: (node) => {
      const type = requireSameType(node);
      const bounds = boundsOf(node);
      if (bounds?.[2] === 0) {
        node.fail("has a step of 0");
      }
      const [start, limit, step] = [0, 1, 2].map((i) => node.values[i]?.entries[0]);
      const upTo = start === 0 && step === 1 && typeof limit === "string" ? limit : node.fresh(0);
      const count = bounds && Math.max(0, Math.ceil((bounds[1] - bounds[0]) / bounds[2]));
      return [{ type, shape: [count ?? upTo] }];
    },
    evaluate: evaluateRange,
    // y_i = a + i s:  da = sum dy,  ds = sum_i i dy_i;  the limit decides the number of entries only
    discreteInputs: [1],
    gradient: (node, input) => {
      const { write } = node;
      const gradient = node.cotangent(0);
      if (!gradient || input === 0) {
        return gradient && write.reduceSum(gradient);
      }
      const count = write.cast(write.sizeOf(gradient), gradient.type);
      const bounds = [write.scalar(0, gradient.type), count, write.scalar(1, gradient.type)];
      const positions = write.emit("Range", bounds)[0]!;
      return write.reduceSum(write.mul(gradient, write.reshape(positions, write.shapeOf(gradient))));
    },
  },
} satisfies Record<string, OpDefinition>;
