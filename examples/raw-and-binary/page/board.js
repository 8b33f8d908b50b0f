// Two clients of one board: one uses JSON, the other MessagePack. A stroke is bytes for both.
import { decode, encode } from "/msgpack.js";

const POINTS = 500;
/** So many strokes are kept, here as on the server. */
const STROKES = 100;
const COME_BACK = 2_000;
// Whether to reconnect: `retryable` of `sys.goaway` decides, otherwise the close code.
const comesBack = (code, goaway) =>
  goaway ? goaway.retryable : [1001, 1006, 1011, 1012, 1013, 1014].includes(code) || (code >= 4000 && code < 4500);
const $ = (id) => document.getElementById(id);
const scheme = location.protocol === "https:" ? "wss:" : "ws:";
const utf8 = new TextEncoder();

/** How a message is written and read, and how bytes stand in it. */
const FORMATS = {
  json: {
    protocol: "switchboard.v1.json",
    write: (message) => JSON.stringify(message),
    read: (data) => JSON.parse(data),
    pack: (bytes) => btoa(String.fromCharCode(...bytes)),
    unpack: (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0)),
    show: (data) => data,
  },
  msgpack: {
    protocol: "switchboard.v1.msgpack",
    write: (message) => encode(message),
    read: (data) => decode(data),
    pack: (bytes) => bytes,
    unpack: (bytes) => bytes,
    show: (data) => [...new Uint8Array(data).slice(0, 80)].map((byte) => byte.toString(16).padStart(2, "0")).join(" "),
  },
};

class Board {
  #format;
  #element;
  #canvas;
  #socket;
  #strokes = [];
  /** What the server has said before it closed, or null. */
  #goaway = null;
  /** The points of the stroke that is being drawn, or null. */
  #points = null;

  constructor(element) {
    this.#element = element;
    this.#format = FORMATS[element.dataset.format];
    this.#canvas = element.querySelector("canvas");
    this.#canvas.onpointerdown = (event) => {
      this.#canvas.setPointerCapture(event.pointerId);
      this.#points = [this.#place(event)];
    };
    this.#canvas.onpointermove = (event) => {
      if (!this.#points || this.#points.length === POINTS) return;
      this.#points.push(this.#place(event));
      this.#redraw();
    };
    this.#canvas.onpointerup = this.#canvas.onpointercancel = () => this.#finish();
    this.#open();
  }

  clear() {
    this.#send("clear");
    this.#keep([]);
  }

  #open() {
    const socket = new WebSocket(`${scheme}//${location.host}/board`, this.#format.protocol);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    this.#goaway = null;
    socket.onopen = () => this.#state("online", "Connected");
    socket.onclose = ({ code }) => {
      this.#state("lost", "Disconnected");
      if (!comesBack(code, this.#goaway)) return;
      setTimeout(() => this.#open(), Math.max(COME_BACK, this.#goaway?.retry_after_ms ?? 0));
    };
    socket.onmessage = ({ data }) => this.#hear(data);
  }

  #hear(data) {
    const { event, data: payload } = this.#format.read(data);
    if (event === "drawing") {
      this.#keep(payload.strokes.map(this.#format.unpack));
    } else if (event === "stroke") {
      this.#keep([...this.#strokes, this.#format.unpack(payload)]);
      this.#show("received", data);
    } else if (event === "cleared") {
      this.#keep([]);
    } else if (event === "sys.goaway") {
      this.#goaway = payload;
    } else if (event === "exception") {
      this.#element.querySelector(".traffic").textContent = payload.message;
    }
  }

  #send(event, payload) {
    if (this.#socket.readyState !== WebSocket.OPEN) return;
    const frame = this.#format.write(payload === undefined ? { event } : { event, data: payload });
    this.#socket.send(frame);
    if (event === "stroke") this.#show("sent", frame);
  }

  /** A dot is a stroke, too. */
  #finish() {
    if (!this.#points) return;
    const stroke = strokeOf(this.#points);
    this.#points = null;
    this.#keep([...this.#strokes, stroke]);
    this.#send("stroke", this.#format.pack(stroke));
  }

  #place({ offsetX, offsetY }) {
    const { width, height, clientWidth, clientHeight } = this.#canvas;
    const within = (value, most) => Math.round(Math.min(Math.max(value, 0), most));
    return [within((offsetX * width) / clientWidth, width), within((offsetY * height) / clientHeight, height)];
  }

  #draw(bytes) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const pen = this.#canvas.getContext("2d");
    pen.strokeStyle = `rgb(${bytes[0]} ${bytes[1]} ${bytes[2]})`;
    Object.assign(pen, { lineWidth: 5, lineCap: "round", lineJoin: "round" });
    pen.beginPath();
    pen.moveTo(view.getUint16(3), view.getUint16(5));
    for (let at = 3; at < bytes.length; at += 4) pen.lineTo(view.getUint16(at), view.getUint16(at + 2));
    pen.stroke();
  }

  #keep(strokes) {
    this.#strokes = strokes.slice(-STROKES);
    this.#redraw();
  }

  #redraw() {
    this.#canvas.getContext("2d").clearRect(0, 0, this.#canvas.width, this.#canvas.height);
    for (const stroke of this.#strokes) this.#draw(stroke);
    if (this.#points) this.#draw(strokeOf(this.#points));
  }

  #show(what, frame) {
    const size = typeof frame === "string" ? utf8.encode(frame).length : frame.byteLength;
    this.#element.querySelector(".traffic").textContent = `Last stroke: ${size} bytes ${what}`;
    const shown = this.#format.show(frame);
    this.#element.querySelector(".frame").textContent = shown.length > 160 ? `${shown.slice(0, 160)}…` : shown;
  }

  #state(phase, words) {
    this.#element.querySelector(".state").dataset.phase = phase;
    this.#element.querySelector(".state-text").textContent = words;
  }
}

/** Three bytes of colour, then each point as two 16-bit numbers, the high byte first. */
function strokeOf(points) {
  const bytes = new Uint8Array(3 + 4 * points.length);
  const view = new DataView(bytes.buffer);
  const colour = Number.parseInt($("colour").value.slice(1), 16);
  bytes.set([colour >> 16, (colour >> 8) & 255, colour & 255]);
  for (const [index, [x, y]] of points.entries()) {
    view.setUint16(3 + 4 * index, x);
    view.setUint16(5 + 4 * index, y);
  }
  return bytes;
}

const boards = [...document.querySelectorAll(".board")].map((element) => new Board(element));
$("clear").onclick = () => boards[0].clear();
