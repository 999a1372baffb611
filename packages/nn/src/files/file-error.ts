import { DiffusionGymError } from "@diffusiongym/core";

/** A file that could not be found, fetched, read or written. What it contains is another matter: see FormatError. */
export class FileError extends DiffusionGymError {
  override readonly name = "FileError";
  constructor(
    message: string,
    /** Path or address of the file. */
    readonly file: string,
    /** What the platform threw. */
    override readonly cause?: unknown,
  ) {
    super(message);
  }
}

/** A FileError for what the platform threw: `Cannot read "model.onnx": there is no such file.` */
export function fileError(action: string, file: string, error: unknown): FileError {
  const code = (error as { code?: unknown } | null)?.code;
  const reason =
    code === "ENOENT"
      ? "there is no such file"
      : error instanceof Error
        ? error.message.replace(/\.$/, "")
        : String(error);
  return new FileError(`Cannot ${action} "${file}": ${reason}.`, file, error);
}
