// The page. Texts of users reach the document through `textContent` only.
import { Connection } from "/connection.js";

const LOBBY = "lobby";
const LINES = 300;
const TYPING_EVERY = 2_000;
const TYPING_SHOWN = 4_000;
const NEAR_END = 80;
const FOLLOWS_WITHIN = 3 * 60_000;

const $ = (id) => document.getElementById(id);
const log = $("log");
const text = $("text");

// ---------------------------------------------------------------- what is known

/** A room that this person is in. */
class Room {
  lines = [];
  people = { count: 0, names: [] };
  unread = 0;
  typing = new Map();
  /** What is told while the history is on its way. */
  meanwhile = null;

  constructor(name) {
    this.name = name;
  }
}

const kept = {
  get: (key) => JSON.parse(sessionStorage.getItem(`chat.${key}`) ?? "null"),
  set: (key, value) => sessionStorage.setItem(`chat.${key}`, JSON.stringify(value)),
};

let me = kept.get("name");
const rooms = new Map((kept.get("rooms") ?? [LOBBY]).map((name) => [name, new Room(name)]));
let current = rooms.has(kept.get("current")) ? kept.get("current") : ([...rooms.keys()][0] ?? null);
let openRooms = [];
let typedAt = 0;

const here = () => rooms.get(current);

function keepRooms() {
  kept.set("rooms", [...rooms.keys()]);
  kept.set("current", current);
}

// ---------------------------------------------------------------- the connection

const scheme = location.protocol === "https:" ? "wss:" : "ws:";
const connection = new Connection(`${scheme}//${location.host}/ws`, {
  onState(phase, until) {
    showState(phase, until);
    if (phase === "online") {
      hideProblem();
      enterRooms();
    }
  },
  onEvent(event, data) {
    heard[event]?.(data);
  },
});

const heard = {
  message({ room, ...message }) {
    rooms.get(room)?.typing.delete(message.author);
    addLine(room, lineOf(message));
    if (room === current) showTyping();
  },
  people({ room, count, names, ...change }) {
    const known = rooms.get(room);
    if (!known) return;
    known.people = { count, names };
    if (change.change) addLine(room, { kind: "system", text: sentence(change) });
    if (change.change === "left") known.typing.delete(change.author);
    if (room === current) {
      showPeople();
      showTyping();
    }
    askOpenRooms();
  },
  typing({ room, author }) {
    // Without a room the event is for every room that we share, so it is shown in the open one.
    const known = rooms.get(room ?? current);
    if (!known) return;
    known.typing.set(author, Date.now() + TYPING_SHOWN);
    setTimeout(showTyping, TYPING_SHOWN + 50);
    showTyping();
  },
  said({ author, text, room }) {
    addLine(room ?? current, { kind: "aside", author, text, at: new Date() });
  },
  announce(text) {
    for (const room of new Set([LOBBY, current])) addLine(room, { kind: "announcement", text, at: new Date() });
  },
  tick({ uptime_s, clients }) {
    const minutes = Math.floor(uptime_s / 60);
    const up = minutes < 1 ? "less than a minute" : minutes < 120 ? plural(minutes, "minute") : `${Math.floor(minutes / 60)} hours`;
    $("tick").textContent = `Server up ${up}, ${plural(clients, "connection")}`;
    askOpenRooms();
  },
  exception({ message }) {
    showProblem(message);
  },
};

/** After every connect: into the same rooms as before, and what was said meanwhile. */
async function enterRooms() {
  // The server puts every client into the lobby.
  if (!rooms.has(LOBBY)) connection.send("leave", LOBBY);
  await Promise.all([...rooms.values()].map(enterRoom));
  askOpenRooms();
}

async function enterRoom(room) {
  room.meanwhile = [];
  try {
    const joined = connection.request("join", { room: room.name, author: me });
    const history = connection.request("history", room.name);
    await joined;
    const lines = (await history).map(lineOf);
    const known = new Set(lines.map(keyOf));
    const unsent = room.lines.filter((line) => line.state === "failed");
    room.lines = [...lines, ...room.meanwhile.filter((line) => !known.has(keyOf(line))), ...unsent];
    if (room.name === current) showLog();
  } catch (error) {
    if (error.code === "lost" || error.code === "offline") return;
    if (rooms.has(room.name) && error.code !== "timeout") forgetRoom(room.name);
    showProblem(`${room.name} could not be joined: ${explain(error)}`);
  } finally {
    room.meanwhile = null;
  }
}

async function send(line) {
  const room = current;
  const aside = line.kind === "aside";
  line.state = "sending";
  addLine(room, line);
  try {
    await connection.request(aside ? "say" : "message", { author: me, text: line.text, ...(aside ? {} : { room }) });
    line.state = "sent";
    hideProblem();
  } catch (error) {
    line.state = "failed";
    line.again = () => {
      dropLine(room, line);
      send({ ...line, at: new Date() });
    };
    showProblem(`Your message was not sent: ${explain(error)}`);
  }
  refreshLine(line);
}

