import { didYouMean, FormatError } from "@diffusiongym/core";
import { type Unet2dConfig, unet2dOptionNames } from "../builder/index.js";

/** Every option that diffusers has, by its spelling. */
const optionBySpelling = new Map(
  unet2dOptionNames
    .filter((name) => name !== "timeMultiplier")
    .map((name) => [name.replace(/[A-Z]/g, (part) => `_${part.toLowerCase()}`), name]),
);

/**
 * The configuration of a `UNet2DModel` as diffusers writes it, as options of `unet2d`: every key is spelled in camel case. Keys
 * that begin with an underscore are diffusers' own notes and left out, and so are unknown ones that say `null`.
 * @param config the text of a `config.json`, or what parsing it gave
 * @throws FormatError when it is no JSON object, is of another class of networks, or has a key that is unknown, which might
 *   change what the weights mean
 */
export function readUnet2dConfig(config: string | object): Unet2dConfig {
  const parsed = typeof config === "string" ? parse(config) : config;
  if (parsed === null || typeof parsed !== "object" || Array.isArray(parsed)) {
    throw new FormatError("A configuration of diffusers is a JSON object.", "diffusers config");
  }
  const { _class_name: className } = parsed as { readonly _class_name?: unknown };
  if (className !== undefined && className !== "UNet2DModel") {
    throw new FormatError(
      `The configuration is that of a ${JSON.stringify(className)}; a UNet2DModel is what can be read here.`,
      "diffusers config",
    );
  }
  const options: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(parsed)) {
    const name = optionBySpelling.get(key);
    if (key.startsWith("_") || (name === undefined && value === null)) {
      continue;
    }
    if (name === undefined) {
      throw new FormatError(
        `The configuration has the unknown key "${key}"${didYouMean(key, optionBySpelling.keys())}`,
        "diffusers config",
      );
    }
    options[name] = value;
  }
  return options as Unet2dConfig;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new FormatError(`The configuration is no JSON: ${(error as Error).message}.`, "diffusers config");
  }
}
