import {
  IncompatibleError,
  isErrorNamed,
  type Presentation,
  type PresentationRequest,
  type PresentedFigure,
  type PresentedFile,
  type Sample,
  type ShownSamples,
} from "@diffusiongym/core";
import { flowMolVocabulary, toMolecules, toSmiles, type Vocabulary } from "../formats/index.js";
import { MoleculeGraph } from "../graph/index.js";
import { depictionGrid, scenesOf, sdfOf, viewerFragment, xyzOf } from "../pictures/index.js";

/** Molecules of a group in its grid. */
const shownCount = 20;

/**
 * Molecules as people look at them: a grid of 2-D depictions of each model's samples with SMILES and reward under each, the best, the
 * median and the way from noise to molecule in 3-D, and all samples as SDF and XYZ files.
 */
export async function presentMolecules({ groups, baseModel, rewardId }: PresentationRequest): Promise<Presentation> {
  const { atoms } = baseModel as { readonly atoms?: readonly string[] };
  const vocabulary = atoms && { ...flowMolVocabulary, elements: atoms };
  const naming = vocabulary === undefined ? {} : { vocabulary };
  const files: PresentedFile[] = [];
  const grids: string[] = [];
  const views: string[] = [];
  for (const group of groups) {
    const name = groups.length === 1 ? "samples" : group.role;
    const sample = samplesOf(group);
    const molecules = toMolecules(sample.sample, vocabulary);
    const smiles = await toSmiles(molecules);
    const write = (ending: string, text: string): void => {
      files.push({ name: `${name}.${ending}`, bytes: new TextEncoder().encode(text) });
    };
    write("sdf", sdfOf(sample, { ...naming, smiles }));
    write("xyz", xyzOf(sample, { ...naming, smiles }));
    const label = (i: number): string =>
      rewardId === "any/zero" ? "" : sample.valids[i] === 1 ? sample.rewards[i]!.toPrecision(3) : "invalid";
    const grid = await depictionGrid(
      molecules.slice(0, shownCount).map((molecule, i) => ({ molecule, label: label(i) })),
    );
    write("svg", grid);
    grids.push(`<section><h3>${escapeText(group.title)}</h3>${grid}</section>`);
    const view = await viewOf(group, naming);
    if (view !== undefined) {
      views.push(`<h3>${escapeText(group.title)}</h3>${view}`);
    }
  }
  return { files, figures: [...depictions(grids, rewardId), ...spaces(views)] };
}

function depictions(grids: readonly string[], rewardId: string): PresentedFigure[] {
  const judged = rewardId === "any/zero" ? "" : `, and its reward, ${rewardId}`;
  return [
    {
      title: "Samples",
      caption: `The first samples without their hydrogens, with the SMILES${judged} under each. Grey are those that are no valid molecule.`,
      html: `<div class="dg-depictions" style="overflow-x:auto">${grids.join("")}</div>`,
    },
  ];
}

function spaces(views: readonly string[]): PresentedFigure[] {
  return views.length === 0
    ? []
    : [
        {
          title: "In space",
          caption:
            "The best and the median of the samples whose paths were kept, and the way of the best from noise to molecule: turn with the mouse, play with the button.",
          html: views.join(""),
        },
      ];
}

/** Views of the samples whose paths were kept; undefined where none is valid or 3Dmol.js is not installed. */
async function viewOf(
  { paths }: ShownSamples,
  naming: { readonly vocabulary?: Vocabulary },
): Promise<string | undefined> {
  const scenes = paths === undefined ? [] : scenesOf(paths as unknown as Sample<MoleculeGraph, object>, naming);
  if (scenes.length === 0) {
    return undefined;
  }
  try {
    return await viewerFragment(scenes);
  } catch (error) {
    if (isErrorNamed(error, "MissingPackageError")) {
      return `<p>${escapeText((error as Error).message)}</p>`;
    }
    throw error;
  }
}

/** The samples of a group. @throws IncompatibleError for other data */
function samplesOf({ samples }: ShownSamples): Sample<MoleculeGraph, object> {
  if (!((samples.sample as unknown) instanceof MoleculeGraph)) {
    throw new IncompatibleError("Only batches of MoleculeGraph can be shown as molecules.");
  }
  return samples as unknown as Sample<MoleculeGraph, object>;
}

function escapeText(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