// ---------------------------------------------------------------- lines

const lineOf = ({ author, text, at }) => ({ kind: "message", author, text, at: new Date(at), mine: author === me });
const keyOf = ({ author, text, at }) => JSON.stringify([author, text, Math.floor(at / 1000)]);

function sentence({ change, author, was, reason }) {
  if (change === "joined") return `${author} joined`;
  if (change === "renamed") return `${was} is now ${author}`;
  const why = { closed: "closed the page", lost: "lost the connection" }[reason];
  return why ? `${author} left (${why})` : `${author} left`;
}

function addLine(name, line) {
  const room = rooms.get(name);
  if (!room) return;
  line.at ??= new Date();
  room.lines.push(line);
  room.meanwhile?.push(line);
  const counts = line.kind !== "system" && !line.mine;
  if (counts && (name !== current || document.hidden)) {
    room.unread += 1;
    showRooms();
  }
  if (name !== current) return void room.lines.splice(0, room.lines.length - LINES);

  const end = isAtEnd();
  const before = room.lines.at(-2);
  if (!before) log.replaceChildren();
  log.append(draw(line, before));
  for (const _ of room.lines.splice(0, room.lines.length - LINES)) log.firstElementChild.remove();
  if (end || line.mine) toEnd();
  else $("newer").hidden = false;
}

function dropLine(name, line) {
  const room = rooms.get(name);
  room.lines = room.lines.filter((other) => other !== line);
  line.element?.remove();
}

function refreshLine(line) {
  if (!line.element?.isConnected) return;
  const lines = here().lines;
  line.element.replaceWith(draw(line, lines[lines.indexOf(line) - 1]));
}

/** An element with classes and children; a string child is text, whatever it spells. */
function make(tag, classes, ...children) {
  const element = document.createElement(tag);
  if (classes) element.className = classes;
  element.append(...children);
  return element;
}

function draw(line, before) {
  const element = make("div", `line ${line.kind}`);
  line.element = element;
  if (line.kind === "system") {
    element.append(make("p", "", line.text, " ", clockOf(line)));
    return element;
  }
  if (line.kind === "announcement") {
    element.append(make("p", "label", "Announcement ", clockOf(line)), said(line.text));
    return element;
  }
  const follows = before?.author === line.author && before.kind === line.kind && line.at - before.at < FOLLOWS_WITHIN;
  element.classList.toggle("mine", Boolean(line.mine));
  element.classList.toggle("follows", follows);
  const author = make("span", "author", line.mine ? "You" : line.author);
  author.dir = "auto";
  const meta = make("p", "meta", author);
  if (line.kind === "aside") meta.append(make("span", "tag", "aside, to all rooms"));
  meta.append(clockOf(line));
  element.append(avatar(line.author), make("div", "bubble", meta, said(line.text)));
  if (line.state === "sending") element.append(make("p", "sending", "Sending…"));
  if (line.state === "failed") {
    const again = make("button", "quiet", "Try again");
    again.type = "button";
    again.onclick = line.again;
    element.append(make("p", "failed", "Not sent ", again));
  }
  return element;
}

function said(words) {
  const paragraph = make("p", "said", words);
  paragraph.dir = "auto";
  return paragraph;
}

const hours = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const days = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });

function clockOf({ at }) {
  const today = at.toDateString() === new Date().toDateString();
  const time = make("time", "", (today ? hours : days).format(at));
  time.dateTime = at.toISOString();
  time.title = full.format(at);
  return time;
}

/** The first letter on a colour of its own. Decoration: the name stands beside it. */
function avatar(name, element = make("span", "avatar")) {
  let hash = 7;
  for (const unit of name) hash = (hash * 31 + unit.codePointAt(0)) % 360;
  element.textContent = [...name.trim()][0]?.toUpperCase() ?? "?";
  // Similar names get very different colours, by the golden angle.
  element.style.setProperty("--hue", Math.round(hash * 137.508) % 360);
  element.setAttribute("aria-hidden", "true");
  return element;
}

// ---------------------------------------------------------------- showing

function showLog() {
  // A screen reader announces additions, not a whole history at once.
  log.setAttribute("aria-live", "off");
  const room = here();
  const lines = room?.lines ?? [];
  log.replaceChildren(...lines.map((line, at) => draw(line, lines[at - 1])));
  if (lines.length === 0) {
    const words = room ? "Nothing has been said here yet. Say hello." : "You are in no room. Join one to talk.";
    log.append(make("p", "empty", words));
  }
  toEnd();
  setTimeout(() => log.removeAttribute("aria-live"), 200);
}

const isAtEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_END;

