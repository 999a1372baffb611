/**
 * Sampling with the U-Net of google/ddpm-cifar10-32 (35.7 million parameters, random weights) beside diffusers' own `DDPMPipeline` on
 * PyTorch: the same folder of files, the same number of steps and images. The aim is 1.2 times its speed.
 *
 *     DIFFUSIONGYM_PYTHON=... pnpm bench images cifar
 */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Environment } from "@diffusiongym/core";
import { BrightnessReward, loadPixelModel } from "@diffusiongym/images";
import { Engine, saveUnet2d } from "@diffusiongym/nn";
import { takeTurns, timed } from "../../../tooling/bench/harness.mjs";
import { startTorch } from "../../../tooling/peers/peer.mjs";
import { ddpmCifar, network } from "../../nn/bench/shared/networks.mjs";

const threads = Number(process.env.THREADS ?? 2);
const repeats = Number(process.env.REPEATS ?? 5);
const steps = 5;
const folder = mkdtempSync(join(tmpdir(), "diffusiongym-"));
try {
  writePipeline(folder);
  const engine = new Engine({ threads });
  const model = await loadPixelModel(folder, { engine });
  const environment = new Environment(model, new BrightnessReward(), { steps });
  const torch = await startTorch({ threads, modules: ["torch", "diffusers"] });
  await torch?.ask({ do: "pipeline", folder });
  for (const n of [1, 8]) {
    await torch?.ask({ do: "draw", n, steps });
    await takeTurns(
      `${n} images in ${steps} steps, ${threads} threads`,
      {
        "env.sample": timed(() => environment.sample(n, { seed: 0 })),
        ...(torch && {
          "diffusers' pipeline": async () => (await torch.ask({ do: "time", what: "single", calls: 1 })).ms,
        }),
      },
      { repeats, warmUp: 1 },
    );
  }
  await torch?.stop();
  await engine.dispose();
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** A pipeline as diffusers saves it. @param {string} where */
function writePipeline(where) {
  const scheduler = {
    _class_name: "DDPMScheduler",
    beta_end: 0.02,
    beta_schedule: "linear",
    beta_start: 0.0001,
    clip_sample: true,
    num_train_timesteps: 1000,
    prediction_type: "epsilon",
    variance_type: "fixed_large",
  };
  const classes = { scheduler: ["diffusers", "DDPMScheduler"], unet: ["diffusers", "UNet2DModel"] };
  const net = network("unet", new Engine({ threads: 1 }));
  const files = {
    "model_index.json": { _class_name: "DDPMPipeline", ...classes },
    "scheduler/scheduler_config.json": scheduler,
    "unet/config.json": { _class_name: "UNet2DModel", act_fn: "silu", ...ddpmCifar },
  };
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(where, name, ".."), { recursive: true });
    writeFileSync(join(where, name), JSON.stringify(content));
  }
  writeFileSync(join(where, "unet/diffusion_pytorch_model.safetensors"), saveUnet2d(net));
}
