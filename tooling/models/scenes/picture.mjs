// Draws the pictures that the README of @diffusiongym/images shows: samples of `images/scenes`, and scenes that it was to learn.
// Run after `pnpm build`:  node tooling/models/scenes/picture.mjs
import { fileURLToPath } from "node:url";
import { make, RandomKey } from "@diffusiongym/core";
import { saveGrid } from "@diffusiongym/images";
import { drawScenes } from "./draw-scenes.mjs";

const n = 40;
const folder = fileURLToPath(new URL("../../../packages/images/pictures/", import.meta.url));
const options = { columns: 10, scale: 3 };
const environment = await make("images/scenes", "images/brightness", { steps: 100 });
const { sample } = await environment.sample(n, { seed: 0 });
await saveGrid(sample, `${folder}scenes.png`, options);
await saveGrid(drawScenes(n, RandomKey.fromSeed(12).fold("fresh").streams()), `${folder}drawn-scenes.png`, options);
