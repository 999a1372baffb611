import { activationOps } from "./activations.js";
import { blockOps } from "./blocks.js";
import { channelNormalizationOps } from "./channel-normalization.js";
import { comparisonOps } from "./comparison.js";
import { convolutionOps } from "./convolution.js";
import type { OpDefinition } from "./definition.js";
import { einsumOps } from "./einsum.js";
import { elementwiseOps } from "./elementwise.js";
import { foldingOps } from "./folding.js";
import { gridSamplingOps } from "./grid-sampling.js";
import { indexingOps } from "./indexing.js";
import { indicatorOps } from "./indicators.js";
import { joiningOps } from "./joining.js";
import { matmulOps } from "./matmul.js";
import { ndIndexingOps } from "./nd-indexing.js";
import { normalizationOps } from "./normalization.js";
import { isOpName, type OpName } from "./op-names.js";
import { paddingOps } from "./padding.js";
import { poolingOps } from "./pooling.js";
import { rearrangingOps } from "./rearranging.js";
import { reductionOps } from "./reductions.js";
import { resizeOps } from "./resize.js";
import { selectingOps } from "./selecting.js";
import { sequenceOps } from "./sequences.js";
import { shapeOps } from "./shapes.js";
import { slicingOps } from "./slicing.js";
import { trigonometryOps } from "./trigonometry.js";
import { unaryOps } from "./unary.js";

/** What this package knows of every operator: its types, its derivative. A name without an entry does not compile. */
export const ops: { readonly [O in OpName]: OpDefinition } = {
  ...elementwiseOps,
  ...comparisonOps,
  ...unaryOps,
  ...trigonometryOps,
  ...activationOps,
  ...matmulOps,
  ...einsumOps,
  ...convolutionOps,
  ...poolingOps,
  ...resizeOps,
  ...gridSamplingOps,
  ...foldingOps,
  ...shapeOps,
  ...rearrangingOps,
  ...blockOps,
  ...joiningOps,
  ...slicingOps,
  ...paddingOps,
  ...indexingOps,
  ...ndIndexingOps,
  ...selectingOps,
  ...indicatorOps,
  ...reductionOps,
  ...sequenceOps,
  ...normalizationOps,
  ...channelNormalizationOps,
};

/** The definition of an operator, `undefined` for one that this package does not know. */
export function findOp(op: string): OpDefinition | undefined {
  return isOpName(op) ? ops[op] : undefined;
}
