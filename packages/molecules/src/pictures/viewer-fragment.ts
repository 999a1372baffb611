import { ArgumentError } from "@diffusiongym/core";
import type { Molecule } from "../molecule/index.js";
import { escapeXml } from "./escape.js";
import type { ViewerScene } from "./scenes.js";
import { viewerProgram } from "./viewer-program.js";
import { loadViewerScript } from "./viewer-script.js";

/** How the views are shown. */
export interface ViewerFragmentOptions {
  /** Width and height of each view in pixels. @default 320 */
  readonly size?: number;
  /** Text of 3Dmol.js. @default the minified build of the installed package `3dmol` */
  readonly script?: string;
}

/**
 * Interactive 3-D views of molecules as a piece of HTML that needs no network: 3Dmol.js is part of it. A scene of several
 * frames has a button that plays it and a slider.
 * @returns HTML to put anywhere into the body of a page, several times if need be
 * @throws ArgumentError for a scene without frames
 * @throws MissingPackageError when the package 3dmol is not installed and no script is given
 */
export async function viewerFragment(
  scenes: readonly ViewerScene[],
  options: ViewerFragmentOptions = {},
): Promise<string> {
  const { size = 320 } = options;
  if (!(Number.isInteger(size) && size >= 50 && size <= 4000)) {
    throw new ArgumentError(`viewerFragment: size must be a whole number from 50 to 4000, got ${size}.`, "size", size);
  }
  const empty = scenes.findIndex(({ frames }) => frames.length === 0);
  if (empty >= 0) {
    throw new ArgumentError(`viewerFragment: the scene "${scenes[empty]!.title}" has no frames.`, "scenes", empty);
  }
  const script = options.script ?? (await loadViewerScript());
  const views = scenes.map((scene) => view(scene, size)).join("\n");
  return `<div class="dg-molecules" style="display:flex;flex-wrap:wrap;gap:16px">
${views}
</div>
<script>if (!window.$3Dmol) {${inScript(script)}
}</script>
<script>${inScript(viewerProgram)}</script>
`;
}

function view({ title, caption = "", frames }: ViewerScene, size: number): string {
  const data = inScript(JSON.stringify(frames.map(compact)).replaceAll("<", "\\u003c"));
  const controls =
    frames.length < 2
      ? ""
      : `<div style="display:flex;gap:8px;align-items:center"><button type="button" class="dg-play" style="min-width:4.5em">Play</button>` +
        `<input type="range" class="dg-frame" min="0" max="${frames.length - 1}" value="${frames.length - 1}" style="flex:1" aria-label="Frame"></div>`;
  return (
    `<figure class="dg-molecule" style="margin:0;width:${size}px;font:14px system-ui,sans-serif">` +
    `<figcaption><strong>${escapeXml(title)}</strong><br>${escapeXml(caption)}</figcaption>` +
    `<div class="dg-canvas" style="position:relative;width:${size}px;height:${size}px"></div>${controls}` +
    `<script type="application/json">${data}</script></figure>`
  );
}

/** What the page needs of a molecule: elements, positions to 3 decimals, and bonds as from, to, order. */
function compact({ elements, positions, bonds }: Molecule): object {
  return {
    e: elements,
    p: Array.from(positions, (value) => Number(value.toFixed(3))),
    b: bonds.flatMap(({ from, to, order }) => [from, to, order === "aromatic" ? 1.5 : order]),
  };
}

/** Text that cannot end the script element that holds it. */
function inScript(text: string): string {
  return text.replace(/<(?=\/script|!--)/gi, "\\x3c");
}
