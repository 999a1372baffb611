import { MissingPackageError } from "@diffusiongym/core";
import { importSharp } from "#platform";

/** A picture of sharp, as far as it is used here. */
export interface SharpPicture {
  toColourspace(name: "b-w"): SharpPicture;
  png(): SharpPicture;
  webp(
    options: SharpAnimation & { readonly lossless?: boolean; readonly quality?: number; readonly effort?: number },
  ): SharpPicture;
  gif(options: SharpAnimation & { readonly colours?: number }): SharpPicture;
  jpeg(options: {
    readonly quality: number;
    readonly chromaSubsampling: "4:2:0" | "4:4:4";
    readonly optimiseCoding?: boolean;
    readonly mozjpeg?: boolean;
  }): SharpPicture;
  /** The bytes of the file. */
  toBuffer(): Promise<Uint8Array<ArrayBufferLike>>;
}

/** How a moving picture is shown. */
interface SharpAnimation {
  /** 0 without end. */
  readonly loop?: number;
  /** Milliseconds that each frame is seen. */
  readonly delay?: number[];
}

/** The function that sharp exports, as far as it is used here: makes a picture of bytes, pixel by pixel. */
export type Sharp = (
  data: Uint8Array,
  options: {
    readonly raw: {
      readonly width: number;
      readonly height: number;
      readonly channels: 1 | 3;
      /** Height of a frame where several lie one below the other. */
      readonly pageHeight?: number;
    };
  },
) => SharpPicture;

let loaded: Promise<Sharp> | undefined;

/**
 * sharp, imported when first asked for.
 * @param purpose what it is needed for, the subject of the message: "The JPEG rewards"
 * @param importPackage what imports it. @default the package of that name
 * @throws MissingPackageError with the command that installs it
 */
export function loadSharp(purpose: string, importPackage?: () => Promise<unknown>): Promise<Sharp> {
  if (importPackage !== undefined) {
    return load(purpose, importPackage);
  }
  loaded ??= load(purpose, importSharp).catch((error: unknown) => {
    // Whoever installs it need not start the program again.
    loaded = undefined;
    throw error;
  });
  return loaded;
}

async function load(purpose: string, importPackage: () => Promise<unknown>): Promise<Sharp> {
  try {
    return ((await importPackage()) as { readonly default: Sharp }).default;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const error = new MissingPackageError(
      `${purpose} need the package sharp, which could not be loaded (${reason.split("\n")[0]}). Install it with: npm install sharp`,
      "sharp",
    );
    error.cause = cause;
    throw error;
  }
}
