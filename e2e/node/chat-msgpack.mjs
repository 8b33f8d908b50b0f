// The chat's gateway from Node's `ws` with `@msgpack/msgpack`, in the same rooms as a client that speaks JSON.
import assert from "node:assert/strict";
import { Person, order } from "./chat-control.mjs";

const ada = await Person.arrive(undefined, {}, ["switchboard.v1.msgpack"]);
assert.equal(ada.socket.protocol, "switchboard.v1.msgpack");
const grace = await Person.arrive(undefined, {}, ["switchboard.v1.json", "switchboard.v1.msgpack"]);
assert.equal(grace.socket.protocol, "switchboard.v1.json");
for (const person of [ada, grace]) assert.equal((await person.next(({ event }) => event === "welcome")).data.room, "lobby");

// What one writes the other reads, and both read the same history.
assert.deepEqual(await ada.ask("message", { author: "ada", text: "hello grace ✓" }), { event: "message", data: null, id: 1 });
assert.equal((await grace.next(({ event }) => event === "message")).data.text, "hello grace ✓");
assert.deepEqual(await grace.ask("message", { author: "grace", text: "hello ada" }), { event: "message", data: null, id: 1 });
assert.equal((await ada.next(({ event }) => event === "message")).data.text, "hello ada");
assert.deepEqual((await ada.ask("history")).data, (await grace.ask("history")).data);
assert.equal((await ada.ask("presence")).data, 2);

// Errors, and frames of the wrong kind: the connection lives on.
const invalid = await ada.ask("message", { author: "", text: "x" });
assert.deepEqual([invalid.event, invalid.data.code], ["exception", "validation_failed"]);
assert.ok(invalid.data.details[0].path.startsWith("/"));
assert.equal((await ada.ask("shout", {})).data.code, "unknown_event");
ada.socket.send("no MessagePack");
assert.equal((await ada.next(({ event }) => event === "exception")).data.code, "bad_request");
assert.equal((await ada.ask("presence")).data, 2);

// The goodbye.
await order("term");
const goodbye = await ada.next(({ event }) => event === "sys.goaway");
assert.deepEqual([goodbye.data.code, goodbye.data.retryable], [1001, true]);
assert.equal((await ada.closed).code, 1001);
assert.equal((await grace.closed).code, 1001);
assert.match(await order("wait"), /exit status: 0/);
console.log("done");
