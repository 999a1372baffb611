import type { DDTensor, RandomStream, SampleStreams } from "@diffusiongym/core";

/** One scene, [3, 32, 32] in [0, 1]; everything that is drawn by chance comes from the stream. */
export function drawScene(stream: RandomStream): Float32Array;
/** Scenes, one a stream: [n, 3, 32, 32] in [0, 1]. */
export function drawScenes(n: number, streams: SampleStreams): DDTensor;