function toEnd() {
  log.scrollTop = log.scrollHeight;
  $("newer").hidden = true;
}

function showRooms() {
  const items = [...rooms.values()].map((room) => {
    const open = make("button", "room", make("span", "hash", "#"), make("span", "room-name", room.name));
    open.firstChild.setAttribute("aria-hidden", "true");
    open.type = "button";
    if (room.name === current) open.setAttribute("aria-current", "true");
    if (room.unread > 0) open.append(make("span", "unread", String(room.unread), make("span", "hidden", " unread")));
    open.onclick = () => goTo(room.name);
    const leave = make("button", "quiet leave", "×");
    leave.type = "button";
    leave.title = `Leave ${room.name}`;
    leave.setAttribute("aria-label", `Leave ${room.name}`);
    leave.onclick = () => leaveRoom(room.name);
    return make("li", "", open, leave);
  });
  // The list is built anew; a button that had the focus keeps it.
  const list = $("rooms");
  const focused = [...list.querySelectorAll("button")].indexOf(document.activeElement);
  list.replaceChildren(...items);
  if (focused >= 0) (list.querySelectorAll("button")[focused] ?? text).focus();

  const unread = [...rooms.values()].reduce((sum, room) => sum + room.unread, 0);
  document.title = `${unread > 0 ? `(${unread}) ` : ""}${current ?? "no room"} · Switchboard chat`;
}

function showOpenRooms() {
  const others = openRooms.filter(({ room }) => !rooms.has(room));
  const items = others.map(({ room, count }) => {
    const join = make("button", "room", make("span", "room-name", room), make("span", "count", String(count)));
    join.type = "button";
    join.setAttribute("aria-label", `Join ${room}, ${plural(count, "person", "people")} there`);
    join.onclick = () => joinRoom(room);
    return make("li", "", join);
  });
  $("open-rooms").replaceChildren(...items);
  $("open-rooms").hidden = items.length === 0;
}

function showPeople() {
  const { count, names } = here()?.people ?? { count: 0, names: [] };
  const items = names.map((name) => {
    const label = make("span", "person-name", name);
    label.dir = "auto";
    return make("li", "", avatar(name), label);
  });
  const mine = items[names.indexOf(me)];
  mine?.append(make("span", "you", "you"));
  const others = count - names.length;
  if (others > 0) items.push(make("li", "nameless", names.length > 0 ? `and ${others} more` : plural(others, "person", "people")));
  $("people").replaceChildren(...items);
  $("people-count").textContent = count;
}

function showTyping() {
  const now = Date.now();
  const typing = here()?.typing ?? new Map();
  for (const [author, until] of typing) if (until <= now) typing.delete(author);
  const names = [...typing.keys()];
  const line = $("typing");
  const words =
    names.length === 0 ? "" : names.length === 1 ? `${names[0]} is typing`
    : names.length === 2 ? `${names[0]} and ${names[1]} are typing`
    : `${names.length} people are typing`;
  if (line.dataset.words === words) return;
  line.dataset.words = words;
  line.replaceChildren();
  if (words) line.append(words, make("span", "dots", "…"));
}

const STATES = {
  connecting: "Connecting…",
  online: "Connected",
  waiting: "Connection lost, reconnecting…",
  stopped: "Disconnected",
};
let countdown = 0;

function showState(phase, until) {
  clearInterval(countdown);
  $("state").dataset.phase = phase;
  $("state-text").textContent = STATES[phase];
  $("reconnect").hidden = phase === "connecting" || phase === "online";
  const wait = () => {
    const seconds = Math.ceil((until - Date.now()) / 1000);
    $("state-wait").textContent = phase === "waiting" && seconds > 1 ? `${seconds} s` : "";
  };
  wait();
  if (phase === "waiting") countdown = setInterval(wait, 500);
  if (phase !== "online") for (const room of rooms.values()) room.typing.clear();
  showTyping();
}

function showMe() {
  $("me").hidden = !me;
  if (!me) return;
  avatar(me, $("me-avatar"));
  $("me-name").textContent = me;
}

function showProblem(words) {
  const close = make("button", "quiet", "×");
  close.type = "button";
  close.setAttribute("aria-label", "Dismiss");
  close.onclick = () => {
    hideProblem();
    text.focus();
  };
  // The element itself always exists, so that a screen reader notices new content.
  $("problem").replaceChildren(make("div", "problem", make("p", "", words), close));
}

function hideProblem() {
  $("problem").replaceChildren();
}

function showAll() {
  const room = here();
  if (room) room.unread = 0;
  $("room-title").textContent = current ?? "no room";
  $("text-label").textContent = `Message to ${current ?? "nobody"}`;
  text.placeholder = current ? `Message #${current}` : "Join a room first";
  showRooms();
  showOpenRooms();
  showLog();
  showPeople();
  showTyping();
}

