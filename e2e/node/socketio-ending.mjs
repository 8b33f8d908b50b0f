// What ends a connection, what each side is told of it, and who comes back.
import assert from "node:assert/strict";
import { order } from "./control.mjs";
import { Person, sleep } from "./socketio-people.mjs";

const RETURNS = { reconnection: true, reconnectionDelay: 50, reconnectionDelayMax: 200, randomizationFactor: 0 };

// The client leaves.
const witness = await Person.arrive();
const ada = await Person.arrive();
const adaId = ada.socket.id;
ada.leave();
assert.equal(await ada.disconnected(), "io client disconnect");
assert.match(await departure(adaId), /^Client/);

// The transport breaks.
const broken = await Person.arrive();
const brokenId = broken.socket.id;
broken.socket.io.engine.close();
assert.equal(await broken.disconnected(), "forced close");
assert.match(await departure(brokenId), /^(Client|Lost)/);

// For good: what was said before arrives, and the client does not come back by itself.
const kicked = await Person.arrive("/", RETURNS);
const kickedId = kicked.socket.id;
kicked.socket.emit("kick-me");
assert.equal(await kicked.disconnected(), "io server disconnect");
await kicked.next("last-words");
assert.match(await departure(kickedId), /^Server.*4503/);
await sleep(600);
assert.equal(kicked.socket.connected, false, "after a kick nobody comes back");
kicked.socket.connect();
await kicked.connected();
assert.notEqual(kicked.socket.id, kickedId);
kicked.leave();

// For now: it comes back by itself, as another client. By default this is in the middle of the upgrade,
// for which the library pauses its polling.
const dropped = await Person.arrive("/", RETURNS);
const droppedId = dropped.socket.id;
dropped.socket.emit("drop-me");
assert.equal(await dropped.disconnected(), "transport close");
assert.match(await departure(droppedId), /^Server.*4008/);
await dropped.connected();
assert.notEqual(dropped.socket.id, droppedId);
assert.equal(await dropped.socket.emitWithAck("number", 1), 2);

// A shutdown: everybody comes back as soon as the server does, and what was emitted meanwhile is sent then.
const crowd = await Promise.all(Array.from({ length: 20 }, () => Person.arrive("/", RETURNS)));
await order("term");
for (const person of [dropped, ...crowd]) assert.equal(await person.disconnected(), "transport close");
assert.match(await order("wait"), /exit status: 0/);
const asked = dropped.socket.emitWithAck("number", 41);
await sleep(300);
assert.equal(dropped.socket.connected, false);
await order("start");
assert.equal(await asked, 42);
for (const person of crowd) await person.connected();
for (const person of [dropped, ...crowd]) person.leave();
witness.leave();
console.log("done");

/** What the server was told of somebody who has left. */
async function departure(id) {
  for (const until = Date.now() + 5000; Date.now() < until; await sleep(20)) {
    const [reason] = await witness.ask("departure", id);
    if (reason) return reason;
  }
  throw new Error(`the server does not know that ${id} has left`);
}
