// Two ways into the same rooms: the official client library of Socket.IO, and a WebSocket without any library. Both have
// the same interface, so that the rest of the page does not know which one it uses:
//
//   request(event, ...args)   the answer, or a rejection with the server's message
//   tell(event, ...args)      without an answer
//   leave()                   ends it for good
//
// `onState(phase, text)`: "online", "waiting" (it comes back by itself), "ended" (it does not).
// `onEvent(event, data)`: what the server sends. Bytes are a Uint8Array.

const ANSWER_LIMIT = 8_000;
const FIRST_WAIT = 500;
const LONGEST_WAIT = 10_000;

/** With the client library, which `index.html` loads from `/socket.io/socket.io.js`. `transports`: as its option. */
export function overSocketIo({ name, transports, onState, onEvent, onUpgrade }) {
  const socket = io({ auth: { name }, transports, reconnectionDelay: FIRST_WAIT, reconnectionDelayMax: LONGEST_WAIT });
  socket.on("connect", () => {
    socket.io.engine.on("upgrade", onUpgrade);
    onState("online");
  });
  // `active` says whether the library comes back by itself. It does not after a refusal, or after a DISCONNECT.
  socket.on("connect_error", (error) => onState(socket.active ? "waiting" : "ended", error.message));
  socket.on("disconnect", (reason) => onState(socket.active ? "waiting" : "ended", reason));
  socket.onAny((event, data) => onEvent(event, withBytes(data, (picture) => new Uint8Array(picture))));
  return {
    tell: (event, ...args) => socket.emit(event, ...args),
    async request(event, ...args) {
      const answer = await socket.timeout(ANSWER_LIMIT).emitWithAck(event, ...args);
      // An error comes as the argument of the ack.
      if (answer?.error) throw new Error(answer.error.message);
      return answer;
    },
    leave() {
      // Nothing more is told of it.
      socket.off().offAny();
      socket.disconnect();
    },
  };
}

/** With a bare WebSocket: the JSON of the guide's chapter on the protocol. Bytes are base64. */
export function overWebSocket({ name, onState, onEvent }) {
  const url = `${location.protocol === "https:" ? "wss:" : "ws:"}//${location.host}/ws?name=${encodeURIComponent(name)}`;
  const waiting = new Map();
  let [socket, lastId, attempt, goaway, timer, hasLeft] = [null, 0, 0, null, 0, false];

  function open() {
    goaway = null;
    socket = new WebSocket(url);
    socket.onopen = () => {
      attempt = 0;
      onState("online");
    };
    socket.onmessage = ({ data }) => hear(JSON.parse(data));
    socket.onclose = ({ code, reason }) => {
      for (const { reject } of waiting.values()) reject(new Error("The connection was lost"));
      waiting.clear();
      if (hasLeft) return;
      if (!comesBack(code)) return onState("ended", reason || "closed");
      const jitter = Math.random() * Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** attempt++);
      timer = setTimeout(open, Math.max(jitter, goaway?.retry_after_ms ?? 0));
      onState("waiting", reason || "connection lost");
    };
  }

  const comesBack = (code) =>
    goaway ? goaway.retryable : [1001, 1006, 1011, 1012, 1013, 1014].includes(code) || (code >= 4000 && code < 4500);

  function hear({ event, data, id }) {
    if (event === "sys.goaway") {
      goaway = data;
    } else if (id === undefined) {
      onEvent(event, withBytes(data, (picture) => Uint8Array.from(atob(picture), (one) => one.charCodeAt(0))));
    } else {
      const { resolve, reject } = waiting.get(id) ?? {};
      waiting.delete(id);
      event === "exception" ? reject?.(new Error(data.message)) : resolve?.(data);
    }
  }

  /** One argument is the data, several are an array. */
  function send(event, args, id) {
    const data = args.length > 1 ? args : withBytes(args[0], (bytes) => btoa(String.fromCharCode(...bytes)));
    if (socket.readyState !== WebSocket.OPEN) throw new Error("Not connected");
    socket.send(JSON.stringify({ event, data, id }));
  }

  open();
  return {
    tell: (event, ...args) => send(event, args),
    async request(event, ...args) {
      const id = ++lastId;
      send(event, args, id);
      return new Promise((resolve, reject) => {
        waiting.set(id, { resolve, reject });
        setTimeout(() => waiting.delete(id) && reject(new Error("No answer")), ANSWER_LIMIT);
      });
    },
    leave() {
      hasLeft = true;
      clearTimeout(timer);
      socket.close(1000);
    },
  };
}

/** The same data, with the bytes of its picture in another form. */
function withBytes(data, convert) {
  return data?.picture === undefined ? data : { ...data, picture: convert(data.picture) };
}
