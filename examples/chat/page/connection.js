// One WebSocket to a Switchboard gateway that reconnects by itself: requests with ids and timeouts, full jitter,
// and the advice of the server's `sys.goaway`.

const FIRST_WAIT = 500;
const LONGEST_WAIT = 30_000;
const OPEN_LIMIT = 10_000;
const ANSWER_LIMIT = 8_000;
// The server sends a `tick` every 30 s. Pages cannot see pings, so after a longer silence the client sends a request.
const SILENCE = 45_000;
// Whether to reconnect: `retryable` of `sys.goaway` decides, otherwise the close code.
const comesBack = (code, goaway) =>
  goaway ? goaway.retryable : [1001, 1006, 1011, 1012, 1013, 1014].includes(code) || (code >= 4000 && code < 4500);

/** What a request ended with: `code` and `message` of the server's `exception`, or `timeout`, `offline`, `lost`. */
export class RequestError extends Error {
  constructor({ code, message, details = [], retryable = false }) {
    super(message);
    this.code = code;
    this.details = details;
    this.retryable = retryable;
  }
}

export class Connection {
  #url;
  #onState;
  #onEvent;
  #socket = null;
  #pending = new Map();
  #lastId = 0;
  #attempt = 0;
  #goaway = null;
  #timer = 0;
  #heardAt = 0;
  #phase = "stopped";

  /**
   * `onState(phase, until)`: connecting, online, waiting (until that time, in ms) or stopped.
   * `onEvent(event, data)`: whatever the server sends that answers no request.
   */
  constructor(url, { onState, onEvent }) {
    this.#url = url;
    this.#onState = onState;
    this.#onEvent = onEvent;
    addEventListener("online", () => this.#phase === "waiting" && this.open());
    addEventListener("offline", () => this.#socket && this.#probe());
    document.addEventListener("visibilitychange", () => document.hidden || this.#checkSilence());
    setInterval(() => this.#checkSilence(), 15_000);
  }

  get isOnline() {
    return this.#phase === "online";
  }

  /** Connects now, whatever it was waiting for. */
  open() {
    clearTimeout(this.#timer);
    if (this.#socket) return;
    this.#goaway = null;
    this.#enter("connecting");
    const socket = new WebSocket(this.#url, "switchboard.v1.json");
    this.#socket = socket;
    // A socket that was given up may still deliver events: only the current one counts.
    const mine = (work) => (event) => this.#socket === socket && work(event);
    this.#timer = setTimeout(() => this.#gone(), OPEN_LIMIT);
    socket.onopen = mine(() => {
      clearTimeout(this.#timer);
      this.#heardAt = Date.now();
      this.#enter("online");
    });
    socket.onmessage = mine((event) => this.#hear(event.data));
    socket.onclose = mine((event) => this.#gone(event.code));
  }

  /** Sends without asking for an answer. False when there is no connection. */
  send(event, data) {
    if (!this.isOnline) return false;
    this.#socket.send(JSON.stringify({ event, data }));
    return true;
  }

  /** Sends, and waits for the answer. Rejects with a RequestError. */
  request(event, data, limit = ANSWER_LIMIT) {
    if (!this.isOnline) return Promise.reject(new RequestError({ code: "offline", message: "Not connected" }));
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#settle(id)?.reject(new RequestError({ code: "timeout", message: "No answer", retryable: true }));
      }, limit);
      this.#pending.set(id, { resolve, reject, timer });
      this.#socket.send(JSON.stringify({ event, data, id }));
    });
  }

  #hear(text) {
    this.#heardAt = Date.now();
    // A message from the server proves the connection: after the next loss the delays start from the shortest again.
    this.#attempt = 0;
    const { event, data, id } = JSON.parse(text);
    if (event === "sys.goaway") {
      this.#goaway = data;
    } else if (id === undefined) {
      this.#onEvent(event, data);
    } else if (event === "exception") {
      this.#settle(id)?.reject(new RequestError(data));
    } else {
      this.#settle(id)?.resolve(data);
    }
  }

  #settle(id) {
    const request = this.#pending.get(id);
    this.#pending.delete(id);
    clearTimeout(request?.timer);
    return request;
  }

  #gone(code) {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = null;
    socket.close();
    // A socket that was given up has no code.
    const final = !comesBack(code ?? 1006, this.#goaway);
    const jitter = Math.random() * Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.#attempt);
    const wait = Math.max(jitter, this.#goaway?.retry_after_ms ?? 0);
    this.#attempt += 1;
    if (final) {
      this.#enter("stopped");
    } else {
      this.#timer = setTimeout(() => this.open(), wait);
      this.#enter("waiting", Date.now() + wait);
    }
    for (const id of [...this.#pending.keys()]) {
      this.#settle(id).reject(new RequestError({ code: "lost", message: "The connection was lost", retryable: true }));
    }
  }

  #checkSilence() {
    if (this.isOnline && Date.now() - this.#heardAt > SILENCE) this.#probe();
  }

  #probe() {
    const socket = this.#socket;
    if (!this.isOnline) return;
    this.request("presence", null).catch((error) => {
      if (error.code === "timeout" && this.#socket === socket) this.#gone();
    });
  }

  #enter(phase, until) {
    this.#phase = phase;
    this.#onState(phase, until);
  }
}