function explain({ code, message, details }) {
  const known = {
    offline: "there is no connection.",
    lost: "the connection was lost.",
    timeout: "the server did not answer in time.",
    draining: "the server is restarting.",
  }[code];
  const detail = details?.[0];
  return known ?? (detail ? `${detail.path.slice(1) || "it"}: ${detail.message}.` : `${message}.`);
}

const plural = (n, one, many = `${one}s`) => `${n} ${n === 1 ? one : many}`;

// ---------------------------------------------------------------- rooms

function goTo(name) {
  current = name;
  keepRooms();
  showAll();
  hideProblem();
  if (!matchMedia("(pointer: coarse)").matches) text.focus();
}

function joinRoom(name) {
  if (!rooms.has(name)) {
    if (!connection.isOnline) return showProblem("There is no connection; join when it is back.");
    rooms.set(name, new Room(name));
    enterRoom(rooms.get(name)).then(askOpenRooms);
  }
  if (!isWide.matches) $("more").open = false;
  goTo(name);
}

function leaveRoom(name) {
  connection.request("leave", name).then(askOpenRooms).catch((error) => showProblem(`${name}: ${explain(error)}`));
  forgetRoom(name);
}

function forgetRoom(name) {
  rooms.delete(name);
  if (current === name) current = [...rooms.keys()][0] ?? null;
  keepRooms();
  showAll();
}

let asking = 0;
function askOpenRooms() {
  clearTimeout(asking);
  asking = setTimeout(async () => {
    try {
      openRooms = await (await fetch("/rooms")).json();
      showOpenRooms();
    } catch {
      // The list is a convenience; the connection state shows what is wrong.
    }
  }, 300);
}

// ---------------------------------------------------------------- what the person does

$("composer").onsubmit = (event) => {
  event.preventDefault();
  const words = text.value.trim();
  if (!words) return;
  if (!current) return showProblem("Join a room first.");
  if (!connection.isOnline) return showProblem("There is no connection. Your text stays here until it is back.");
  const aside = $("aside").checked;
  send({ kind: aside ? "aside" : "message", author: me, text: words, at: new Date(), mine: true });
  text.value = "";
  typedAt = 0;
  fitText();
};

text.onkeydown = (event) => {
  // While an input method composes, Enter chooses a word.
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    $("composer").requestSubmit();
  }
};

text.oninput = () => {
  fitText();
  if (!current || !text.value.trim() || Date.now() - typedAt < TYPING_EVERY) return;
  if (connection.send("typing", { author: me, room: current })) typedAt = Date.now();
};

function fitText() {
  text.style.height = "auto";
  text.style.height = `${text.scrollHeight + 2}px`;
  const left = text.maxLength - text.value.length;
  $("left").textContent = left <= 100 ? plural(left, "character") + " left" : "";
}

$("room-form").onsubmit = (event) => {
  event.preventDefault();
  const name = $("room").value.trim();
  if (!name) return;
  $("room").value = "";
  joinRoom(name);
};

$("newer").onclick = () => {
  toEnd();
  log.focus();
};
let atEnd = true;
log.onscroll = () => {
  atEnd = isAtEnd();
  if (atEnd) $("newer").hidden = true;
};
// If the end of the list was visible, it stays visible when an error, a longer text or the phone's keyboard takes height.
new ResizeObserver(() => atEnd && toEnd()).observe(log);
$("reconnect").onclick = () => connection.open();
$("me").onclick = askName;

// Escape closes the error; otherwise it moves the focus back to the message box.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || $("name-dialog").open) return;
  hideProblem();
  text.focus();
});

document.addEventListener("visibilitychange", () => {
  if (document.hidden || !here()) return;
  here().unread = 0;
  showRooms();
});

// ---------------------------------------------------------------- the name

function askName() {
  $("name").value = me ?? "";
  $("name-done").textContent = me ? "Change the name" : "Enter the chat";
  $("name-dialog").showModal();
  $("name").select();
}

// It closes by the button, by Enter or by Escape; a user without a name is a guest.
$("name-dialog").onclose = () => {
  const entered = $("name-dialog").returnValue === "enter" ? $("name").value.trim() : "";
  const before = me;
  me = entered || me || `guest ${100 + Math.floor(Math.random() * 900)}`;
  kept.set("name", me);
  $("name-dialog").returnValue = "";
  showMe();
  text.focus();
  if (!before) return connection.open();
  if (before === me) return;
  for (const room of rooms.values()) {
    connection.request("join", { room: room.name, author: me }).catch((error) => showProblem(explain(error)));
  }
};

const isWide = matchMedia("(min-width: 800px)");
function fitDetails() {
  for (const details of document.querySelectorAll("details[data-wide]")) details.open = isWide.matches;
}
isWide.onchange = fitDetails;

fitDetails();
fitText();
showMe();
showAll();
if (me) connection.open();
else askName();
