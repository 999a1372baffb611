import { isErrorNamed, listBaseModels, listRewards, type RegisteredPart } from "@diffusiongym/core";
import { optionSection, parseArguments, renderHelp, renderSection, UsageError } from "../arguments/index.js";
import { importModality, importModalityPackage, importPackage, modalityOf, ownModalities } from "../parts/index.js";
import { columnsOf, exitCodeRows, type Io } from "../terminal/index.js";
import type { Command } from "./command.js";
import { commonOptions } from "./options.js";

/** `diffusiongym list`: what there is to sample and to adapt to. */
export const listCommand: Command = {
  name: "list",
  summary: "Show the base models and rewards there are, with their options",
  async run(args, io) {
    const { positionals, values } = parseArguments(commonOptions, args, false);
    if (values.help) {
      io.stdout.write(help(io));
      return;
    }
    if (positionals.length > 1) {
      throw new UsageError(`list takes one modality at most, but ${positionals.join(" ")} was given.`, "list");
    }
    for (const name of new Set(values.import)) {
      await importPackage(name, io.folder);
    }
    const [modality] = positionals;
    const missing = modality === undefined ? await importInstalled(io.folder) : [];
    if (modality !== undefined) {
      await importModality(modality, io.folder);
    }
    const chosen = (part: RegisteredPart): boolean => modality === undefined || modalityOf(part.id) === modality;
    const models = listBaseModels().filter(chosen);
    const rewards = listRewards().filter(chosen);
    if (values.json) {
      io.stdout.write(`${JSON.stringify({ command: "list", models, rewards, notInstalled: missing }, null, 2)}\n`);
      return;
    }
    const width = columnsOf(io.stdout);
    const sections = [
      ...partSections("Base models", "model", models, width),
      ...partSections("Rewards", "reward", rewards, width),
      missing.map((name) => `Not installed: npm install ${name}`).join("\n"),
    ];
    io.stdout.write(`${sections.filter((section) => section !== "").join("\n\n")}\n`);
  },
};

/** Imports the packages of our own modalities that are installed; returns the names of the others. */
async function importInstalled(folder: string): Promise<string[]> {
  const missing: string[] = [];
  for (const modality of ownModalities) {
    try {
      await importModalityPackage(modality, folder);
    } catch (error) {
      if (!isErrorNamed(error, "MissingPackageError")) {
        throw error;
      }
      missing.push(`@diffusiongym/${modality}`);
    }
  }
  return missing;
}

function partSections(title: string, kind: string, parts: readonly RegisteredPart[], width: number): string[] {
  if (parts.length === 0) {
    return [];
  }
  const rows = parts.flatMap(({ id, description, options = {} }) => [
    [id, description] as const,
    ...Object.entries(options).map(([name, meaning]) => [`  --${kind}.${name}`, meaning] as const),
  ]);
  return [renderSection({ title, rows }, width)];
}

function help(io: Io): string {
  return renderHelp(
    {
      usage: "diffusiongym list [MODALITY] [options]",
      summary: "Shows the base models and rewards of the installed packages, with their options.",
      sections: [optionSection("Options", commonOptions), { title: "Exit codes", rows: exitCodeRows }],
      examples: ["diffusiongym list toy", "diffusiongym list --json"],
    },
    columnsOf(io.stdout),
  );
}
