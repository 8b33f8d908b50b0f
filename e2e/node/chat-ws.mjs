// The chat's gateway from Node's `ws`: requests, rooms, ping and pong, close codes.
import assert from "node:assert/strict";
import { Person, order } from "./chat-control.mjs";

const EVENTS = ["join", "leave", "message", "history", "presence", "typing", "say"];

const ada = await Person.arrive();
const welcome = await ada.next();
assert.equal(welcome.event, "welcome");
assert.equal(welcome.data.room, "lobby");
assert.deepEqual(welcome.data.events, EVENTS);

// Without an id: values are answered, a message is not.
ada.send("history", null);
assert.deepEqual(await ada.next(), { event: "history", data: [] });
ada.send("message", { author: "ada", text: "hi" });
ada.send("presence");
assert.deepEqual(await ada.next(), { event: "presence", data: 1 });
const { data: history } = await ada.ask("history");
assert.equal(history.length, 1);
assert.match(history[0].at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
assert.deepEqual({ ...history[0], at: "" }, { author: "ada", text: "hi", at: "" });

// A second person: the first is told, and gets what is written, typed and said; the writer does not.
const grace = await Person.arrive();
await grace.next(({ event }) => event === "welcome");
assert.deepEqual(await ada.next(), { event: "people", data: { room: "lobby", count: 2, names: ["ada"] } });
assert.deepEqual(await grace.ask("message", { author: "grace", text: "hello ada" }), { event: "message", data: null, id: 1 });
const joined = await ada.next();
assert.deepEqual(joined.data, { room: "lobby", count: 2, names: ["ada", "grace"], change: "joined", author: "grace" });
const told = await ada.next();
assert.deepEqual({ ...told.data, at: "" }, { room: "lobby", author: "grace", text: "hello ada", at: "" });
grace.send("typing", { author: "grace" });
assert.deepEqual(await ada.next(), { event: "typing", data: { author: "grace" } });
grace.send("say", { author: "grace", text: "psst" });
assert.deepEqual(await ada.next(), { event: "said", data: { author: "grace", text: "psst" } });
assert.deepEqual(grace.frames, []);

// A room of its own: only members speak there, and others hear nothing of it.
const refused = await grace.ask("message", { author: "grace", text: "hi", room: "garden" });
assert.equal(refused.event, "exception");
assert.equal(refused.data.code, "forbidden");
assert.equal((await grace.ask("join", "garden")).data, null);
assert.equal((await grace.ask("presence", "garden")).data, 1);
assert.equal((await grace.ask("message", { author: "grace", text: "hi", room: "garden" })).data, null);
assert.equal((await grace.ask("history", "garden")).data.length, 1);
assert.equal((await ada.ask("presence")).data, 2);
const rooms = await (await fetch(new URL("/rooms", process.env.URL))).json();
assert.deepEqual(rooms, [{ room: "lobby", count: 2 }, { room: "garden", count: 1 }]);
assert.equal((await grace.ask("join", { room: null, author: null })).data, null);
assert.equal((await grace.ask("leave", "garden")).data, null);
assert.equal((await grace.ask("typing", { author: "grace", room: "garden" })).data.code, "forbidden");

// What is not valid is said to be so, and the connection lives on.
for (const data of [null, { author: "a" }, { author: "", text: "x" }, { author: "a".repeat(65), text: "x" }, { author: "a", text: "x".repeat(501) }]) {
  const { event, data: error } = await grace.ask("message", data);
  assert.equal(event, "exception");
  assert.equal(error.code, "validation_failed");
}
assert.equal((await grace.ask("message", { author: "ü".repeat(64), text: "😀".repeat(500) })).data, null);
assert.equal((await grace.ask("shout", {})).data.code, "unknown_event");

// A hundred messages are kept of a room.
for (let n = 0; n < 120; n += 1) assert.equal((await grace.ask("message", { author: "grace", text: `${n}` })).data, null);
const kept = (await ada.ask("history")).data.map(({ text }) => text);
assert.deepEqual(kept, Array.from({ length: 100 }, (_, n) => `${n + 20}`));

// Ping and pong, and leaving.
const pong = new Promise((resolve) => ada.socket.once("pong", (data) => resolve(String(data))));
ada.socket.ping("are you there");
assert.equal(await pong, "are you there");
grace.socket.close(4321, "bye");
assert.equal((await grace.closed).code, 4321);
const left = await ada.next(({ data }) => data.change === "left");
assert.deepEqual(left.data, { room: "lobby", count: 1, names: ["ada"], change: "left", author: "grace", reason: "closed" });

// From an axum handler to everybody in the lobby; what is not valid reaches nobody.
const announce = (body) =>
  fetch(new URL("/announce", process.env.URL), { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
assert.deepEqual(await (await announce({ text: "soup is ready" })).json(), { sent: 1 });
assert.deepEqual(await ada.next(), { event: "announce", data: "soup is ready" });
assert.equal((await announce({ text: "" })).status, 422);

// A foreign page may not connect.
const { WebSocket } = await import("ws");
const foreign = new WebSocket(process.env.WS_URL, { origin: "http://evil.example" });
assert.match(await new Promise((resolve) => foreign.on("error", ({ message }) => resolve(message))), /403/);

// The server ends: it says so, and that one may come back.
await order("term");
const goaway = await ada.next(({ event }) => event === "sys.goaway");
assert.equal(goaway.data.code, 1001);
assert.equal(goaway.data.retryable, true);
assert.ok(goaway.data.retry_after_ms >= 500 && goaway.data.retry_after_ms < 2000, JSON.stringify(goaway));
assert.equal((await ada.closed).code, 1001);
assert.deepEqual(ada.frames, []);
assert.match(await order("wait"), /exit status: 0/);
await order("start");
const again = await Person.arrive();
assert.deepEqual((await again.ask("history")).data, []);
assert.equal((await again.leave()).code, 1000);

console.log("done");
