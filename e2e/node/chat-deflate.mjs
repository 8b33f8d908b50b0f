// permessage-deflate between the chat's gateway and Node's `ws`, which is zlib itself: what either compresses the other reads.
import assert from "node:assert/strict";
import { Person } from "./chat-control.mjs";

const ANSWER = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
// A client with a threshold of 0 compresses every message, however short.
const all = { threshold: 0 };
const rows = [
  [true, ANSWER],
  [all, ANSWER],
  [{ ...all, clientNoContextTakeover: true, serverNoContextTakeover: true }, ANSWER],
  [{ ...all, clientMaxWindowBits: 9 }, ANSWER],
  [{ ...all, clientMaxWindowBits: 8 }, ANSWER],
  [{ ...all, serverMaxWindowBits: 15 }, `${ANSWER}; server_max_window_bits=15`],
  [{ ...all, serverMaxWindowBits: 9 }, `${ANSWER}; server_max_window_bits=9`],
  [{ ...all, serverMaxWindowBits: 12, zlibDeflateOptions: { level: 9 } }, `${ANSWER}; server_max_window_bits=12`],
  [{ ...all, zlibDeflateOptions: { level: 0 } }, ANSWER],
  [false, undefined],
];

const text = (n) => `${n} ${"änne and ada ".repeat(20)}`.slice(0, 500);
const writer = await Person.arrive(undefined, { perMessageDeflate: false });
for (let n = 0; n < 100; n += 1) await writer.ask("message", { author: "writer", text: text(n) });

for (const [perMessageDeflate, answer] of rows) {
  const shown = JSON.stringify(perMessageDeflate);
  const person = await Person.arrive(undefined, { perMessageDeflate });
  assert.equal(person.headers["sec-websocket-extensions"], answer, shown);
  await person.next(({ event }) => event === "welcome");

  // A long reply, many times: no context is kept.
  const { data: expected } = await writer.ask("history");
  const before = person.socket._socket.bytesRead;
  let plain = 0;
  for (let n = 0; n < 5; n += 1) {
    const reply = await person.ask("history");
    assert.deepEqual(reply.data, expected, shown);
    plain += JSON.stringify(reply).length;
  }
  const read = person.socket._socket.bytesRead - before;
  const small = answer?.includes("server_max") && !answer.endsWith("15");
  if (answer && !small) assert.ok(read < plain / 5, `${read} of ${plain} bytes with ${shown}`);
  else assert.ok(read >= plain, `${read} of ${plain} bytes with ${shown}`);

  // Long and short, text and binary, in one frame and in many, with nothing in it.
  const ask = { event: "message", data: { author: "ada", text: "ü".repeat(400) }, id: "long" };
  for (const message of [JSON.stringify(ask), Buffer.from(JSON.stringify(ask))]) {
    person.socket.send(message);
    assert.deepEqual(await person.next(({ id }) => id === "long"), { event: "message", data: null, id: "long" }, shown);
    for (let at = 0; at < message.length; at += 50) {
      person.socket.send(message.slice(at, at + 50), { fin: at + 50 >= message.length, binary: typeof message !== "string" });
      person.socket.ping("between");
    }
    assert.deepEqual(await person.next(({ id }) => id === "long"), { event: "message", data: null, id: "long" }, shown);
  }
  for (const nothing of ["", " "]) {
    person.socket.send(nothing);
    assert.equal((await person.next(({ event }) => event === "exception")).data.code, "bad_request", shown);
  }

  // A push that is long, to everybody: compressed or not, the same.
  const announced = "soup ".repeat(90);
  const pushed = await fetch(new URL("/announce", process.env.URL), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ text: announced }),
  });
  assert.ok(pushed.ok);
  assert.deepEqual(await person.next(({ event }) => event === "announce"), { event: "announce", data: announced });
  assert.equal((await person.leave()).code, 1000);
}

// More than `max_message` once it is inflated.
const bomb = await Person.arrive(undefined, { perMessageDeflate: all });
bomb.socket.send(" ".repeat(10_000_000));
assert.deepEqual(await bomb.closed, { code: 1009, reason: "message_too_big" });
assert.equal((await writer.ask("presence")).event, "presence");
assert.equal((await writer.leave()).code, 1000);
console.log("done");
