import { attribute, intAttribute, type Node, stringAttribute } from "../ir/index.js";
import { onnxTypeCode } from "../ops/index.js";
import type { Composite, Replacement } from "./replacement.js";

/**
 * The loss -w[l] p[l] for scores of the shape [N, classes, ...] and labels l of the shape [N, ...]:  each of them, their sum, or
 * their mean over the sum of the weights. A label that is to be ignored counts as a loss and a weight of 0.
 */
function likelihoodLoss(write: Replacement, logs: string, { inputs, attributes }: Node): string {
  const [, labels = "", weights = ""] = inputs;
  const wide = write.add("Cast", [labels], { to: attribute.int(onnxTypeCode.int64) });
  const ignored = attributes.ignore_index
    ? write.add("Equal", [wide, write.integer(intAttribute(attributes, "ignore_index", 0))])
    : undefined;
  const classes = ignored === undefined ? wide : write.add("Where", [ignored, write.integer(0), wide]);
  const column = write.add("Unsqueeze", [classes, write.integers(1)]);
  const picked = write.add("GatherElements", [logs, column], { axis: attribute.int(1) });
  const each = write.add("Neg", [write.add("Squeeze", [picked, write.integers(1)])]);
  const given = weights === "" ? undefined : write.add("Gather", [weights, classes], { axis: attribute.int(0) });
  const weighted = given === undefined ? each : write.add("Mul", [each, given]);
  const kept = (value: string): string =>
    ignored === undefined ? value : write.add("Where", [ignored, write.scalar(0), value]);
  const losses = kept(weighted);
  const all = { keepdims: attribute.int(0) };
  switch (stringAttribute(attributes, "reduction", "mean")) {
    case "none":
      return losses;
    case "sum":
      return write.add("ReduceSum", [losses], all);
    default: {
      if (given === undefined && ignored === undefined) {
        return write.add("ReduceMean", [losses], all);
      }
      const ones = given ?? write.add("Expand", [write.scalar(1), write.add("Shape", [labels])]);
      const total = write.add("ReduceSum", [kept(ones)], all);
      return write.add("Div", [write.add("ReduceSum", [losses], all), total]);
    }
  }
}

const attributes = ["ignore_index", "reduction"];

/** Losses that exporters leave in a network. */
export const lossComposites: Readonly<Record<string, Composite>> = {
  SoftmaxCrossEntropyLoss: {
    attributes,
    write: (write, node) => {
      const logs = write.add("LogSoftmax", [node.inputs[0] ?? ""], { axis: attribute.int(1) });
      return [likelihoodLoss(write, logs, node), logs];
    },
  },
  NegativeLogLikelihoodLoss: {
    attributes,
    write: (write, node) => likelihoodLoss(write, node.inputs[0] ?? "", node),
  },
};
