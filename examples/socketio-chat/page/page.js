// The page. Texts of people reach the document through `textContent` only.
import { overSocketIo, overWebSocket } from "/connect.js";
import { Board } from "/draw.js";

const LINES = 200;
const TYPING_EVERY = 2_000;
const TYPING_SHOWN = 3_000;

const $ = (id) => document.getElementById(id);
const board = new Board($("board"));

/** Who I am, where, and over what. */
let me = null;
let connection = null;
/** Who has removed me. */
let removedBy = null;
let typedAt = 0;
const typing = new Map();

// ---------------------------------------------------------------- coming and going

$("enter").onsubmit = (event) => {
  event.preventDefault();
  const { name, room, kind } = Object.fromEntries(new FormData($("enter")));
  me = { name: name.trim(), room: room.trim(), kind };
  removedBy = null;
  $("log").replaceChildren();
  $("people").replaceChildren();
  $("room-title").textContent = me.room;
  $("kind-tag").textContent = kind === "raw" ? "raw WebSocket" : "Socket.IO";
  $("entrance").hidden = true;
  $("inside").hidden = false;
  showState("lost", "Connecting…");
  connect();
  $("text").focus();
};

function connect() {
  $("again").hidden = true;
  const options = { name: me.name, onState, onEvent: (event, data) => heard[event]?.(data), onUpgrade: showTransport };
  connection =
    me.kind === "raw"
      ? overWebSocket(options)
      : overSocketIo({ ...options, transports: me.kind === "polling" ? ["polling"] : undefined });
}

async function onState(phase, text) {
  $("send").disabled = $("send-picture").disabled = phase !== "online";
  if (phase === "online") {
    await attempt(async () => {
      // After each connect: the server of before may be gone, with all it knew.
      await connection.request("join", me.room);
      await showTransport();
    });
  } else if (phase === "waiting") {
    showState("lost", `Reconnecting (${text})`);
  } else {
    showState("lost", removedBy ? `Removed by ${removedBy}` : `Not connected (${text})`);
    say("notice", null, removedBy ? `You were removed from the chat by ${removedBy}.` : `The server has ended this: ${text}.`);
    heard.people({ people: [] });
    $("again").hidden = false;
  }
}

/** Asks the server what carries this connection: after an upgrade it is another transport. */
async function showTransport() {
  const over = await connection.request("transport");
  showState("online", `Connected over ${over}`);
}

$("again").onclick = () => {
  removedBy = null;
  connection.leave();
  showState("lost", "Connecting…");
  connect();
};

$("leave").onclick = () => {
  connection.leave();
  connection = null;
  $("inside").hidden = true;
  $("entrance").hidden = false;
  $("name").focus();
};

function showState(phase, text) {
  $("state").dataset.phase = phase;
  $("state-text").textContent = text;
}

// ---------------------------------------------------------------- what the server sends

const heard = {
  people({ people, news }) {
    $("people").replaceChildren(...people.map(personRow));
    $("people-count").textContent = people.length;
    if (news) say("notice", null, news);
  },
  said({ name, text }) {
    stopTyping(name);
    say("line", name, text);
  },
  drawn({ name, picture }) {
    say("line", name, pictureOf(name, picture));
  },
  typing({ name }) {
    typing.set(name, Date.now() + TYPING_SHOWN);
    setTimeout(showTyping, TYPING_SHOWN + 50);
    showTyping();
  },
  kicked(by) {
    removedBy = by;
  },
  exception({ message }) {
    showProblem(message);
  },
};

function personRow({ name, over, socketio }) {
  const [row, who, tag] = ["li", "span", "span"].map((kind) => document.createElement(kind));
  who.textContent = name === me.name ? `${name} (you)` : name;
  who.dir = "auto";
  tag.className = "tag";
  tag.textContent = socketio ? `Socket.IO, ${over}` : `raw ${over}`;
  row.append(who, tag);
  if (name !== me.name) {
    const remove = document.createElement("button");
    remove.type = "button";
    remove.className = "quiet";
    remove.textContent = "Remove";
    remove.setAttribute("aria-label", `Remove ${name}`);
    remove.onclick = () => attempt(() => connection.request("kick", me.room, name));
    row.append(remove);
  }
  return row;
}

function showTyping() {
  for (const [name, until] of typing) if (until <= Date.now()) typing.delete(name);
  const names = [...typing.keys()];
  $("typing").textContent = names.length === 0 ? "" : `${names.join(", ")} ${names.length === 1 ? "is" : "are"} typing…`;
}

function stopTyping(name) {
  typing.delete(name);
  showTyping();
}

// ---------------------------------------------------------------- what is sent

$("composer").onsubmit = (event) => {
  event.preventDefault();
  const text = $("text").value.trim();
  if (!text) return;
  attempt(async () => {
    const others = await connection.request("say", me.room, text);
    $("text").value = "";
    typedAt = 0;
    say("line mine", me.name, text, others);
  });
};

$("text").oninput = () => {
  if (Date.now() - typedAt < TYPING_EVERY || !$("text").value) return;
  typedAt = Date.now();
  if (!$("send").disabled) connection.tell("typing", me.room);
};

$("send-picture").onclick = () =>
  attempt(async () => {
    const picture = await board.picture();
    if (!picture) return showProblem("Draw something first.");
    const others = await connection.request("draw", { room: me.room, picture });
    say("line mine", me.name, pictureOf(me.name, picture), others);
    board.clear();
  });

$("clear").onclick = () => board.clear();

async function attempt(work) {
  showProblem("");
  try {
    await work();
  } catch (error) {
    showProblem(`${error.message}.`.replace("..", "."));
  }
}

function showProblem(text) {
  $("problem").textContent = text;
}

// ---------------------------------------------------------------- the log

/** Adds a line. `others`: the number of those whom it was sent to. */
function say(kind, name, what, others) {
  const line = document.createElement("div");
  line.className = kind;
  if (name !== null) {
    const who = document.createElement("strong");
    who.textContent = name;
    who.dir = "auto";
    line.append(who);
  }
  const content = typeof what === "string" ? document.createElement("span") : what;
  if (typeof what === "string") {
    content.textContent = what;
    content.dir = "auto";
  }
  line.append(content);
  if (others !== undefined) {
    const note = document.createElement("small");
    note.textContent = `sent to ${others}`;
    line.append(note);
  }
  const log = $("log");
  log.append(line);
  while (log.children.length > LINES) forget(log.firstChild);
  log.scrollTop = log.scrollHeight;
}

function pictureOf(name, bytes) {
  const image = document.createElement("img");
  image.src = URL.createObjectURL(new Blob([bytes], { type: "image/png" }));
  image.alt = `A drawing by ${name}, ${bytes.length} bytes`;
  image.onload = () => ($("log").scrollTop = $("log").scrollHeight);
  return image;
}

function forget(line) {
  const image = line.querySelector("img");
  if (image) URL.revokeObjectURL(image.src);
  line.remove();
}
