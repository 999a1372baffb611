/**
 * The JPEG rewards on 500 scenes of 32 x 32 pixels: images a second, and Pillow on the same images in the same run where
 * Python has it (PYTHON names the program). The aim is 500 images a second on two cores.
 *
 *     pnpm bench images jpeg
 */

import { spawnSync } from "node:child_process";
import { RandomKey } from "@diffusiongym/core";
import { jpegBitsPerPixel } from "@diffusiongym/images";
import { measure } from "../../../tooling/bench/harness.mjs";
import { drawScenes } from "../../../tooling/models/scenes/draw-scenes.mjs";

const n = 500;
const images = drawScenes(n, RandomKey.fromSeed(0).streams());
const { medianMs } = await measure(`JPEG rewards of ${n} images of 32 x 32`, () => jpegBitsPerPixel(images), {
  repeats: 11,
});
console.log(`  ${((1000 * n) / medianMs).toFixed(0)} images a second`);

const pillow = `
import io, sys, time
from PIL import Image
data = sys.stdin.buffer.read()
images = [Image.frombytes("RGB", (32, 32), data[i:i + 3072]) for i in range(0, len(data), 3072)]
def run():
    total = 0
    for image in images:
        file = io.BytesIO()
        image.save(file, format="JPEG", quality=85, optimize=True)
        total += file.tell()
    return total
run()
times = []
for _ in range(11):
    started = time.perf_counter()
    total = run()
    times.append(time.perf_counter() - started)
print(sorted(times)[5], total)
`;
const bytes = new Uint8Array(n * 3072);
for (let k = 0; k < bytes.length; k++) {
  const [image, pixel, channel] = [Math.floor(k / 3072), Math.floor((k % 3072) / 3), k % 3];
  bytes[k] = Math.fround(images.data[image * 3072 + channel * 1024 + pixel] * 255);
}
const { status, stdout } = spawnSync(process.env.PYTHON ?? "python3", ["-c", pillow], { input: bytes });
if (status === 0) {
  const [seconds, total] = String(stdout).split(" ").map(Number);
  const ours = (await jpegBitsPerPixel(images)).reduce((sum, bits) => sum + (bits * 1024) / 8, 0);
  console.log(
    `  Pillow, one thread: ${(n / seconds).toFixed(0)} images a second; ratio ${(((n / medianMs) * 1000) / (n / seconds)).toFixed(2)}`,
  );
  console.log(`  bytes in all: ${ours} here, ${total} by Pillow`);
} else {
  console.log("  Python with Pillow is not there to compare with.");
}
