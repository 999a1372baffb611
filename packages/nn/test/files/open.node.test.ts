import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { AbortError, ArgumentError, FormatError, IncompatibleError } from "@diffusiongym/core";
import * as ort from "onnxruntime-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { GraphBuilder } from "../../src/builder/index.js";
import { FileError } from "../../src/files/index.js";
import { constantTensor, type Graph } from "../../src/ir/index.js";
import { Network } from "../../src/network/index.js";
import { type FileProgress, openOnnx, parseOnnx, saveOnnx, writeOnnx } from "../../src/onnx/index.js";
import { code, fileOf, graph as graphProto, node, tensor, value } from "../onnx/model-file.js";
import { pseudoRandom } from "../ops/run-graph.js";
import { FileServer, type Served } from "./server.js";

/** y = x a b + c with weights of 40 kB, 40 kB and 400 B. */
function weighted(): Graph {
  const g = new GraphBuilder("weighted");
  const weight = (seed: number, shape: number[]) =>
    g.constant(
      constantTensor(
        "float32",
        shape,
        pseudoRandom(
          seed,
          shape.reduce((a, b) => a * b, 1),
        ),
      ),
      `w${seed}`,
    );
  g.output(
    "y",
    g.add(g.matMul(g.matMul(g.input("x", ["N", 100]), weight(0, [100, 100])), weight(1, [100, 100])), weight(2, [100])),
  );
  const { graph } = g.build();
  return { ...graph, parameters: ["w0", "w1", "w2"] };
}

let folder: string;
const graph = weighted();
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "nn-files-"));
});
afterAll(() => rm(folder, { recursive: true }));

