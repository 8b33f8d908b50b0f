// Several namespaces on one connection: static ones, one behind a guard that sees `auth`, and those of a pattern.
import assert from "node:assert/strict";
import { Manager } from "socket.io-client";
import { MODES, Person, mode, same, sleep } from "./socketio-people.mjs";

const { URL: url } = process.env;

// Refused: with a message, and data from which a page can tell why.
const nobody = await Person.refused("/nowhere");
assert.equal(nobody.message, "Invalid namespace");
assert.equal(nobody.data, undefined);
const anonymous = await Person.refused("/admin");
assert.equal(anonymous.message, "Log in first");
assert.equal(anonymous.data.code, "unauthenticated");
const wrong = await Person.refused("/admin", { auth: { token: "guessed" } });
assert.equal(wrong.message, "Another token");
assert.equal(wrong.data.code, "forbidden");
const odd = await Person.refused("/admin", { auth: { token: 7 } });
assert.ok(["bad_request", "validation_failed", "unauthenticated"].includes(odd.data.code), odd.data.code);

// Let in; `auth` may be a function.
const ada = await Person.arrive("/admin", { auth: (give) => give({ token: "secret" }) });
same(await ada.ask("who"), [["ada", "/admin"]]);
ada.leave();

// On one connection.
const manager = new Manager(url, { ...MODES[mode], reconnection: false });
const join = (namespace, options) => {
  const socket = manager.socket(namespace, options);
  const events = [];
  socket.onAny((...event) => events.push(event));
  const ready = new Promise((resolve, reject) => socket.once("connect", resolve).once("connect_error", reject));
  return { socket, events, ready };
};
const all = {
  main: join("/"),
  admin: join("/admin", { auth: { token: "secret" } }),
  one: join("/project-1"),
  two: join("/project-2"),
};
await Promise.all(Object.values(all).map(({ ready }) => ready));
const ids = new Set(Object.values(all).map(({ socket }) => socket.id));
assert.equal(ids.size, 4, "an id for each namespace");

assert.deepEqual(await all.admin.socket.emitWithAck("who"), ["ada", "/admin"]);
assert.equal(await all.main.socket.emitWithAck("number", 1), 2);
assert.equal(await all.one.socket.emitWithAck("draw", "a line"), 1, "one client is in the project");
assert.equal(await all.two.socket.emitWithAck("draw", "a circle"), 1);
assert.deepEqual(all.one.events, [["drawn", { project: 1, line: "a line" }]]);
assert.deepEqual(all.two.events, [["drawn", { project: 2, line: "a circle" }]]);
const { error } = await all.admin.socket.emitWithAck("number", 1);
assert.equal(error.code, "unknown_event", "an event of another namespace");

// A name that the pattern has no value for.
const letters = join("/project-x");
await assert.rejects(letters.ready);
const bare = join("/project-");
await assert.rejects(bare.ready, /Invalid namespace/);

// One is left, one is thrown out of; the others stay.
const reason = new Promise((resolve) => all.admin.socket.once("disconnect", resolve));
all.admin.socket.emit("kick-me");
assert.equal(await reason, "io server disconnect");
all.two.socket.disconnect();
await sleep(50);
assert.equal(await all.one.socket.emitWithAck("draw", "another"), 1);
assert.equal(await all.main.socket.emitWithAck("number", 2), 3);

// Both can be entered again.
for (const name of ["admin", "two"]) {
  const again = new Promise((resolve, reject) => all[name].socket.once("connect", resolve).once("connect_error", reject));
  all[name].socket.connect();
  await again;
}
assert.deepEqual(await all.admin.socket.emitWithAck("who"), ["ada", "/admin"]);
assert.equal(await all.two.socket.emitWithAck("draw", "again"), 1);

for (const { socket } of Object.values(all)) socket.disconnect();
console.log("done");
