// One WebSocket to a Switchboard gateway: requests with one reply or a stream of items, cancel, and pushes.

/** What a request ended with: `code`, `message` and `details` of the server's `exception`, or `lost`. */
export class RequestError extends Error {
  constructor({ code, message, details = [] }) {
    super(message);
    Object.assign(this, { code, details });
  }
}

const lost = () => new RequestError({ code: "lost", message: "The connection was lost" });

export class Connection {
  #url;
  #hears;
  #socket = null;
  #requests = new Map();
  #lastId = 0;

  /** `onState(phase)`: connecting, online or lost. `onEvent(event, data)`: pushes. */
  constructor(url, hears) {
    this.#url = url;
    this.#hears = hears;
  }

  open() {
    this.#hears.onState("connecting");
    const socket = new WebSocket(this.#url, "switchboard.v1.json");
    this.#socket = socket;
    socket.onopen = () => this.#hears.onState("online");
    socket.onmessage = ({ data }) => this.#hear(JSON.parse(data));
    socket.onclose = () => {
      this.#hears.onState("lost");
      for (const id of [...this.#requests.keys()]) this.#take(id).reject(lost());
    };
  }

  /** The server drops what runs for this client; nothing has to be cancelled before. */
  close() {
    this.#socket.close(1000);
  }

  /**
   * Sends a request. `ended` resolves with its answer, or at the end of a stream, and rejects with a RequestError; each item of a
   * stream goes to `onItem`. `cancel()` asks the server to stop: the request ends by `ended` as ever.
   */
  request(event, data, onItem) {
    const id = ++this.#lastId;
    if (this.#socket?.readyState !== WebSocket.OPEN) return { ended: Promise.reject(lost()), cancel() {} };
    const ended = new Promise((resolve, reject) => this.#requests.set(id, { resolve, reject, onItem }));
    this.#socket.send(JSON.stringify({ event, data, id }));
    return { ended, cancel: () => this.#requests.has(id) && this.#socket.send(JSON.stringify({ cancel: id })) };
  }

  #hear({ event, data, id, more }) {
    if (id === undefined) this.#hears.onEvent(event, data);
    else if (more) this.#requests.get(id)?.onItem?.(data);
    else if (event === "exception") this.#take(id)?.reject(new RequestError(data));
    else this.#take(id)?.resolve(data);
  }

  #take(id) {
    const request = this.#requests.get(id);
    this.#requests.delete(id);
    return request;
  }
}
