import { type CatalogueEntry, methodCatalogue } from "@diffusiongym/methods";
import { optionSection, parseArguments, renderHelp, renderSection, UsageError } from "../arguments/index.js";
import { columnsOf, exitCodeRows, type Io } from "../terminal/index.js";
import type { Command } from "./command.js";
import { methodNamed, methodOptions } from "./method-options.js";
import { commonOptions } from "./options.js";

/** `diffusiongym methods`: what there is to adapt with. */
export const methodsCommand: Command = {
  name: "methods",
  summary: "Show the methods there are: what they need and what they converge to",
  async run(args, io) {
    const { positionals, values } = parseArguments(commonOptions, args, false);
    if (values.help) {
      io.stdout.write(help(io));
      return;
    }
    if (positionals.length > 1) {
      throw new UsageError(`methods takes one method at most, but ${positionals.join(" ")} was given.`, "methods");
    }
    const [name] = positionals;
    const entries = name === undefined ? methodCatalogue : [methodNamed(name)];
    if (values.json) {
      const methods = entries.map(({ make: _, ...entry }) => entry);
      io.stdout.write(`${JSON.stringify({ command: "methods", methods }, null, 2)}\n`);
      return;
    }
    const width = columnsOf(io.stdout);
    const sections = entries.map((entry) => renderSection({ title: entry.name, rows: rowsOf(entry) }, width));
    const options =
      name === undefined
        ? ["Options of one: diffusiongym methods NAME"]
        : [renderSection(optionSection("Options of adapt", methodOptions(entries[0]!)), width)];
    io.stdout.write(`${[...sections, ...options].join("\n\n")}\n`);
  },
};

function rowsOf({ needs, convergesTo, trains }: CatalogueEntry): [string, string][] {
  const trained = { policy: "a policy", value: "a value function", nothing: "nothing" }[trains];
  return [
    ["needs", needs],
    ["trains", trained],
    ["converges to", convergesTo],
  ];
}

function help(io: Io): string {
  return renderHelp(
    {
      usage: "diffusiongym methods [NAME] [options]",
      summary:
        "Shows the methods of adapt --method: what they need, what they train and what they converge to; after a name also its options. " +
        "The tilt is the law p(x) exp(lambda r(x)) / Z.",
      sections: [optionSection("Options", commonOptions), { title: "Exit codes", rows: exitCodeRows }],
      examples: ["diffusiongym methods", "diffusiongym methods path-weighted-tilt-matching"],
    },
    columnsOf(io.stdout),
  );
}
