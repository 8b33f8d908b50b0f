// The page. Texts of users reach the document through `textContent` only.
import { Connection } from "/connection.js";

const LINES = 200;
const $ = (id) => document.getElementById(id);
const scheme = location.protocol === "https:" ? "wss:" : "ws:";

let connection = null;
let me = null;
/** By name: the lines and the people of a room that was entered, or null. */
const rooms = new Map();
let current = null;

/** An element with classes and children; a string child is text, whatever it spells. */
function make(tag, classes, ...children) {
  const element = document.createElement(tag);
  if (classes) element.className = classes;
  element.append(...children);
  return element;
}

function button(label, classes, onclick) {
  const element = make("button", classes, label);
  element.type = "button";
  element.onclick = onclick;
  return element;
}

// ---------------------------------------------------------------- logging in

async function logIn(token) {
  showProblem("", "login-problem");
  const headers = { "content-type": "application/json" };
  try {
    const answer = await fetch("/login", { method: "POST", headers, body: JSON.stringify({ token }) });
    if (!answer.ok) return showProblem(answer.status === 401 ? "Nobody has this token." : await answer.text(), "login-problem");
  } catch {
    return showProblem("The server cannot be reached.", "login-problem");
  }
  showState("connecting", "Connecting…");
  // The browser sends the cookie along; no script sees it.
  connection = new Connection(`${scheme}//${location.host}/ws`, {
    onEvent: (event, data) => heard[event]?.(data),
    onClose: leave,
  });
}

const ENDS = {
  1000: "You have logged out.",
  4005: "Your session has ended: log in again.",
  4503: "A moderator has put you out. You may come back in a minute.",
};

/** By the reason of `sys.goaway`, which comes before the code. */
const REASONS = {
  service_restart: "The server restarts: log in again in a moment.",
};

function leave({ code, reason, retryable, wasOpen }) {
  connection = null;
  me = null;
  rooms.clear();
  $("rooms").hidden = true;
  $("log-out").hidden = true;
  $("login").hidden = false;
  const refused = "You were not let in. Somebody who was put out may come back in a minute.";
  const lost = retryable ? "The connection was lost: log in again." : "The server has closed the connection.";
  const words = wasOpen ? (REASONS[reason] ?? ENDS[code] ?? lost) : refused;
  showState(code === 1000 ? "out" : "lost", "Not logged in");
  showProblem(words, "login-problem");
}

const heard = {
  welcome({ you, roles, rooms: names }) {
    me = { ...you, isModerator: roles.includes("moderator") };
    for (const name of names) rooms.set(name, null);
    $("login").hidden = true;
    $("rooms").hidden = false;
    $("log-out").hidden = false;
    $("log").replaceChildren();
    showState("online", me.isModerator ? `${you.name}, moderator` : you.name);
    enter("lobby");
  },
  people({ room, people }) {
    if (!rooms.get(room)) return;
    rooms.get(room).people = people;
    showPeople();
  },
  said({ room, from, text }) {
    addLine(room, { author: from.name, text, mine: from.id === me.id });
  },
  invited({ room, by }) {
    if (!rooms.has(room)) rooms.set(room, null);
    showRooms();
    addLine(current, { text: `${by.name} has invited you to ${room}`, system: true });
  },
  muted({ by, minutes }) {
    addLine(current, { text: `${by.name} has muted you for ${minutes} min`, system: true });
  },
  exception: (error) => showProblem(explain(error)),
};

// ---------------------------------------------------------------- rooms

async function enter(name) {
  if (!rooms.get(name)) {
    rooms.set(name, { lines: [], people: [] });
    if (!(await ask("enter", name))) return void rooms.set(name, null);
  }
  current = name;
  showRooms();
  showLog();
  showPeople();
  $("text").focus();
}

/** Asks the server; what it refuses is shown. True when it did not. */
async function ask(event, data) {
  try {
    await connection.request(event, data);
    showProblem("");
    return true;
  } catch (error) {
    showProblem(explain(error));
    return false;
  }
}

function explain({ message, details, retryAfter }) {
  const detail = details?.[0];
  if (detail) return `${detail.path.slice(1) || "It"}: ${detail.message}.`;
  return retryAfter ? `${message} (${Math.ceil(retryAfter / 1000)} s left).` : `${message}.`;
}

function addLine(name, line) {
  const room = rooms.get(name);
  if (!room) return;
  room.lines.push(line);
  room.lines.splice(0, room.lines.length - LINES);
  if (name === current) showLog();
}

// ---------------------------------------------------------------- showing

function showState(phase, words) {
  $("state").dataset.phase = phase;
  $("state-text").textContent = words;
}

function showProblem(words, place = "problem") {
  const close = button("×", "quiet", () => showProblem("", place));
  close.setAttribute("aria-label", "Dismiss");
  $(place).replaceChildren(...(words ? [make("div", "problem", make("p", "", words), close)] : []));
}

function showRooms() {
  const items = [...rooms.keys()].sort((a, b) => (b === "lobby") - (a === "lobby") || a.localeCompare(b)).map((name) => {
    const open = button("", "room", () => enter(name));
    open.append(make("span", "", name), ...(name === "lobby" ? [] : [make("span", "lock", "private")]));
    if (name === current) open.setAttribute("aria-current", "true");
    return make("li", "", open);
  });
  $("room-list").replaceChildren(...items);
  $("room-title").textContent = current ?? "";
  $("text").placeholder = `Message to ${current}`;
  $("invite").hidden = current === "lobby";
}

function showLog() {
  const lines = rooms.get(current)?.lines ?? [];
  const drawn = lines.map(({ author, text, mine, system }) => {
    const said = make("p", "said", text);
    said.dir = "auto";
    if (system) return make("div", "line system", said);
    return make("div", mine ? "line mine" : "line", make("p", "author", mine ? "You" : author), said);
  });
  if (drawn.length === 0) drawn.push(make("div", "line system", make("p", "", "Nothing has been said here since you came.")));
  $("log").replaceChildren(...drawn);
  $("log").scrollTop = $("log").scrollHeight;
}

function showPeople() {
  const people = rooms.get(current)?.people ?? [];
  const items = people.map(({ id, name }) => {
    const item = make("li", "", make("span", "name", name));
    if (id === me.id) item.append(make("span", "tag", "you"));
    else if (me.isModerator) {
      const mute = button("Mute 1 min", "quiet", () => ask("mute", { user: id, minutes: 1 }));
      const kick = button("Kick", "quiet", () => ask("kick", { user: id }));
      mute.setAttribute("aria-label", `Mute ${name} for a minute`);
      kick.setAttribute("aria-label", `Kick ${name}`);
      item.append(make("span", "do", mute, kick));
    }
    return item;
  });
  $("people").replaceChildren(...items);
}

// ---------------------------------------------------------------- what the person does

$("login-form").onsubmit = (event) => {
  event.preventDefault();
  const token = $("token").value.trim();
  $("token").value = "";
  if (token) logIn(token);
};
for (const person of document.querySelectorAll("[data-token]")) person.onclick = () => logIn(person.dataset.token);
$("log-out").onclick = () => connection?.close();

$("composer").onsubmit = async (event) => {
  event.preventDefault();
  const text = $("text").value;
  // An empty text is sent too: the server says what is wrong with it.
  if (await ask("say", { room: current, text })) $("text").value = "";
};
$("invite").onsubmit = async (event) => {
  event.preventDefault();
  const room = current;
  const user = $("guest").value.trim();
  if (await ask("invite", { room, user })) {
    $("guest").value = "";
    addLine(room, { text: `You have invited ${user}`, system: true });
  }
};
