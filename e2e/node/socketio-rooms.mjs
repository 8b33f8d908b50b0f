// One room, in which Socket.IO, raw WebSocket JSON and MessagePack clients are together.
import assert from "node:assert/strict";
import { Person as Raw } from "./chat-control.mjs";
import { MODES, Person, sleep } from "./socketio-people.mjs";

const { WS_URL: wsUrl } = process.env;
const socketIo = await Promise.all(Object.values(MODES).map((options) => Person.arrive("/", options)));
const json = await Raw.arrive();
const msgpack = await Raw.arrive(wsUrl, {}, ["switchboard.v1.msgpack"]);
assert.equal(msgpack.format.binary, true);

for (const person of socketIo) await person.ask("join", "room");
for (const raw of [json, msgpack]) assert.equal((await raw.ask("join", "room")).data, null);
assert.equal((await json.ask("transport")).data, "WebSocket");
const outsider = await Person.arrive();

// Asking takes frames away, so that those of others are kept here.
const overheard = new Map([json, msgpack].map((raw) => [raw, []]));
for (const [raw, list] of overheard) {
  raw.socket.on("message", (data) => {
    const { event, data: said } = raw.format.read(data);
    if (event === "message") list.push(said.text);
  });
}

const everybody = [...socketIo, json, msgpack];
for (const [number, speaker] of everybody.entries()) {
  const said = { room: "room", text: `from ${number} — ünïcode ${"x".repeat(number * 40)}` };
  if (speaker instanceof Person) assert.deepEqual(await speaker.ask("publish", said), [everybody.length]);
  else assert.equal((await speaker.ask("publish", said)).data, everybody.length);
}

// All heard all, in one order.
const heard = await Promise.all(everybody.map(hear));
for (const list of heard) assert.deepEqual(list, heard[0]);
assert.deepEqual(heard[0].map((text) => text.split(" ")[1]), everybody.map((_, number) => String(number)));
assert.ok(!outsider.received.some(([event]) => event === "message"), "nobody else heard anything");

// Who leaves hears nothing more, and is not counted.
socketIo[0].leave();
await json.leave();
for (let left = 0; left !== everybody.length - 2; ) [left] = await socketIo[1].ask("publish", { room: "room", text: "left?" });

for (const person of [...socketIo, outsider]) person.leave();
await msgpack.leave();
console.log("done");

async function hear(listener) {
  const list = overheard.get(listener) ?? [];
  while (list.length < everybody.length) {
    if (listener instanceof Person) list.push((await listener.next("message"))[0].text);
    else await sleep(10);
  }
  return list;
}
