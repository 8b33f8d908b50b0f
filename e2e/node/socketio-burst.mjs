// Thousands of events in one tick, over whichever transport: all arrive, in order, and the answers too.
import assert from "node:assert/strict";
import { Person } from "./socketio-people.mjs";

const COUNT = 5000;
const ada = await Person.arrive();
const witness = await Person.arrive();

for (let number = 0; number < COUNT; number += 1) ada.socket.emit("tally", number);
const reported = ada.socket.timeout(30_000).emitWithAck("report");

// Somebody else is answered meanwhile.
const began = Date.now();
await witness.ask("number", 1);
assert.ok(Date.now() - began < 2000, `another client waited ${Date.now() - began} ms`);
assert.deepEqual(await reported, { received: COUNT, out_of_order: 0 });

// And thousands of pushes to it.
const PUSHES = 1000;
ada.socket.emit("push", PUSHES);
for (let number = 0; number < PUSHES; number += 1) assert.deepEqual(await ada.next("tick"), [number]);
ada.leave();
witness.leave();
console.log("done");
