import { loadFixture, loadFixtureBytes } from "../../../../tooling/test/fixtures.js";

const folder = "packages/nn/test/fixtures/exports";

/** One of the files that tooling/fixtures/onnx_exports.py wrote. */
export const exported = (name: string): Promise<Uint8Array<ArrayBuffer>> => loadFixtureBytes(`${folder}/${name}.gz`);

interface Numbers {
  readonly shape: number[];
  readonly data: number[];
}

/** Input and output of each, the output computed by PyTorch in float32. */
export async function expectedOf(name: "names" | "half" | "bfloat16") {
  const all = await loadFixture<Record<string, { x: Numbers; y: Numbers }>>(`${folder}/expected.json.gz`);
  const { x, y } = all[name]!;
  return { x: { shape: x.shape, data: Float32Array.from(x.data) }, y: Float32Array.from(y.data) };
}
