import { type HelpSection, type Options, optionSection, renderHelp } from "../arguments/index.js";
import { findPart, importModality, modalityOf, partSection } from "../parts/index.js";
import { columnsOf, exitCodeRows, type Io } from "../terminal/index.js";
import { commonOptions } from "./options.js";

/** What a command's help says. */
export interface EnvironmentHelp {
  readonly usage: string;
  readonly summary: string;
  /** The command's options by the title of their section. */
  readonly sections: Readonly<Record<string, Options>>;
  readonly examples: readonly string[];
  readonly notes?: readonly string[];
  /** Ids that were typed, whose options are shown too. */
  readonly modelId: string | undefined;
  readonly rewardId: string | undefined;
}

/** Help of a command that takes a model and a reward. */
export async function environmentHelp(help: EnvironmentHelp, io: Io): Promise<string> {
  const parts: HelpSection[] = [];
  for (const [kind, id] of [
    ["model", help.modelId],
    ["reward", help.rewardId],
  ] as const) {
    if (id !== undefined) {
      await importModality(modalityOf(id), io.folder);
      if (findPart(kind, id) !== undefined) {
        parts.push(partSection(kind, id));
      }
    }
  }
  const general: HelpSection = {
    title: "Options of the model and the reward",
    rows: [
      ["--model.NAME VALUE", "an option of the model; VALUE is JSON, or text"],
      ["--reward.NAME VALUE", "an option of the reward"],
      ["", "`diffusiongym list` shows them, and so does --help after the ids"],
    ],
  };
  return renderHelp(
    {
      usage: help.usage,
      summary: help.summary,
      sections: [
        ...Object.entries(help.sections).map(([title, options]) => optionSection(title, options)),
        ...(parts.length > 0 ? parts : [general]),
        optionSection("General options", commonOptions),
        { title: "Exit codes", rows: exitCodeRows },
      ],
      examples: help.examples,
      ...(help.notes && { notes: help.notes }),
    },
    columnsOf(io.stdout),
  );
}