describe("saving and opening", () => {
  test("in one file: by path, file URL, Blob, bytes and data URL, with the same graph", async () => {
    const path = join(folder, "one.onnx");
    await saveOnnx(graph, path);
    expect(await readdir(folder)).toEqual(["one.onnx"]);
    const bytes = new Uint8Array(await readFile(path));
    expect(bytes).toEqual(writeOnnx(graph));
    const data = `data:application/octet-stream;base64,${Buffer.from(bytes).toString("base64")}`;
    for (const source of [
      path,
      pathToFileURL(path),
      pathToFileURL(path).href,
      new Blob([bytes]),
      bytes,
      bytes.buffer,
      data,
    ]) {
      expect(await openOnnx(source)).toEqual(parseOnnx(bytes));
    }
  });

  test("with the weights beside: what others read, and we", async () => {
    const path = join(folder, "two.onnx");
    await saveOnnx(graph, path, { externalData: true });
    expect((await readFile(path)).length).toBeLessThan(2000);
    expect((await readFile(`${path}.data`)).length).toBe(40_960 + 40_000);
    expect(await openOnnx(path)).toEqual(graph);
    const session = await ort.InferenceSession.create(path, { logSeverityLevel: 4 });
    const x = pseudoRandom(9, 200);
    const theirs = (await session.run({ x: new ort.Tensor("float32", x, [2, 100]) })).y!.data;
    const ours = await ort.InferenceSession.create(writeOnnx(await openOnnx(path)), { logSeverityLevel: 4 });
    expect((await ours.run({ x: new ort.Tensor("float32", x, [2, 100]) })).y!.data).toEqual(theirs);
    expect(() => parseOnnx(new Uint8Array(0))).toThrow(FormatError);
    const model = new Uint8Array(await readFile(path));
    expect(() => parseOnnx(model)).toThrow(/"two.onnx.data", which was not given/);
    expect(parseOnnx(model, { externalData: { "two.onnx.data": await readFile(`${path}.data`) } })).toEqual(graph);
  });

  test("graphs beyond 2 GB are not written as one array", () => {
    // The array is never touched, so that it takes no memory.
    const shared = { type: "float32", shape: [180_000_000], data: new Float32Array(180_000_000) } as const;
    const large: Graph = {
      ...graph,
      initializers: new Map([...graph.initializers, ...["a", "b", "c"].map((name) => [name, shared] as const)]),
    };
    expect(() => writeOnnx(large)).toThrow(/an .onnx file has at most 2 GB; save it with its weights beside/);
  });

  test("networks, which train on what was opened", async () => {
    const path = join(folder, "network.onnx");
    const network = await Network.open(join(folder, "two.onnx"), { trainable: "w[01]" }).catch(
      (error: unknown) => error,
    );
    expect(network).toBeInstanceOf(ArgumentError);
    const opened = await Network.open(join(folder, "two.onnx"), { trainable: /w[01]/ });
    expect(opened.parameters.names).toEqual(["w0", "w1"]);
    opened.parameters.get("w0").data.fill(0.5);
    await opened.saveTo(path, { externalData: true });
    expect((await Network.open(path)).parameters.get("w0").data.every((entry) => entry === 0.5)).toBe(true);
  });

  test("tells how far it is, up to the end and never back", async () => {
    for (const path of [join(folder, "one.onnx"), join(folder, "two.onnx")]) {
      const seen: FileProgress[] = [];
      await openOnnx(path, { onProgress: (progress) => seen.push(progress) });
      const loaded = seen.map((progress) => progress.loaded);
      expect(loaded).toEqual([...loaded].sort((a, b) => a - b));
      expect(seen.at(-1)!.loaded).toBe(seen.at(-1)!.total);
    }
    const written: FileProgress[] = [];
    await saveOnnx(graph, join(folder, "one.onnx"), { onProgress: (progress) => written.push(progress) });
    expect(written.at(-1)!.loaded).toBe(written.at(-1)!.total);
  });

  test("stops when asked to, and leaves the old file as it was", async () => {
    const path = join(folder, "one.onnx");
    const before = await readFile(path);
    const aborted = AbortSignal.abort("enough");
    await expect(openOnnx(path, { signal: aborted })).rejects.toThrow(AbortError);
    await expect(saveOnnx(graph, path, { signal: aborted })).rejects.toThrow(AbortError);
    const controller = new AbortController();
    const stopping = openOnnx(join(folder, "two.onnx"), {
      signal: controller.signal,
      onProgress: ({ loaded }) => loaded > 30_000 && controller.abort("enough"),
    });
    await expect(stopping).rejects.toThrow(/enough/);
    expect(await readFile(path)).toEqual(before);
    expect((await readdir(folder)).filter((name) => name.includes("part"))).toEqual([]);
  });

  test("names what is missing or cannot be written", async () => {
    const nowhere = join(folder, "nowhere.onnx");
    await expect(openOnnx(nowhere)).rejects.toThrow(FileError);
    await expect(openOnnx(nowhere)).rejects.toThrow(/Cannot read ".*nowhere\.onnx": there is no such file/);
    await expect(openOnnx(folder)).rejects.toThrow(/it is not a file/);
    await expect(saveOnnx(graph, join(folder, "no", "folder.onnx"))).rejects.toThrow(FileError);
    await expect(openOnnx(7 as never)).rejects.toThrow(ArgumentError);
    await expect(openOnnx("file://elsewhere.example/x")).rejects.toThrow(ArgumentError);
    const damaged = join(folder, "damaged.onnx");
    await writeFile(damaged, (await readFile(join(folder, "one.onnx"))).subarray(0, 50_000));
    await expect(openOnnx(damaged)).rejects.toMatchObject({ name: "FormatError", path: damaged });
  });
});

