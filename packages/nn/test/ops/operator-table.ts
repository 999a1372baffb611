import { loadFixtureBytes } from "../../../../tooling/test/fixtures.js";
import { decomposedOperators } from "../../src/onnx/decompose.js";
import { parseOnnx } from "../../src/onnx/index.js";
import { opNames, ops } from "../../src/ops/index.js";
import { opCases } from "./cases.js";
import { compositeCases } from "./composite-cases.js";

/** What is known of an operator, for the table in the README. */
export interface OperatorDescription {
  /** Its name, with the operator set in front where that is not ONNX's own. */
  readonly name: string;
  /** How it runs: as it is, or as the operators that it is made of. */
  readonly forward: "runtime" | "composite";
  /** Whether its outputs can be differentiated; `none` where they do not change with small changes of any input. */
  readonly derivative: "yes" | "none";
  /** Forms whose derivative is missing. */
  readonly limits?: string;
  /** How many cases are compared with finite differences (or, without a derivative, with inputs a little moved). */
  readonly cases: number;
  /** The exported networks that contain it, as they are read: outputs and gradients are compared with PyTorch's. */
  readonly networks: readonly string[];
  /** Whether operations of PyTorch that are exported alone contain it. */
  readonly operations: boolean;
}

const fixtures = "packages/nn/test/fixtures";

/** Exported networks, and the files of each. */
export const exportedNetworks: Readonly<Record<string, readonly string[]>> = {
  mlp_film: ["mlp_film"],
  gnn: ["gnn"],
  text_encoder: ["text_encoder"],
  cnn_value: ["cnn_value"],
  mini_unet: ["mini_unet", "mini_unet_static"],
  vae_decoder: ["vae_decoder"],
  unet2d: ["exported/unet2d.script17", "exported/unet2d.dynamo18"],
  unet2d_condition: ["exported/unet2d_condition.script17", "exported/unet2d_condition.dynamo18"],
  autoencoder_decoder: ["exported/autoencoder_decoder.script17", "exported/autoencoder_decoder.dynamo18"],
  clip_text: ["exported/clip_text.script17", "exported/clip_text.dynamo18"],
  clip_vision: ["exported/clip_vision.script17", "exported/clip_vision.dynamo18"],
  dit: ["exported/dit.script17", "exported/dit.dynamo18"],
  autoencoder_encoder: ["exported/autoencoder_encoder.script17", "exported/autoencoder_encoder.dynamo18"],
  sd3: ["exported/sd3.dynamo18"],
  t5_encoder: ["exported/t5_encoder.script17"],
  llama: ["exported/llama.dynamo18"],
  swin: ["exported/swin.script17"],
  attention: ["exported/attention.script17", "exported/attention.dynamo18"],
  message_passing: ["exported/message_passing.script17", "exported/message_passing.dynamo18"],
};

const operationFiles = ["elementwise", "reductions", "rearranging", "spatial"].flatMap((bag) =>
  ["script17", "dynamo18", "dynamo20"].map((key) => `exported/${bag}.${key}`),
);

async function operatorsOf(files: readonly string[]): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (const file of files) {
    for (const node of parseOnnx(await loadFixtureBytes(`${fixtures}/${file}.onnx.gz`)).nodes) {
      found.add(node.op);
    }
  }
  return found;
}

/** Every operator that has a rule, is known to need none, or is read as others. */
export async function describeOperators(): Promise<OperatorDescription[]> {
  const operations = await operatorsOf(operationFiles);
  const networks: [string, ReadonlySet<string>][] = [];
  for (const [network, files] of Object.entries(exportedNetworks)) {
    networks.push([network, await operatorsOf(files)]);
  }
  const own = opNames.map((name): OperatorDescription => {
    const { gradient, limits } = ops[name];
    return {
      name,
      forward: "runtime",
      derivative: gradient === "none" ? "none" : "yes",
      ...(limits === undefined ? {} : { limits }),
      cases: opCases[name].length,
      networks: networks.flatMap(([network, found]) => (found.has(name) ? [network] : [])),
      operations: operations.has(name),
    };
  });
  const composites = decomposedOperators.map((name): OperatorDescription => {
    const cases = compositeCases.filter(({ op, domain = "" }) => name === (domain === "" ? op : `${domain}.${op}`));
    return { name, forward: "composite", derivative: "yes", cases: cases.length, networks: [], operations: false };
  });
  return [...own, ...composites];
}

const mostNames = 4;

function testedAgainst({ derivative, cases, networks, operations, forward }: OperatorDescription): string {
  const differences = derivative === "yes" ? "finite differences" : "moved inputs";
  const named = networks.length > mostNames ? [`${networks.length} exported networks`] : networks;
  return [
    ...(cases > 0 ? [differences] : []),
    ...(forward === "composite" ? ["the runtime's own"] : []),
    ...named,
    ...(operations ? ["PyTorch's operations"] : []),
  ].join(", ");
}

/** The table of the README, one operator a row. */
export function printOperatorTable(descriptions: readonly OperatorDescription[]): string {
  const rows = descriptions.map((operator) => {
    const forward = operator.forward === "runtime" ? "runtime" : "as what it is made of";
    const derivative = operator.derivative === "none" ? "none needed" : "yes";
    const without = operator.limits === undefined ? "" : `; missing for ${operator.limits}`;
    return `| \`${operator.name}\` | ${forward} | ${derivative}${without} | ${testedAgainst(operator)} |`;
  });
  return [
    "| operator | forward | derivative | tested against |",
    "| --- | --- | --- | --- |",
    ...rows,
    "| any other | runtime, as it is | missing | outputs |",
  ].join("\n");
}
