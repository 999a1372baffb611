import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** What the server does with a file. */
export interface Served {
  readonly bytes: Uint8Array;
  /** Answer `Range` requests with the part asked for. @default true */
  readonly ranges?: boolean;
  /** Break the connection behind this many bytes. */
  readonly breakAt?: number;
  /** Say no length beforehand. */
  readonly chunked?: boolean;
}

/** A web server for tests, and what it was asked. */
export class FileServer {
  readonly requests: string[] = [];
  readonly #server: Server;

  constructor(files: ReadonlyMap<string, Served>) {
    this.#server = createServer((request, response) => {
      const range = /^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1];
      this.requests.push(`${request.url}${range === undefined ? "" : ` from ${range}`}`);
      const file = files.get(new URL(request.url!, "http://server").pathname);
      if (!file) {
        response.writeHead(404).end("nothing here");
        return;
      }
      const start = range !== undefined && file.ranges !== false ? Number(range) : 0;
      if (start >= file.bytes.length) {
        response.writeHead(416, { "content-range": `bytes */${file.bytes.length}` }).end();
        return;
      }
      const isPart = start > 0 || (range !== undefined && file.ranges !== false);
      response.writeHead(isPart ? 206 : 200, {
        ...(!file.chunked && { "content-length": file.bytes.length - start }),
        ...(isPart && { "content-range": `bytes ${start}-${file.bytes.length - 1}/${file.bytes.length}` }),
      });
      if (file.breakAt !== undefined) {
        response.write(file.bytes.subarray(start, file.breakAt), () => response.destroy());
      } else {
        response.end(file.bytes.subarray(start));
      }
    });
  }

  /** Starts it and gives its address. */
  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