describe("data beside a model", () => {
  /** y = x + w, with w of eight entries stored as the fields say. */
  const file = (fields: Record<string, string>, count = 1, step = 32) =>
    fileOf(
      graphProto({
        inputs: [value("x", code.float, [8])],
        outputs: [value("y", code.float, [8])],
        initializers: Array.from({ length: count }, (_, i) =>
          tensor(`w${i}`, {
            dims: [8n],
            dataType: code.float,
            dataLocation: 1,
            externalData: Object.entries(fields).map(([key, given]) => ({
              $typeName: "onnx.StringStringEntryProto",
              key,
              value: given.replace("#", String(step * i)),
            })),
          }),
        ),
        nodes: [node("Add", ["x", "w0"], ["y"])],
      }),
    );
  const refusal = async (fields: Record<string, string>, count = 1): Promise<Error> => {
    const path = join(folder, "beside.onnx");
    await writeFile(path, file(fields, count));
    return (await openOnnx(path).catch((error: unknown) => error)) as Error;
  };

  test("is found in folders below, at offsets, and shared where it is equal", async () => {
    await mkdir(join(folder, "below", "it"), { recursive: true });
    const numbers = Float32Array.from({ length: 24 }, (_, i) => i);
    await writeFile(join(folder, "below", "it", "w.bin"), new Uint8Array(numbers.buffer));
    await writeFile(join(folder, "model.onnx"), file({ location: "./below/it/w.bin", offset: "#", length: "32" }, 3));
    const read = await openOnnx(join(folder, "model.onnx"), { trainable: "all" });
    expect(read.initializers.get("w0")!.data).toEqual(numbers.slice(0, 8));
    await writeFile(join(folder, "model.onnx"), file({ location: "below/it/w.bin", offset: "64" }, 2));
    expect((await openOnnx(join(folder, "model.onnx"))).initializers.get("w0")!.data).toEqual(numbers.slice(16));
  });

  test.each([
    "../w.bin",
    "/etc/passwd",
    "a/../../w.bin",
    "C:w.bin",
    "a\\..\\w.bin",
    "",
    "a//b",
    "https://x/y",
    "w\u0000.bin",
    "..",
  ])("is not followed out of the model's folder: %j", async (location) => {
    const error = await refusal({ location });
    expect(error).toBeInstanceOf(FormatError);
    expect(error.message).toMatch(/not a file in the model's own folder/);
  });

  test("that is missing, or is not where the model says, is named", async () => {
    expect(await refusal({ location: "gone.bin" })).toBeInstanceOf(FileError);
    expect((await refusal({ location: "gone.bin" })).message).toContain("gone.bin");
    expect((await refusal({ location: "below/it/w.bin", offset: "72" })).message).toMatch(
      /has 96 bytes, and the bytes 72 to 104/,
    );
    expect((await refusal({ location: "below/it/w.bin", offset: "-4" })).message).toMatch(/offset "-4"/);
    expect((await refusal({ location: "below/it/w.bin", offset: "1e3" })).message).toMatch(/offset "1e3"/);
    expect((await refusal({ location: "below/it/w.bin", length: "16" })).message).toMatch(/needs 32 bytes and has 16/);
    expect((await refusal({ offset: "0" })).message).toMatch(/which it does not name/);
    expect(await refusal({ location: "below/it" })).toBeInstanceOf(FileError);
  });

  test("that many tensors claim at once is refused, so that a small file takes no large memory", async () => {
    const step = { location: "below/it/w.bin", length: "32" };
    await writeFile(join(folder, "beside.onnx"), file({ ...step, offset: "#" }, 3));
    await openOnnx(join(folder, "beside.onnx"));
    await writeFile(join(folder, "beside.onnx"), file({ ...step, offset: "#" }, 3, 16));
    await expect(openOnnx(join(folder, "beside.onnx"))).rejects.toThrow(/the tensor "w1" overlaps another one/);
    const bytes = await readFile(join(folder, "below", "it", "w.bin"));
    expect(() =>
      parseOnnx(file({ ...step, offset: "0" }, 2), { externalData: { "below/it/w.bin": bytes } }),
    ).not.toThrow();
  });

  test("is given by name where bytes have no folder", async () => {
    const model = file({ location: "w.bin" });
    const numbers = new Float32Array(8).fill(2);
    await expect(openOnnx(model)).rejects.toThrow(IncompatibleError);
    for (const given of [new Uint8Array(numbers.buffer), new Blob([numbers])]) {
      const read = await openOnnx(new Blob([model]), { externalData: { "w.bin": given } });
      expect(read.initializers.get("w0")!.data).toEqual(numbers);
    }
    await expect(openOnnx(model, { externalData: { "w.bin": new Uint8Array(31) } })).rejects.toThrow(/has 31 bytes/);
  });
});

describe("models on a server", () => {
  let address: string;
  let server: FileServer;
  const files = new Map<string, Served>();
  beforeAll(async () => {
    const model = await readFile(join(folder, "two.onnx"));
    const data = await readFile(join(folder, "two.onnx.data"));
    const one = await readFile(join(folder, "one.onnx"));
    for (const [name, served] of Object.entries<Omit<Served, "bytes">>({
      whole: { ranges: false },
      parts: {},
      chunked: { chunked: true },
    })) {
      files.set(`/${name}/one.onnx`, { bytes: one, ...served });
      files.set(`/${name}/two.onnx`, { bytes: model, ...served });
      files.set(`/${name}/two.onnx.data`, { bytes: data, ...served });
    }
    files.set("/broken/two.onnx", { bytes: model });
    files.set("/broken/two.onnx.data", { bytes: data, breakAt: 50_000 });
    files.set("/short/two.onnx", { bytes: model });
    files.set("/short/two.onnx.data", { bytes: data.subarray(0, 60_000) });
    server = new FileServer(files);
    address = await server.start();
  });
  afterAll(() => server.stop());

  test.each(["whole", "parts", "chunked"])("are opened with the data beside them (%s)", async (kind) => {
    expect(await openOnnx(`${address}/${kind}/one.onnx`)).toEqual(graph);
    server.requests.length = 0;
    const seen: FileProgress[] = [];
    const read = await openOnnx(new URL(`${address}/${kind}/two.onnx?token=1`), {
      onProgress: (progress) => seen.push(progress),
    });
    expect(read).toEqual(graph);
    // One stream for all tensors of a file.
    expect(server.requests).toEqual([`/${kind}/two.onnx?token=1`, `/${kind}/two.onnx.data?token=1`]);
    expect(seen.at(-1)!.total).toBe(kind === "chunked" ? undefined : seen.at(-1)!.loaded);
  });

  test.each(["whole", "parts"])("are read from the middle where only the middle is wanted (%s)", async (kind) => {
    const filler = new Uint8Array(3_000_000);
    const numbers = Float32Array.from({ length: 8 }, (_, i) => i);
    filler.set(new Uint8Array(numbers.buffer), 2_500_000);
    const model = fileOf(
      graphProto({
        inputs: [value("x", code.float, [8])],
        outputs: [value("y", code.float, [8])],
        initializers: [
          tensor("w", {
            dims: [8n],
            dataType: code.float,
            dataLocation: 1,
            externalData: Object.entries({ location: "far.bin", offset: "2500000" }).map(([key, given]) => ({
              $typeName: "onnx.StringStringEntryProto",
              key,
              value: given,
            })),
          }),
        ],
        nodes: [node("Add", ["x", "w"], ["y"])],
      }),
    );
    files.set(`/${kind}/far.onnx`, { bytes: model });
    files.set(`/${kind}/far.bin`, { bytes: filler, ranges: kind === "parts" });
    server.requests.length = 0;
    expect((await openOnnx(`${address}/${kind}/far.onnx`)).initializers.get("w")!.data).toEqual(numbers);
    expect(server.requests.at(-1)).toBe(`/${kind}/far.bin from 2500000`);
  });

  test("that are missing, break off or are too short are named", async () => {
    await expect(openOnnx(`${address}/nothing.onnx`)).rejects.toThrow(/nothing\.onnx": the server answered 404/);
    await expect(openOnnx(`${address}/broken/two.onnx`)).rejects.toThrow(FileError);
    await expect(openOnnx(`${address}/short/two.onnx`)).rejects.toThrow(/two\.onnx\.data" has 60000 bytes/);
    await expect(openOnnx("http://127.0.0.1:9/none.onnx")).rejects.toThrow(FileError);
    await expect(openOnnx(`${address}/parts/one.onnx`, { signal: AbortSignal.abort() })).rejects.toThrow(AbortError);
  });
});
