import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DDTensor, RandomKey } from "@diffusiongym/core";
import sharp from "sharp";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { encodeGrid, saveAnimation, saveGrid, saveImages } from "../../src/index.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "images-pictures-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** n images of one colour each, red i / 255, green 0, blue 1; [n, 3, 2, 3]. */
const coloured = (n: number): DDTensor =>
  DDTensor.from(
    Array.from({ length: n }, (_, i) => [i / 255, 0, 1].flatMap((value) => new Array(6).fill(value))).flat(),
    [n, 3, 2, 3],
  );
const pixels = async (
  file: string | Uint8Array,
): Promise<{ width: number; height: number; at(x: number, y: number): number[] }> => {
  const { data, info } = await sharp(file).raw().toBuffer({ resolveWithObject: true });
  const at = (x: number, y: number): number[] => [
    ...data.subarray((y * info.width + x) * 3, (y * info.width + x) * 3 + 3),
  ];
  return { width: info.width, height: info.height, at };
};

describe("saveGrid", () => {
  it.each(["png", "webp"])("puts every pixel where it belongs (%s)", async (format) => {
    const path = join(folder, "a", "b", `grid.${format}`);
    await saveGrid(coloured(5), path, { columns: 3, scale: 2, gap: 1, background: [0, 0.5, 0] });
    const { width, height, at } = await pixels(path);
    expect([width, height]).toEqual([3 * 7 + 1, 2 * 5 + 1]);
    for (let i = 0; i < 5; i++) {
      const [left, top] = [1 + (i % 3) * 7, 1 + Math.floor(i / 3) * 5];
      expect(at(left, top)).toEqual([i, 0, 255]);
      expect(at(left + 5, top + 3)).toEqual([i, 0, 255]);
      expect(at(left + 6, top)).toEqual([0, 128, 0]);
    }
    // The place of the sixth image is empty.
    expect(at(16, 7)).toEqual([0, 128, 0]);
    expect(await readdir(join(folder, "a", "b"))).toEqual([`grid.${format}`]);
  });

  it("draws pixels in their order, rows and columns told apart, and grey as grey", async () => {
    const ramp = DDTensor.from(
      [0, 51, 102, 153, 204, 255].map((value) => value / 255),
      [1, 1, 2, 3],
    );
    const { at } = await pixels(await encodeGrid(ramp, { scale: 1, gap: 0 }));
    expect([0, 1, 2].map((x) => at(x, 0)[0])).toEqual([0, 51, 102]);
    expect([0, 1, 2].map((x) => at(x, 1)[2])).toEqual([153, 204, 255]);
  });

  it("makes small images visible and square grids by itself", async () => {
    const { width, height } = await pixels(await encodeGrid(coloured(4)));
    expect([width, height]).toEqual([2 * (3 * 32 + 4) + 4, 2 * (2 * 32 + 4) + 4]);
    expect(Buffer.from((await encodeGrid(coloured(1), { format: "jpeg" })).subarray(0, 2)).toString("hex")).toBe(
      "ffd8",
    );
  });

  it("replaces a picture at once, and leaves it alone when the new one fails", async () => {
    const path = join(folder, "grid.png");
    await saveGrid(coloured(1), path);
    const before = await readFile(path);
    const broken = coloured(2);
    broken.data[20] = Number.NaN;
    await expect(saveGrid(broken, path)).rejects.toThrow("Image 1 has the value NaN");
    broken.data[20] = 2;
    await expect(saveGrid(broken, path)).rejects.toThrow("Image 1 has the value 2");
    expect(await readFile(path)).toEqual(before);
    await saveGrid(coloured(2), path);
    expect(await readFile(path)).not.toEqual(before);
    expect(await readdir(folder)).toEqual(["grid.png"]);
  });

  it("refuses what makes no picture", async () => {
    const save = (images: DDTensor, name = "a.png", options = {}): Promise<void> =>
      saveGrid(images, join(folder, name), options);
    await expect(save(coloured(0))).rejects.toThrow("the batch is empty");
    await expect(save(coloured(1), "a.tiff")).rejects.toThrow('cannot be written as "tiff"');
    await expect(save(coloured(1), "a")).rejects.toThrow("Known are png, webp, jpeg");
    await expect(save(coloured(1), "a.png", { columns: 0 })).rejects.toThrow("columns must be a whole number >= 1");
    await expect(save(coloured(1), "a.png", { scale: 1.5 })).rejects.toThrow("scale must be");
    await expect(save(coloured(1), "a.png", { gap: -1 })).rejects.toThrow("gap must be");
    await expect(save(DDTensor.from([[1, 2]]))).rejects.toThrow("[1, 2]");
    await writeFile(join(folder, "file"), "");
    await expect(save(coloured(1), "file/a.png")).rejects.toMatchObject({ name: "FileError" });
    await expect(save(coloured(1), "file/a.png")).rejects.toThrow(/Cannot write .*(ENOTDIR|EEXIST)/);
  });
});

