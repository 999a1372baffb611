import { AbortError, throwIfAborted } from "@diffusiongym/core";
import type { LoadingSettings } from "./settings.js";

/** What a request needs of the settings. */
export type RequestSettings = Pick<
  LoadingSettings,
  "token" | "endpoint" | "retries" | "timeoutMs" | "retryDelayMs" | "signal"
>;

/** Longest pause that a server may ask for before a request is made again. */
const longestPauseMs = 60_000;
const mostRedirects = 8;

/** A request that failed. Internal: `Repository` says it in the words of the user. */
export class RequestFailure extends Error {
  constructor(
    message: string,
    /** True when the same request may succeed later. */
    readonly transient: boolean,
    /** The server's answer, when there was one. */
    readonly status?: number,
    /** The hub's own word for the error: `RepoNotFound`, `GatedRepo`, ... */
    readonly code?: string,
    /** Pause that the server asks for. */
    readonly retryAfterMs?: number,
  ) {
    super(message);
  }
}

/** One request under way: the answer, and the watch over its silence. */
export interface Exchange {
  readonly response: Response;
  /** Address that answered, after redirects. */
  readonly address: string;
  /** The body's pieces; fails when nothing arrives for `timeoutMs`. */
  chunks(): AsyncGenerator<Uint8Array>;
  /** Ends the exchange; nothing more is read. */
  close(): void;
}

/** What `exchange` asks for. */
export interface RequestOptions {
  readonly method: "GET" | "HEAD";
  readonly headers?: Readonly<Record<string, string>>;
  /** Sees every answer that redirects; true stops there and gives that answer. */
  readonly stopAt?: (response: Response, from: string, to: string) => boolean;
}

/**
 * Makes one request and follows its redirects; the token goes to the endpoint's own host alone.
 * @throws RequestFailure for answers of 400 and above, silence, and broken connections; AbortError
 */
export async function exchange(address: string, options: RequestOptions, settings: RequestSettings): Promise<Exchange> {
  const { signal, timeoutMs } = settings;
  throwIfAborted(signal, "Loading");
  const silence = new AbortController();
  const watched = signal === undefined ? silence.signal : AbortSignal.any([signal, silence.signal]);
  let timer = setTimeout(() => silence.abort(), timeoutMs);
  const heard = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => silence.abort(), timeoutMs);
  };
  const close = (): void => {
    clearTimeout(timer);
    silence.abort();
  };
  const explain = (error: unknown): Error => {
    clearTimeout(timer);
    if (signal?.aborted) {
      return new AbortError(
        `Loading was stopped because its AbortSignal fired (${String(signal.reason)}).`,
        signal.reason,
      );
    }
    if (error instanceof RequestFailure) {
      return error;
    }
    return new RequestFailure(silence.signal.aborted ? `no answer for ${timeoutMs / 1000} s` : reasonOf(error), true);
  };
  try {
    let current = address;
    for (let hop = 0; hop <= mostRedirects; hop++) {
      const response = await fetch(current, {
        method: options.method,
        redirect: "manual",
        signal: watched,
        headers: {
          // Compressed, a body's length would not be that of the file.
          "Accept-Encoding": "identity",
          ...options.headers,
          ...authorization(current, settings),
        },
      });
      heard();
      const location = response.headers.get("location");
      if (response.status >= 300 && response.status < 400 && location !== null) {
        const next = new URL(location, current).href;
        if (options.stopAt?.(response, current, next) !== true) {
          await response.body?.cancel();
          current = next;
          continue;
        }
      } else if (!response.ok) {
        throw await failureOf(response);
      }
      return { response, address: current, chunks: () => read(response, heard, explain), close };
    }
    throw new RequestFailure(`more than ${mostRedirects} redirects`, false);
  } catch (error) {
    throw explain(error);
  }
}

async function* read(
  response: Response,
  heard: () => void,
  explain: (error: unknown) => Error,
): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
      heard();
      yield chunk;
      // The time that the reader takes to write is not the server's.
      heard();
    }
  } catch (error) {
    throw explain(error);
  }
}

/**
 * Runs `attempt` again after failures that may pass, with growing pauses or those that the server asks for.
 * @param attempt gets a function to call on progress, after which failures are counted from zero again
 */
export async function withRetries<T>(
  attempt: (progressed: () => void) => Promise<T>,
  settings: RequestSettings,
): Promise<T> {
  let failures = 0;
  for (;;) {
    try {
      return await attempt(() => {
        failures = 0;
      });
    } catch (error) {
      const pauseMs =
        error instanceof RequestFailure ? (error.retryAfterMs ?? settings.retryDelayMs * 2 ** failures) : 0;
      if (!(error instanceof RequestFailure) || !error.transient || pauseMs > longestPauseMs) {
        throw error;
      }
      failures += 1;
      if (failures > settings.retries) {
        throw error;
      }
      await pause(pauseMs, settings.signal);
    }
  }
}

/** Resolves after a time. @throws AbortError at once when the signal fires */
export async function pause(durationMs: number, signal: AbortSignal | undefined): Promise<void> {
  throwIfAborted(signal, "Loading");
  await new Promise<void>((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, durationMs);
    signal?.addEventListener("abort", end);
  });
  throwIfAborted(signal, "Loading");
}

function authorization(address: string, { token, endpoint }: RequestSettings): Record<string, string> {
  return token !== undefined && new URL(address).origin === new URL(endpoint).origin
    ? { Authorization: `Bearer ${token}` }
    : {};
}

async function failureOf(response: Response): Promise<RequestFailure> {
  await response.body?.cancel();
  const { status, headers } = response;
  const said = headers.get("x-error-message");
  return new RequestFailure(
    `the server answered ${status}${response.statusText === "" ? "" : ` ${response.statusText}`}${said === null ? "" : ` (${said})`}`,
    status === 408 || status === 429 || status >= 500,
    status,
    headers.get("x-error-code") ?? undefined,
    retryAfter(headers.get("retry-after")),
  );
}

/** Milliseconds of a Retry-After header, which gives seconds or a date. */
function retryAfter(value: string | null): number | undefined {
  if (value === null) {
    return undefined;
  }
  const seconds = Number(value);
  const milliseconds = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(value) - Date.now();
  return Number.isFinite(milliseconds) ? Math.max(milliseconds, 0) : undefined;
}

function reasonOf(error: unknown): string {
  const { message, cause } = error as { message?: string; cause?: { code?: string; message?: string } };
  return [message, cause?.code ?? cause?.message].filter(Boolean).join(": ");
}
