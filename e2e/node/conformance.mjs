// What the suites of Socket.IO's protocols share: clauses, one after the other, over bare HTTP and WebSockets.
import assert from "node:assert/strict";
import { request } from "node:http";
import { WebSocket } from "ws";

export const BASE = process.env.URL.replace(/\/$/, "");
const ADDRESS = new URL(BASE);
const PATH = "/socket.io/";
/** Of the server that the suites expect. */
export const PING_INTERVAL = 300;
export const PING_TIMEOUT = 200;
export const CONNECT_TIMEOUT = 1000;
export const SEPARATOR = "\x1e";

/** How long anything may take that has no time of its own. */
const LIMIT = 3000;
/** How late a timer may be on a machine that is busy. */
export const LATE = 150;

const clauses = [];

/** A clause: its name is in the table of docs/socketio-conformance.md. */
export function clause(name, body) {
  clauses.push({ name, body });
}

/** Runs all, or those that the arguments name a part of, and prints a line for each. */
export async function run() {
  const parts = process.argv.slice(2);
  const chosen = clauses.filter(({ name }) => parts.length === 0 || parts.some((part) => name.includes(part)));
  let failed = 0;
  for (const { name, body } of chosen) {
    try {
      await within(body(), 10_000, "the clause did not end");
      console.log(`ok ${name}`);
    } catch (error) {
      failed += 1;
      console.log(`FAILED ${name}\n  ${error.stack.replaceAll("\n", "\n  ")}`);
    }
  }
  console.log(failed === 0 ? "done" : `${failed} of ${chosen.length} clauses failed`);
  process.exit(failed === 0 ? 0 : 1);
}

export const sleep = (time) => new Promise((resolve) => setTimeout(resolve, time));

export function within(promise, limit, why) {
  let timer;
  const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error(`${why} (${limit} ms)`)), limit)));
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** The target of a request. A value of `undefined` leaves the parameter out. */
export function target(query) {
  const all = { EIO: "4", transport: "polling", ...query };
  const pairs = Object.entries(all).filter(([, value]) => value !== undefined);
  return `${PATH}?${pairs.map(([key, value]) => `${key}=${value}`).join("&")}`;
}

/**
 * One request on a connection of its own: `{ status, headers, text, json }`. With `open` it resolves with the request,
 * whose body is not ended, and the promise of its response.
 */
export function http(query, { method = "GET", body, headers = {}, signal, open = false } = {}) {
  const options = { host: ADDRESS.hostname, port: ADDRESS.port, path: target(query), method, headers, signal, agent: false };
  const outgoing = request(options);
  const response = new Promise((resolve, reject) => {
    outgoing.on("error", reject).on("response", (incoming) => {
      const chunks = [];
      incoming.on("data", (chunk) => chunks.push(chunk)).on("error", reject);
      incoming.on("end", () => {
        const text = Buffer.concat(chunks).toString();
        const { statusCode: status, headers } = incoming;
        resolve({ status, headers, text, get json() { return JSON.parse(text); } });
      });
    });
  });
  if (open) {
    response.catch(() => {});
    return { outgoing, response };
  }
  outgoing.end(body);
  return within(response, LIMIT, `no answer to ${method} ${options.path}`);
}

export const post = (sid, body, headers = { "content-type": "text/plain;charset=UTF-8" }) => http({ sid }, { method: "POST", body, headers });
export const poll = (sid) => http({ sid });

/** A refusal has a code in its body, unless the document leaves it open. */
export function refused({ status, json }, code) {
  assert.equal(status, 400);
  assert.equal(json.code, code);
  assert.equal(typeof json.message, "string");
}

/** The sid of a new polling session. */
export async function open() {
  const { status, text } = await http({});
  assert.equal(status, 200);
  assert.equal(text[0], "0");
  return JSON.parse(text.slice(1)).sid;
}

/** A polling session in the main namespace, with everything taken that the server sent at its beginning. */
export async function enter() {
  const sid = await open();
  assert.equal((await post(sid, "40")).text, "ok");
  let packets = [];
  while (packets.length < 2) packets = packets.concat((await poll(sid)).text.split(SEPARATOR));
  assert.match(packets[0], /^40\{"sid":"[^"]+"\}$/);
  assert.equal(packets[1], '42["auth",{}]');
  return sid;
}

/** A WebSocket whose messages are taken one by one. Texts are strings, binary ones arrays of numbers. */
export class Socket {
  messages = [];
  #waiting = [];

  constructor(query = {}) {
    this.socket = new WebSocket(`ws://${ADDRESS.host}${target({ transport: "websocket", ...query })}`);
    this.opened = new Promise((resolve) => this.socket.on("open", () => resolve(true)));
    this.closed = new Promise((resolve) => this.socket.on("close", (code) => resolve(code)));
    this.socket.on("unexpected-response", (_, response) => {
      this.status = response.statusCode;
      response.resume().on("end", () => this.socket.terminate());
    });
    this.socket.on("error", () => {});
    this.socket.on("message", (data, binary) => {
      this.messages.push(binary ? [...data] : data.toString());
      this.#waiting.splice(0).forEach((look) => look());
    });
  }

  /** After the handshake of a new session. */
  static async open() {
    const socket = new Socket();
    assert.match(await socket.next(), /^0\{/);
    return socket;
  }

  /** In a namespace, with everything taken that the server sent at its beginning. */
  static async enter(name = "") {
    const socket = await Socket.open();
    await socket.join(name);
    return socket;
  }

  async join(name) {
    const prefix = name === "" ? "" : `${name},`;
    this.send(`40${prefix}`);
    const answer = await this.message();
    assert.ok(answer.startsWith(`40${prefix}{"sid":"`), answer);
    assert.equal(await this.message(), `42${prefix}["auth",{}]`);
  }

  send(...messages) {
    for (const message of messages) this.socket.send(Array.isArray(message) ? Uint8Array.from(message) : message);
  }

  /** The next message of any kind. */
  async next(limit = LIMIT) {
    const until = Date.now() + limit;
    while (this.messages.length === 0) {
      const left = until - Date.now();
      assert.ok(left > 0, "no message arrived");
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#waiting.push(() => resolve(clearTimeout(timer)));
      });
    }
    return this.messages.shift();
  }

  /** The next message that is not a ping. Pings are answered. */
  async message() {
    for (;;) {
      const message = await this.next();
      if (message !== "2") return message;
      this.send("3");
    }
  }

  /** Answers pings until the end. */
  async idle() {
    this.socket.on("message", (data) => data.toString() === "2" && this.socket.send("3"));
    return this.closed;
  }

  /** That the server closes it in good time, sooner than it would for want of a pong. */
  async ends(limit = PING_INTERVAL) {
    return within(this.closed, limit, "the server did not close");
  }

  leave() {
    this.socket.close();
  }
}
