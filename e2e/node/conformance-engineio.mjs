// Engine.IO's protocol, version 4, clause by clause.
import assert from "node:assert/strict";
import {
  LATE, PING_INTERVAL, PING_TIMEOUT, SEPARATOR, Socket,
  clause, enter, http, open, poll, post, refused, run, sleep, within,
} from "./conformance.mjs";

const KEYS = ["maxPayload", "pingInterval", "pingTimeout", "sid", "upgrades"];

function isOpening(text, upgrades) {
  assert.equal(text[0], "0");
  const opening = JSON.parse(text.slice(1));
  assert.deepEqual(Object.keys(opening).sort(), KEYS);
  assert.equal(typeof opening.sid, "string");
  assert.deepEqual(opening.upgrades, upgrades);
  assert.equal(opening.pingInterval, PING_INTERVAL);
  assert.equal(opening.pingTimeout, PING_TIMEOUT);
  assert.equal(opening.maxPayload, 1_000_000);
}

// ---- The handshake.

clause("polling-open", async () => {
  const { status, headers, text } = await http({});
  assert.equal(status, 200);
  assert.match(headers["content-type"], /^text\/plain; ?charset=utf-8$/i);
  isOpening(text, ["websocket"]);
  assert.notEqual(await open(), await open());
});

clause("polling-version", async () => {
  for (const EIO of [undefined, "", "2", "3", "5", "abc", "4&EIO=4"]) refused(await http({ EIO }), 5);
});

clause("polling-transport", async () => {
  for (const transport of [undefined, "", "abc", "webtransport", "POLLING"]) refused(await http({ transport }), 0);
});

clause("polling-method", async () => {
  for (const method of ["POST", "PUT", "DELETE", "PATCH"]) refused(await http({}, { method }), 2);
  const sid = await open();
  const { status } = await http({ sid }, { method: "PUT", body: "4" });
  assert.equal(status, 405);
  await enterWith(sid);
});

clause("polling-unknown-sid", async () => {
  for (const sid of ["abc", "__proto__", "A".repeat(22), "%2e%2e"]) {
    refused(await http({ sid }), 1);
    refused(await post(sid, "40"), 1);
  }
});

clause("websocket-open", async () => {
  const socket = new Socket();
  isOpening(await socket.next(), []);
  socket.leave();
});

clause("websocket-version", async () => {
  for (const EIO of [undefined, "3", "abc"]) await new Socket({ EIO }).ends();
});

clause("websocket-transport", async () => {
  for (const transport of [undefined, "abc"]) await new Socket({ transport }).ends();
});

clause("websocket-unknown-sid", async () => {
  await new Socket({ sid: "abc" }).ends();
});

clause("polling-cors", async () => {
  const headers = { origin: "http://elsewhere.example" };
  const { headers: allowed } = await http({}, { headers });
  assert.equal(allowed["access-control-allow-origin"], headers.origin);
  assert.equal(allowed["access-control-allow-credentials"], "true");
  const asked = { ...headers, "access-control-request-method": "POST", "access-control-request-headers": "content-type" };
  const preflight = await http({}, { method: "OPTIONS", headers: asked });
  assert.ok(preflight.status === 204 || preflight.status === 200, `status ${preflight.status}`);
  assert.equal(preflight.headers["access-control-allow-origin"], headers.origin);
  assert.match(preflight.headers["access-control-allow-methods"], /POST/);
});

// ---- Messages over polling.

clause("polling-post-one", async () => {
  const sid = await enter();
  const { status, text } = await post(sid, '42["message","hello"]');
  assert.deepEqual([status, text], [200, "ok"]);
  const answer = await poll(sid);
  assert.equal(answer.status, 200);
  assert.match(answer.headers["content-type"], /^text\/plain; ?charset=utf-8$/i);
  assert.equal(answer.text, '42["message-back","hello"]');
});

clause("polling-post-several", async () => {
  const sid = await enter();
  await post(sid, ["1", '"zwei ü"', "[3]"].map((value) => `42["message",${value}]`).join(SEPARATOR));
  const packets = await collect(sid, 3);
  assert.deepEqual(packets, ["1", '"zwei ü"', "[3]"].map((value) => `42["message-back",${value}]`));
});

