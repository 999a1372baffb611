import { parseArgs } from "node:util";
import type { CatalogueEntry } from "@diffusiongym/methods";
import { configArguments, flag, integer, readConfigFile, text, type Values } from "../arguments/index.js";
import type { Io } from "../terminal/index.js";
import {
  defaultMethod,
  methodNamed,
  methodOptions,
  type networkOptions,
  type policyOptions,
} from "./method-options.js";
import { commonOptions, environmentOptions } from "./options.js";

/** Options of `adapt` that every method has. */
export const adaptOptions = {
  method: text({
    description: "How to adapt; `diffusiongym methods` lists them",
    placeholder: "NAME",
    shownDefault: defaultMethod,
  }),
  config: text({
    description: "JSON or YAML file of settings, by the options' names in camel case; what is typed wins",
    placeholder: "FILE",
  }),
  ...environmentOptions,
  steps: integer(
    undefined,
    { least: 1 },
    { description: "Steps of the SDE, in training and evaluation", shownDefault: "32" },
  ),
  out: { ...environmentOptions.out, shownDefault: "diffusiongym-report/MODEL-REWARD" },
  fresh: flag("Start anew instead of continuing the run in the folder"),
  count: integer(
    undefined,
    { least: 1 },
    {
      description: "Samples of each model for the evaluation",
      short: "n",
      shownDefault: "20000, fewer where a sample is large",
    },
  ),
};

/** All of its options but the method's. */
export const fixedOptions = { ...adaptOptions, ...commonOptions };

/** What a config file does not set. */
const typedOnly = ["config", "fresh", ...Object.keys(commonOptions)];

/** Values of all options; those of the networks only where the method trains them. */
export type AdaptValues = Values<typeof fixedOptions> &
  Partial<Values<typeof networkOptions> & Values<typeof policyOptions>> & { readonly [knob: string]: unknown };

/** The method that was typed or is in the config file, and that file's settings as arguments. */
export async function chooseMethod(
  args: readonly string[],
  io: Io,
): Promise<{ entry: CatalogueEntry; settings: string[] }> {
  const { values } = parseArgs({
    args: [...args],
    options: { method: { type: "string" }, config: { type: "string" } },
    strict: false,
  });
  const file = typeof values.config === "string" ? await readConfigFile(values.config, io.folder) : undefined;
  const named = values.method ?? file?.settings.method;
  const entry = methodNamed(typeof named === "string" ? named : defaultMethod);
  const known = Object.entries({ ...fixedOptions, ...methodOptions(entry) }).filter(
    ([name]) => !typedOnly.includes(name),
  );
  return { entry, settings: file === undefined ? [] : configArguments(file, Object.fromEntries(known)) };
}
