// What the tests of the chat share: ordering the server about, and people without a browser.
import assert from "node:assert/strict";
import { decode, encode } from "@msgpack/msgpack";
import { WebSocket } from "ws";

export { order } from "./control.mjs";

const { WS_URL } = process.env;

const JSON_FRAMES = { binary: false, read: (data) => JSON.parse(data), write: (message) => JSON.stringify(message) };
const MSGPACK_FRAMES = { binary: true, read: decode, write: (message) => encode(message, { ignoreUndefined: true }) };

/** A connection whose frames are taken one by one. */
export class Person {
  frames = [];
  #waiting = [];
  #lastId = 0;

  static async arrive(url = WS_URL, options = {}, protocols = []) {
    const person = new Person();
    person.socket = new WebSocket(url, protocols, options);
    person.socket.once("upgrade", ({ headers }) => (person.headers = headers));
    person.closed = new Promise((resolve) => person.socket.on("close", (code, reason) => resolve({ code, reason: String(reason) })));
    person.socket.on("message", (data, binary) => {
      assert.equal(binary, person.format.binary);
      person.frames.push(person.format.read(data));
      person.#waiting.splice(0).forEach((look) => look());
    });
    await new Promise((resolve, reject) => person.socket.on("open", resolve).on("error", reject));
    return person;
  }

  /** That of the subprotocol which the server chose. */
  get format() {
    return this.socket.protocol === "switchboard.v1.msgpack" ? MSGPACK_FRAMES : JSON_FRAMES;
  }

  send(event, data, id) {
    this.socket.send(this.format.write({ event, data, id }));
  }

  /** The first frame that fits, taken away with all before it. */
  async next(fits = () => true, limit = 5000) {
    const until = Date.now() + limit;
    for (;;) {
      const at = this.frames.findIndex(fits);
      if (at >= 0) return this.frames.splice(0, at + 1).at(-1);
      const left = until - Date.now();
      assert.ok(left > 0, `no such frame: ${fits}; there are ${JSON.stringify(this.frames)}`);
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#waiting.push(() => resolve(clearTimeout(timer)));
      });
    }
  }

  /** The whole frame that answers. */
  ask(event, data) {
    const id = ++this.#lastId;
    this.send(event, data, id);
    return this.next((frame) => frame.id === id);
  }

  leave() {
    this.socket.close(1000);
    return this.closed;
  }
}