clause("polling-binary", async () => {
  const sid = await enter();
  const packet = (event) => `451-["${event}",{"_placeholder":true,"num":0}]`;
  const { text } = await post(sid, `${packet("message")}${SEPARATOR}bAQIDBA==`);
  assert.equal(text, "ok");
  assert.deepEqual(await collect(sid, 2), [packet("message-back"), "bAQIDBA=="]);
});

clause("polling-waits", async () => {
  const sid = await enter();
  const began = Date.now();
  const waiting = poll(sid);
  await sleep(100);
  await post(sid, '42["message","late"]');
  assert.equal((await waiting).text, '42["message-back","late"]');
  assert.ok(Date.now() - began >= 95);
});

clause("polling-sixteen-packets", async () => {
  const sid = await enter();
  await post(sid, Array.from({ length: 40 }, (_, number) => `42["message",${number}]`).join(SEPARATOR));
  await sleep(20);
  const lengths = [];
  const all = [];
  while (all.length < 40) {
    const packets = (await poll(sid)).text.split(SEPARATOR).filter((packet) => packet !== "2");
    lengths.push(packets.length);
    all.push(...packets);
  }
  assert.ok(Math.max(...lengths) <= 16, `answers of ${lengths} packets`);
  assert.deepEqual(all, Array.from({ length: 40 }, (_, number) => `42["message-back",${number}]`));
});

clause("polling-thousands-of-packets", async () => {
  const sid = await enter();
  const count = 2000;
  const packets = Array.from({ length: count }, (_, id) => `42${id}["message-with-ack"]`);
  const posted = post(sid, packets.join(SEPARATOR));
  let pongs = posted;
  const acks = [];
  while (acks.length < count) {
    const { status, text } = await poll(sid);
    assert.equal(status, 200, text);
    const answer = text.split(SEPARATOR);
    // A pong has to wait for the POST that is under way.
    if (answer.includes("2")) pongs = pongs.then(() => post(sid, "3"));
    acks.push(...answer.filter((packet) => packet !== "2"));
  }
  assert.deepEqual(acks, packets.map((_, id) => `43${id}[]`));
  assert.equal((await posted).text, "ok");
});

clause("polling-invalid-packet", async () => {
  for (const body of ["abc", "7", "", SEPARATOR, `42["message"]${SEPARATOR}`, "b?", "4"]) {
    const sid = await enter();
    const answer = await post(sid, body).catch((error) => error);
    if (!(answer instanceof Error)) assert.equal(answer.status, 400, `to ${JSON.stringify(body)}`);
    const after = await poll(sid);
    assert.equal(after.status, 400, `after ${JSON.stringify(body)} a poll got ${JSON.stringify(after.text)}`);
    refused(after, 1);
  }
});

clause("polling-too-long", async () => {
  const sid = await enter();
  const { status } = await post(sid, `42["message","${"x".repeat(1_000_000)}"]`);
  assert.equal(status, 413);
  const other = await enter();
  const text = "x".repeat(999_000);
  assert.equal((await post(other, `42["message","${text}"]`)).text, "ok");
  assert.equal((await poll(other)).text, `42["message-back","${text}"]`);
});

clause("polling-octet-stream", async () => {
  const sid = await enter();
  const { status } = await post(sid, "4", { "content-type": "application/octet-stream" });
  assert.equal(status, 400);
});

clause("polling-two-polls", async () => {
  const sid = await open();
  const first = poll(sid);
  await sleep(20);
  const second = await poll(sid);
  assert.equal(second.status, 400);
  assert.deepEqual([(await first).status, (await first).text], [200, "1"]);
  refused(await poll(sid), 1);
});

clause("polling-two-posts", async () => {
  const sid = await open();
  const headers = { "content-type": "text/plain;charset=UTF-8", "content-length": "20" };
  const first = http({ sid }, { method: "POST", headers, open: true });
  first.outgoing.write("4");
  await sleep(30);
  assert.equal((await post(sid, "40")).status, 400);
  refused(await poll(sid), 1);
  first.outgoing.destroy();
});

clause("polling-cancelled-poll", async () => {
  const sid = await open();
  const controller = new AbortController();
  http({ sid }, { signal: controller.signal }).catch(() => {});
  await sleep(20);
  controller.abort();
  await sleep(20);
  refused(await poll(sid), 1);
});

