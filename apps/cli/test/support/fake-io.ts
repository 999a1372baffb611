import type { Io } from "../../src/index.js";

/** An Io whose output is kept. */
export interface FakeIo extends Io {
  out(): string;
  err(): string;
}

export function fakeIo(
  options: { folder?: string; environment?: Io["environment"]; interrupted?: AbortSignal } = {},
): FakeIo {
  const written = { out: "", err: "" };
  const stream = (name: "out" | "err") => ({
    isTTY: false,
    columns: 80,
    write: (text: string) => {
      written[name] += text;
    },
  });
  return {
    stdout: stream("out"),
    stderr: stream("err"),
    environment: options.environment ?? {},
    folder: options.folder ?? process.cwd(),
    interrupted: options.interrupted ?? new AbortController().signal,
    out: () => written.out,
    err: () => written.err,
  };
}
