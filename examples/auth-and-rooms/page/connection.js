// One WebSocket to a Switchboard gateway: requests with ids, pushes, and how it ended. It does not reconnect by itself, because
// a ticket is valid for one connection.

const ANSWER_LIMIT = 8_000;

/** What a request ended with: `code`, `message` and `details` of the server's `exception`, or `timeout`, `lost`. */
export class RequestError extends Error {
  constructor({ code, message, details = [], retry_after_ms }) {
    super(message);
    Object.assign(this, { code, details, retryAfter: retry_after_ms });
  }
}

export class Connection {
  #socket;
  #pending = new Map();
  #lastId = 0;
  #goodbye = null;

  /** `onEvent(event, data)`: pushes. `onClose({ code, reason, retryable, wasOpen })`: once, at the end. */
  constructor(url, { onEvent, onClose }) {
    let wasOpen = false;
    this.#socket = new WebSocket(url, "switchboard.v1.json");
    this.#socket.onopen = () => (wasOpen = true);
    this.#socket.onmessage = ({ data: text }) => {
      const { event, data, id } = JSON.parse(text);
      if (event === "sys.goaway") this.#goodbye = data;
      else if (id === undefined) onEvent(event, data);
      else if (event === "exception") this.#settle(id)?.reject(new RequestError(data));
      else this.#settle(id)?.resolve(data);
    };
    this.#socket.onclose = ({ code }) => {
      for (const id of [...this.#pending.keys()]) {
        this.#settle(id).reject(new RequestError({ code: "lost", message: "The connection was lost" }));
      }
      // `sys.goaway` decides first; if there is only a close code, the user decides by logging in again.
      const { reason, retryable = true } = this.#goodbye ?? {};
      onClose({ code, reason, retryable, wasOpen });
    };
  }

  /** Sends, and waits for the answer. Rejects with a RequestError. */
  request(event, data) {
    if (this.#socket.readyState !== WebSocket.OPEN) {
      return Promise.reject(new RequestError({ code: "lost", message: "There is no connection" }));
    }
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      const late = () => this.#settle(id)?.reject(new RequestError({ code: "timeout", message: "No answer" }));
      this.#pending.set(id, { resolve, reject, timer: setTimeout(late, ANSWER_LIMIT) });
      this.#socket.send(JSON.stringify({ event, data, id }));
    });
  }

  close() {
    this.#socket.close(1000);
  }

  #settle(id) {
    const request = this.#pending.get(id);
    this.#pending.delete(id);
    clearTimeout(request?.timer);
    return request;
  }
}
