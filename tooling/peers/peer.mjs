import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { findPython } from "./python.mjs";

/** Another process that runs the same work, asked and answering in lines of JSON. */
export class Peer {
  /** @type {import("node:child_process").ChildProcessByStdio<import("node:stream").Writable, import("node:stream").Readable, null>} */
  #process;
  #lines;
  #exit;

  /** @param {string} command @param {readonly string[]} args @param {Record<string, string>} [environment] */
  constructor(command, args, environment = {}) {
    this.#process = spawn(command, args, {
      stdio: ["pipe", "pipe", "inherit"],
      env: { ...process.env, ...environment },
    });
    this.#lines = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();
    this.#exit = new Promise((resolve) => {
      this.#process.on("close", resolve);
    });
  }

  /**
   * @param {Record<string, unknown>} request
   * @returns {Promise<any>} the answer
   * @throws Error when the peer failed or ended
   */
  async ask(request) {
    this.#process.stdin.write(`${JSON.stringify(request)}\n`);
    const { done, value } = await this.#lines.next();
    if (done) throw new Error(`The peer ended while it was asked to ${request.do}.`);
    const reply = JSON.parse(value);
    if (reply.error) throw new Error(`The peer failed to ${request.do}: ${reply.error}`);
    return reply;
  }

  /** Ends it. */
  async stop() {
    this.#process.stdin.end();
    await this.#exit;
  }
}

/**
 * PyTorch in a process of its own, or `undefined` with one line printed that says what is missing.
 *
 * @param {{ threads: number, modules?: readonly string[] }} options
 */
export async function startTorch({ threads, modules = ["torch"] }) {
  const python = findPython(modules);
  if (typeof python === "string") {
    console.log(`PyTorch is left out: ${python}`);
    return undefined;
  }
  const script = fileURLToPath(new URL("torch_peer.py", import.meta.url));
  const peer = new Peer(python.path, [script], { OMP_NUM_THREADS: String(threads) });
  const { version } = await peer.ask({ do: "start", threads });
  console.log(`PyTorch ${version}, ${threads} threads`);
  return peer;
}