describe("saveImages", () => {
  it("writes one file an image, numbered", async () => {
    const paths = await saveImages(coloured(3), join(folder, "out"), { first: 9_998, prefix: "image-" });
    expect(await readdir(join(folder, "out"))).toEqual(["image-09998.png", "image-09999.png", "image-10000.png"]);
    const { width, height, at } = await pixels(paths[2]!);
    expect([width, height, ...at(2, 1)]).toEqual([3, 2, 2, 0, 255]);
    expect(await saveImages(coloured(0), folder)).toEqual([]);
  });

  it("checks everything before it writes anything", async () => {
    const broken = coloured(3);
    broken.data[2 * 18] = -1;
    await expect(saveImages(broken, folder)).rejects.toThrow("Image 2 has the value -1");
    await expect(saveImages(coloured(1), folder, { format: "bmp" as never })).rejects.toThrow('"bmp"');
    await expect(saveImages(coloured(1), folder, { first: -1 })).rejects.toThrow("first must be");
    expect(await readdir(folder)).toEqual([]);
  });
});

describe("saveAnimation", () => {
  const states = Array.from({ length: 9 }, (_, k) => DDTensor.randn(4, [3, 8, 8], RandomKey.fromSeed(k).streams()));

  it.each(["gif", "webp"])("writes frames that follow each other without end (%s)", async (format) => {
    const path = join(folder, `film.${format}`);
    await saveAnimation(states, path, { scale: 2, gap: 2, frameMs: 50, lastFrameMs: 700, columns: 4 });
    const { pages, pageHeight, width, delay, loop } = await sharp(path, { animated: true }).metadata();
    expect({ pages, pageHeight, width, loop }).toEqual({ pages: 9, pageHeight: 20, width: 74, loop: 0 });
    expect(delay).toEqual([...new Array(8).fill(50), 700]);
    expect(await readdir(folder)).toEqual([`film.${format}`]);
  });

  it("draws every frame as it is, in order", async () => {
    const path = join(folder, "film.gif");
    const frames = [0.2, 0.6, 1].map((red) => coloured(2).scale(0).add(red));
    await saveAnimation(frames, path, { scale: 1, gap: 0, columns: 2 });
    const { data, info } = await sharp(path, { animated: true })
      .removeAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect([info.width, info.pageHeight, info.height]).toEqual([6, 2, 6]);
    const [first, second, third] = [0, 1, 2].map((frame) => data[frame * 6 * 2 * 3]);
    expect([first, second, third]).toEqual([51, 153, 255]);
  });

  it("chooses among many frames, both ends included, and makes images of them", async () => {
    const seen: DDTensor[] = [];
    const toImages = (state: DDTensor): DDTensor => {
      seen.push(state);
      return state.scale(0.5).add(0.5);
    };
    await saveAnimation(states, join(folder, "film.gif"), { maxFrames: 3, toImages });
    expect(seen).toEqual([states[0], states[4], states[8]]);
    expect((await sharp(join(folder, "film.gif"), { animated: true }).metadata()).pages).toBe(3);
  });

  it("refuses what makes no film", async () => {
    const path = join(folder, "film.webp");
    await expect(saveAnimation([], path)).rejects.toThrow('record: ["trajectory"]');
    await expect(saveAnimation(states, join(folder, "film.mp4"))).rejects.toThrow('"mp4"');
    await expect(saveAnimation([states[0]!, states[1]!.slice(0, 1)], path)).rejects.toThrow("frame 1 is");
    await expect(saveAnimation(states, path, { maxFrames: 1 })).rejects.toThrow("maxFrames must be");
    await expect(saveAnimation(states, path, { frameMs: 0 })).rejects.toThrow("frameMs must be");
    await expect(saveAnimation([states[0]!.scale(Number.NaN)], path)).rejects.toMatchObject({ name: "NonFiniteError" });
    expect(await readdir(folder)).toEqual([]);
  });
});
