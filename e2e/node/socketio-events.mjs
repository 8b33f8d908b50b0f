// Every form of an event and of an ack, in both directions.
import assert from "node:assert/strict";
import { Person, mode, same, sleep } from "./socketio-people.mjs";

const ada = await Person.arrive();
same(await ada.next("welcome"), [ada.socket.id], "the id of the client is the one that the server knows");
if (mode !== "default") assert.equal(ada.transport, mode);

const bytes = Buffer.from([0, 1, 2, 250, 255]);
const VALUES = [
  [],
  [null],
  [true],
  [0],
  [-1.5],
  [2 ** 53 - 1],
  [""],
  ["héllo \u0000 \u001e \ud83d\ude00 \"quoted\" \\ /"],
  [[]],
  [{}],
  [[1, [2, [3]]], { a: { b: [{}] } }],
  [1, "2", { 3: [true] }],
  [null, null],
  ["a".repeat(70_000), "é".repeat(40_000)],
  [{ _placeholder: "no", num: 0 }],
  [bytes],
  [Buffer.alloc(0)],
  [bytes, bytes, { deep: [{ inside: bytes }, "text"] }],
  [Buffer.alloc(100_000, 7), 1],
];

for (const values of VALUES) {
  const shown = JSON.stringify(values).slice(0, 80);
  same(await ada.ask("args", ...values), values, `acked: ${shown}`);
  ada.socket.emit("args", ...values);
  same(await ada.next("args"), values, `emitted: ${shown}`);
  // A handler that knows nothing of arguments: none is null, one is itself, several are a list. Null as an answer is none.
  const payload = values.length === 0 ? null : values.length === 1 ? values[0] : values;
  same(await ada.ask("payload", ...values), payload === null ? [] : [payload], `as the payload: ${shown}`);
}

// What is answered, with an ack and without one.
same(await ada.ask("pair"), [[1, "two"]]);
same(await ada.ask("nothing"), []);
same(await ada.ask("maybe", true), [7]);
same(await ada.ask("maybe", false), []);
same(await ada.ask("late", "in a moment"), ["in a moment"]);
assert.equal(await ada.socket.emitWithAck("number", 1), 2);
for (const [event, value] of [["nothing"], ["maybe", false], ["maybe", true], ["pair"]]) ada.socket.emit(event, value);
same(await ada.next("maybe"), [7]);
same(await ada.next("pair"), [[1, "two"]]);
assert.deepEqual(ada.received, []);

// Errors.
const [{ error }] = await ada.ask("fail");
assert.deepEqual(
  { ...error, message: undefined },
  { status: "error", code: "conflict", message: undefined, event: "fail", retryable: false },
);
assert.equal(error.message, "It always fails");
ada.socket.emit("fail");
const [exception] = await ada.next("exception");
assert.deepEqual(exception, error);
assert.equal((await ada.ask("number", "one"))[0].error.code, "validation_failed");
assert.equal((await ada.ask("number"))[0].error.code, "validation_failed");
assert.equal((await ada.ask("no such event"))[0].error.code, "unknown_event");
ada.socket.emit("no such event", bytes);
assert.equal((await ada.next("exception"))[0].event, "no such event");

// A stream is an event an item, and its end the ack. An answer under another event leaves the ack empty.
same(await ada.ask("count", 3), []);
const items = ada.received.splice(0).filter(([event]) => event === "count");
same(items, [["count", 0], ["count", 1], ["count", 2]]);
same(await ada.ask("elsewhere", "hello"), []);
same(await ada.next("there"), ["hello"]);

// Bytes of the server, by themselves and deep inside.
same(await ada.ask("picture"), [[3, 3, 3]]);
same(await ada.next("picture"), [{ name: "stripes", parts: [[1, 1, 1], [2, 2, 2]] }]);
same(await ada.next("plain"), [[4, 4, 4]]);

// The server asks: each form of the answer, and none in time.
const ANSWERS = [[], [null], ["yes"], ["yes", { no: [1] }], [bytes], [1, { deep: bytes }]];
let answers = null;
ada.socket.on("question", (one, two, answer) => {
  assert.deepEqual([one, two], [1, "two"]);
  if (answers) answer(...answers);
});
for (answers of ANSWERS) same(await ada.ask("ask"), answers);
answers = null;
same(await ada.ask("ask"), ["failed", "timeout"]);
await ada.next("question");

// The client's own timeout, of an event that has no answer in time.
await assert.rejects(ada.socket.timeout(5).emitWithAck("ask"), /timed out/);

// Volatile and compressed are words of the library alone. It drops what is volatile while a POST is under way.
await sleep(200);
ada.socket.volatile.compress(true).emit("args", "volatile");
same(await ada.next("args"), ["volatile"]);

// Many acks at once, each to its own.
const asked = Array.from({ length: 200 }, (_, number) => ada.socket.emitWithAck("number", number));
assert.deepEqual(await Promise.all(asked), asked.map((_, number) => number + 1));

await ada.upgraded();
assert.equal((await ada.ask("transport"))[0].toLowerCase(), ada.transport);
ada.leave();
assert.equal(await ada.disconnected(), "io client disconnect");
console.log("done");
