// Many clients upgrade while both sides send. Every number arrives once, in order, in both directions.
import assert from "node:assert/strict";
import { Person, sleep } from "./socketio-people.mjs";

const { CLIENTS = "200" } = process.env;
const UP = 60;
const DOWN = 60;

const clients = Number(CLIENTS);
let upgraded = 0;
const ledger = await Promise.all(Array.from({ length: clients }, (_, number) => one(number)));
assert.deepEqual(ledger.filter((wrong) => wrong), []);
assert.equal(upgraded, clients, "every one has upgraded");
console.log(`${clients} clients, ${clients * UP} messages up, ${clients * DOWN} down`);
console.log("done");

async function one(number) {
  // Not all in the same moment: the upgrade meets other phases of the traffic in each.
  await sleep((number % 20) * 15);
  const person = new Person();
  const { socket } = person;
  const down = [];
  socket.on("drop", (value) => down.push(value));
  await person.connected(30_000);
  socket.emit("trickle", DOWN);
  for (let value = 0; value < UP; value += 1) {
    socket.emit("tally", value);
    if (value % 3 === number % 3) await sleep(1);
  }
  const report = await socket.timeout(30_000).emitWithAck("report");
  await person.until(() => (down.length >= DOWN ? true : undefined), "all drops", 30_000).catch(() => {});
  await person.upgraded();
  upgraded += 1;
  person.leave();
  const right = report.received === UP && report.out_of_order === 0;
  const inOrder = down.length === DOWN && down.every((value, at) => value === at);
  return right && inOrder ? undefined : { number, report, down };
}
