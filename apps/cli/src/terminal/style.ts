import type { Io, TextStream } from "./io.js";

/** Emphasis, where the stream is a terminal and the user has not set NO_COLOR. */
export interface Style {
  bold(text: string): string;
  dim(text: string): string;
}

/** The style for a stream. */
export function styleFor(stream: TextStream, environment: Io["environment"]): Style {
  const colored = stream.isTTY === true && !environment.NO_COLOR && environment.TERM !== "dumb";
  const paint =
    (code: number, end: number) =>
    (text: string): string =>
      colored ? `\u001b[${code}m${text}\u001b[${end}m` : text;
  return { bold: paint(1, 22), dim: paint(2, 22) };
}