clause("polling-aborted-post", async () => {
  const sid = await open();
  const headers = { "content-type": "text/plain;charset=UTF-8", "content-length": "20" };
  const first = http({ sid }, { method: "POST", headers, open: true });
  first.outgoing.write("40");
  await sleep(20);
  first.outgoing.destroy();
  await sleep(50);
  // Nothing of it was taken, and the server lives.
  assert.equal((await http({})).status, 200);
});

// ---- Messages over a WebSocket.

clause("websocket-text", async () => {
  const socket = await Socket.enter();
  socket.send('42["message","hello"]');
  assert.equal(await socket.message(), '42["message-back","hello"]');
  socket.leave();
});

clause("websocket-binary", async () => {
  const socket = await Socket.enter();
  socket.send('451-["message",{"_placeholder":true,"num":0}]', [1, 2, 3, 4]);
  assert.equal(await socket.message(), '451-["message-back",{"_placeholder":true,"num":0}]');
  assert.deepEqual(await socket.message(), [1, 2, 3, 4]);
  socket.leave();
});

clause("websocket-invalid-packet", async () => {
  for (const packet of ["abc", "7", "9x", "", "4"]) {
    const socket = await Socket.enter();
    socket.send(packet);
    await socket.ends();
  }
});

clause("websocket-too-long", async () => {
  const socket = await Socket.enter();
  socket.send(`42["message","${"x".repeat(1_000_001)}"]`);
  await socket.ends(1000);
});

// ---- The heartbeat.

clause("polling-heartbeat", async () => {
  const sid = await open();
  let since = Date.now();
  for (let round = 0; round < 3; round += 1) {
    assert.equal((await poll(sid)).text, "2");
    const waited = Date.now() - since;
    assert.ok(waited >= PING_INTERVAL - 20 && waited <= PING_INTERVAL + LATE, `ping ${round} after ${waited} ms`);
    since = Date.now();
    assert.equal((await post(sid, "3")).text, "ok");
  }
});

clause("polling-ping-timeout", async () => {
  const sid = await open();
  await sleep(PING_INTERVAL + PING_TIMEOUT);
  refused(await poll(sid), 1);
  const waiting = await open();
  assert.equal((await poll(waiting)).text, "2");
  const since = Date.now();
  const { status, text } = await poll(waiting);
  const waited = Date.now() - since;
  assert.ok(status === 400 || text === "1", `${status} ${text}`);
  assert.ok(waited <= PING_TIMEOUT + LATE, `after ${waited} ms`);
  refused(await poll(waiting), 1);
});

clause("websocket-heartbeat", async () => {
  const socket = await Socket.open();
  let since = Date.now();
  for (let round = 0; round < 3; round += 1) {
    assert.equal(await socket.next(), "2");
    const waited = Date.now() - since;
    assert.ok(waited >= PING_INTERVAL - 20 && waited <= PING_INTERVAL + LATE, `ping ${round} after ${waited} ms`);
    since = Date.now();
    socket.send("3");
  }
  socket.leave();
});

clause("websocket-ping-timeout", async () => {
  const socket = await Socket.open();
  const since = Date.now();
  await within(socket.closed, PING_INTERVAL + PING_TIMEOUT + LATE, "it was not closed");
  assert.ok(Date.now() - since >= PING_INTERVAL + PING_TIMEOUT - 20, "too early");
  assert.deepEqual(socket.messages.slice(0, 1), ["2"]);
});

// ---- The end.

clause("polling-close", async () => {
  const sid = await open();
  const waiting = poll(sid);
  await sleep(20);
  assert.equal((await post(sid, "1")).text, "ok");
  assert.deepEqual([(await waiting).status, (await waiting).text], [200, "6"]);
  refused(await poll(sid), 1);
});

clause("polling-close-at-once", async () => {
  const sid = await open();
  const [waiting, posted] = await Promise.all([poll(sid), post(sid, "1")]);
  assert.equal(posted.text, "ok");
  // Which of the two came first is not known.
  if (waiting.status === 200) assert.equal(waiting.text, "6");
  else refused(waiting, 1);
  refused(await poll(sid), 1);
});

clause("websocket-close", async () => {
  const socket = await Socket.open();
  socket.send("1");
  await socket.ends();
});

