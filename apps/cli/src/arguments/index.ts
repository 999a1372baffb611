export { type ConfigFile, configArguments, readConfigFile } from "./config-file.js";
export { type HelpSection, type HelpTexts, optionSection, renderHelp, renderSection, wrap } from "./help.js";
export { knobOptions, knobsGiven, optionName } from "./knobs.js";
export { choice, flag, integer, number, type Option, type Options, text, textList, type Values } from "./option.js";
export { type ParsedArguments, type PartOptions, parseArguments } from "./parse.js";
export { UsageError, whileReading } from "./usage-error.js";
