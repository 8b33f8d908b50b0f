// People who use the official client library. `MODE` is how they connect.
import assert from "node:assert/strict";
import { io } from "socket.io-client";

const { URL: url, MODE = "default" } = process.env;

/** Of the client library: what it does by default, and each transport alone. */
export const MODES = {
  default: {},
  websocket: { transports: ["websocket"] },
  polling: { transports: ["polling"] },
};

export const mode = MODE;

/** How long anything may take, in milliseconds. */
const LIMIT = 10_000;

/** A socket of the client library, with everything that it received. */
export class Person {
  /** `[event, ...arguments]`, in order, without those that were taken. */
  received = [];
  reasons = [];
  #waiting = new Set();

  /** Not connected yet: it begins to connect, and nobody waits for that. */
  constructor(namespace = "/", options = {}) {
    const at = new globalThis.URL(namespace, url).href;
    this.socket = io(at, { forceNew: true, reconnection: false, ...MODES[mode], ...options });
    this.socket.onAny((...message) => this.#note(message));
    this.socket.on("connect", () => this.#wake());
    this.socket.on("disconnect", (reason) => {
      this.reasons.push(reason);
      this.#wake();
    });
  }

  /** Connected. Its refusal is thrown. */
  static async arrive(namespace, options) {
    const person = new Person(namespace, options);
    await new Promise((resolve, reject) => person.socket.once("connect", resolve).once("connect_error", reject));
    return person;
  }

  /** Why it is not let in. */
  static async refused(namespace, options) {
    const person = new Person(namespace, options);
    const error = await new Promise((resolve, reject) => {
      person.socket.once("connect_error", resolve).once("connect", () => reject(new Error("it was let in")));
    });
    person.leave();
    return error;
  }

  #note(message) {
    this.received.push(message);
    this.#wake();
  }

  #wake() {
    for (const look of [...this.#waiting]) look();
  }

  /** Waits until `look` finds something: anything but `undefined`. */
  until(look, what = String(look), limit = LIMIT) {
    // Made here, so that its stack says who waits.
    const missing = new Error(`no ${what}`);
    return new Promise((resolve, reject) => {
      const stop = () => (clearTimeout(timer), this.#waiting.delete(again));
      const again = () => {
        const found = look();
        if (found !== undefined) resolve(found, stop());
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(again);
        const { transport, socket } = this;
        const state = { transport, connected: socket.connected, reasons: this.reasons, received: this.received };
        reject(Object.assign(missing, { state: JSON.stringify(state).slice(0, 2000) }));
      }, limit);
      this.#waiting.add(again);
      again();
    });
  }

  /** The arguments of the first such event, taken away with all before it. */
  next(event, limit) {
    const take = () => {
      const at = this.received.findIndex(([name]) => name === event);
      return at < 0 ? undefined : this.received.splice(0, at + 1).at(-1).slice(1);
    };
    return this.until(take, `event ${event}`, limit);
  }

  /** The reason of the next disconnect. */
  disconnected(limit) {
    return this.until(() => this.reasons.shift(), "disconnect", limit);
  }

  connected(limit) {
    return this.until(() => (this.socket.connected ? true : undefined), "connect", limit);
  }

  /** Waits until the transport is the last one of its mode. */
  async upgraded(limit = LIMIT) {
    const last = mode === "polling" ? "polling" : "websocket";
    for (const until = Date.now() + limit; this.transport !== last; await sleep(10)) {
      assert.ok(Date.now() < until, `still over ${this.transport}`);
    }
  }

  /** All arguments of the ack: `emitWithAck` gives the first one alone. */
  ask(event, ...values) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no ack of ${event}`)), LIMIT);
      this.socket.emit(event, ...values, (...answer) => resolve(answer, clearTimeout(timer)));
    });
  }

  /** The name of the transport that is in use. */
  get transport() {
    return this.socket.io.engine?.transport?.name;
  }

  leave() {
    this.socket.disconnect();
  }
}

/** Buffers as arrays of numbers, so that they can be compared, whichever kind of buffer it is. */
export function plain(value) {
  if (value instanceof ArrayBuffer) return [...new Uint8Array(value)];
  if (ArrayBuffer.isView(value)) return [...new Uint8Array(value.buffer, value.byteOffset, value.byteLength)];
  if (Array.isArray(value)) return value.map(plain);
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, plain(part)]));
  }
  return value;
}

export function same(actual, expected, message) {
  assert.deepEqual(plain(actual), plain(expected), message);
}

export const sleep = (time) => new Promise((resolve) => setTimeout(resolve, time));