// ---- The upgrade.

clause("upgrade", async () => {
  const sid = await enter();
  const socket = new Socket({ sid });
  await socket.opened;
  socket.send("2probe");
  assert.equal(await socket.next(), "3probe");
  assert.deepEqual([(await poll(sid)).text], ["6"]);
  socket.send("5", '42["message","hello"]');
  assert.equal(await socket.message(), '42["message-back","hello"]');
  socket.leave();
});

clause("upgrade-releases-a-poll", async () => {
  const sid = await enter();
  const waiting = poll(sid);
  await sleep(20);
  const socket = new Socket({ sid });
  await socket.opened;
  socket.send("2probe");
  assert.equal(await socket.next(), "3probe");
  const began = Date.now();
  assert.equal((await waiting).text, "6");
  assert.ok(Date.now() - began < PING_INTERVAL / 2);
  socket.send("5");
  await socket.join("/custom");
  socket.leave();
});

clause("upgrade-loses-nothing", async () => {
  const sid = await enter();
  await post(sid, '42["message","before"]');
  const socket = new Socket({ sid });
  await socket.opened;
  socket.send("2probe");
  assert.equal(await socket.next(), "3probe");
  await post(sid, '42["message","between"]');
  const polled = await poll(sid);
  socket.send("5", '42["message","after"]');
  const all = polled.text.split(SEPARATOR).filter((packet) => packet.startsWith("42"));
  while (all.length < 3) all.push(await socket.message());
  assert.deepEqual(all, ["before", "between", "after"].map((word) => `42["message-back","${word}"]`));
  socket.leave();
});

clause("upgrade-ends-polling", async () => {
  const { sid, socket } = await upgraded();
  refused(await poll(sid), 3);
  refused(await post(sid, '42["message","lost"]'), 3);
  socket.send('42["message","hello"]');
  assert.equal(await socket.message(), '42["message-back","hello"]');
  socket.leave();
});

clause("upgrade-once", async () => {
  const { sid, socket } = await upgraded();
  await new Socket({ sid }).ends();
  socket.send('42["message","hello"]');
  assert.equal(await socket.message(), '42["message-back","hello"]');
  socket.leave();
});

clause("upgrade-wrong-probe", async () => {
  for (const probe of ["2foo", "2", "5", "hello", '42["message"]']) {
    const sid = await enter();
    const socket = new Socket({ sid });
    await socket.opened;
    socket.send(probe);
    await socket.ends();
    await post(sid, '42["message","still here"]');
    assert.equal((await poll(sid)).text, '42["message-back","still here"]', `after ${probe}`);
  }
});

clause("upgrade-given-up", async () => {
  const sid = await enter();
  const socket = new Socket({ sid });
  await socket.opened;
  socket.send("2probe");
  assert.equal(await socket.next(), "3probe");
  socket.leave();
  await socket.closed;
  await post(sid, '42["message","still here"]');
  assert.deepEqual(await collect(sid, 1), ['42["message-back","still here"]']);
});

clause("upgrade-keeps-the-heartbeat", async () => {
  const { socket } = await upgraded();
  for (let round = 0; round < 2; round += 1) {
    assert.equal(await socket.next(), "2");
    socket.send("3");
  }
  await within(socket.closed, PING_INTERVAL + PING_TIMEOUT + LATE, "it was not closed");
});

await run();

/** Enters the main namespace of a session. */
async function enterWith(sid) {
  assert.equal((await post(sid, "40")).text, "ok");
  assert.match((await poll(sid)).text, /^40/);
}

/** So many packets that are no pings and no noops, of as many polls as it takes. */
async function collect(sid, count) {
  const packets = [];
  while (packets.length < count) {
    const { status, text } = await poll(sid);
    assert.equal(status, 200);
    packets.push(...text.split(SEPARATOR).filter((packet) => packet !== "2" && packet !== "6"));
  }
  return packets;
}

/** A session in the main namespace that has become a WebSocket. */
async function upgraded() {
  const sid = await enter();
  const socket = new Socket({ sid });
  await socket.opened;
  socket.send("2probe");
  assert.equal(await socket.next(), "3probe");
  socket.send("5", '420["message-with-ack"]');
  assert.equal(await socket.message(), "430[]");
  return { sid, socket };
}
