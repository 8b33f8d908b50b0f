// Socket.IO's protocol, version 5, clause by clause.
import assert from "node:assert/strict";
import {
  CONNECT_TIMEOUT, LATE, SEPARATOR, Socket, clause, open, poll, post, refused, run, sleep, within,
} from "./conformance.mjs";

const placeholder = (num) => `{"_placeholder":true,"num":${num}}`;
const MAIN = { name: "", prefix: "" };
const CUSTOM = { name: "/custom", prefix: "/custom," };

/** What a socket is answered that sends something: nothing is closed. */
async function answers(socket, sent, expected) {
  socket.send(...[sent].flat());
  for (const message of [expected].flat()) {
    const answer = await socket.message();
    if (message instanceof RegExp) assert.match(answer, message);
    else assert.deepEqual(answer, message);
  }
}

/** That each of these ends the connection of a client that is in both namespaces. */
async function allEnd(...packets) {
  for (const packet of packets) {
    const socket = await Socket.enter();
    socket.send(...[packet].flat());
    await socket.ends().catch(() => assert.fail(`${JSON.stringify(packet).slice(0, 100)} did not end the connection`));
  }
}

/** That it is still there. */
const lives = (socket) => answers(socket, '429["message-with-ack","here"]', '439["here"]');

// ---- The connection to a namespace.

clause("connect", async () => {
  for (const { name, prefix } of [MAIN, CUSTOM]) {
    const socket = await Socket.open();
    socket.send(`40${prefix}`);
    const answer = await socket.message();
    assert.ok(answer.startsWith(`40${prefix}{`), answer);
    const payload = JSON.parse(answer.slice(2 + prefix.length));
    assert.deepEqual(Object.keys(payload), ["sid"]);
    assert.equal(typeof payload.sid, "string");
    assert.equal(await socket.message(), `42${prefix}["auth",{}]`, name);
    socket.leave();
  }
});

clause("connect-auth", async () => {
  const auths = ['{"token":"123"}', '{"deep":{"er":[1,2.5,null,"ü"]},"t":true}', "{}"];
  for (const { prefix } of [MAIN, CUSTOM]) {
    for (const auth of auths) {
      const socket = await Socket.open();
      await answers(socket, `40${prefix}${auth}`, [/^40/, `42${prefix}["auth",${auth}]`]);
      socket.leave();
    }
  }
});

clause("connect-without-a-comma", async () => {
  const socket = await Socket.open();
  await answers(socket, "40/custom", [/^40\/custom,\{"sid":/, '42/custom,["auth",{}]']);
  socket.leave();
});

clause("connect-sids-differ", async () => {
  const socket = new Socket();
  const sids = [JSON.parse((await socket.next()).slice(1)).sid];
  for (const prefix of ["", "/custom,"]) {
    socket.send(`40${prefix}`);
    sids.push(JSON.parse((await socket.message()).slice(2 + prefix.length)).sid);
    await socket.message();
  }
  assert.equal(new Set(sids).size, 3, "of the session, and of each namespace");
  socket.leave();
});

clause("connect-unknown-namespace", async () => {
  const socket = await Socket.open();
  await answers(socket, "40/random", '44/random,{"message":"Invalid namespace"}');
  await answers(socket, '40/random,{"token":1}', '44/random,{"message":"Invalid namespace"}');
  // A name that is none is not repeated.
  await answers(socket, `40/${"x".repeat(300)},`, /^44\{"message":"Invalid namespace"\}$/);
  await socket.join("/custom");
  socket.leave();
});

clause("connect-twice", async () => {
  const socket = await Socket.enter();
  socket.send("40", '40{"token":"2"}');
  await lives(socket);
  socket.leave();
});

clause("connect-invalid", async () => {
  for (const packet of ["4abc", "4x", "40[]", "40null", '40"token"', "40{", '40/custom,"token"', '42["message"]', '42/custom,["message"]', "45"]) {
    const socket = await Socket.open();
    socket.send(packet);
    await socket.ends().catch(() => assert.fail(`${packet} did not end the connection`));
  }
});

clause("connect-timeout", async () => {
  const socket = await Socket.open();
  const began = Date.now();
  await within(socket.idle(), CONNECT_TIMEOUT + LATE, "it was not closed");
  assert.ok(Date.now() - began >= CONNECT_TIMEOUT - 20, "too early");
});

clause("connect-timeout-polling", async () => {
  const sid = await open();
  const until = Date.now() + CONNECT_TIMEOUT + LATE;
  for (let answer; ; ) {
    answer = await poll(sid);
    if (answer.status === 400 || answer.text === "1") break;
    assert.ok(Date.now() < until, "it was not closed");
    if (answer.text === "2") await post(sid, "3");
  }
  refused(await poll(sid), 1);
});

// ---- Events.

clause("event", async () => {
  for (const { name, prefix } of [MAIN, CUSTOM]) {
    const socket = await Socket.enter(name);
    for (const values of ["", ',1,"2",{"3":[true]}', ",null", ",[]", ',"ü \\u001e \\"\\ud83d\\ude00"', ",-1.5,1e2"]) {
      const back = values.replace("1e2", "100.0").replace("\\ud83d\\ude00", "😀");
      socket.send(`42${prefix}["message"${values}]`);
      const answer = await socket.message();
      assert.deepEqual(JSON.parse(answer.slice(2 + prefix.length)), JSON.parse(`["message-back"${back}]`));
      assert.ok(answer.startsWith(`42${prefix}[`), answer);
    }
    socket.leave();
  }
});

clause("event-exact", async () => {
  const socket = await Socket.enter();
  await answers(socket, '42["message",1,"2",{"3":[true]}]', '42["message-back",1,"2",{"3":[true]}]');
  await answers(socket, '42["message"]', '42["message-back"]');
  await socket.join("/custom");
  await answers(socket, '42/custom,["message",[]]', '42/custom,["message-back",[]]');
  socket.leave();
});

clause("event-binary", async () => {
  for (const { name, prefix } of [MAIN, CUSTOM]) {
    const socket = await Socket.enter(name);
    const packet = (event) => `452-${prefix}["${event}",${placeholder(0)},${placeholder(1)}]`;
    await answers(socket, [packet("message"), [1, 2, 3], [4, 5, 6]], [packet("message-back"), [1, 2, 3], [4, 5, 6]]);
    socket.leave();
  }
});

clause("event-binary-deep", async () => {
  const socket = await Socket.enter();
  const packet = (event) => `452-["${event}","text",{"a":[${placeholder(0)},{"b":${placeholder(1)}}]}]`;
  await answers(socket, [packet("message"), [], [255, 0]], [packet("message-back"), [], [255, 0]]);
  // The order of the placeholders is the sender's.
  const swapped = `452-["message",${placeholder(1)},${placeholder(0)}]`;
  const back = `452-["message-back",${placeholder(0)},${placeholder(1)}]`;
  await answers(socket, [swapped, [1], [2]], [back, [2], [1]]);
  socket.leave();
});

clause("event-ten-attachments", async () => {
  const socket = await Socket.enter();
  const list = (count) => Array.from({ length: count }, (_, number) => placeholder(number)).join(",");
  const bytes = Array.from({ length: 10 }, (_, number) => [number]);
  await answers(socket, [`4510-["message",${list(10)}]`, ...bytes], [`4510-["message-back",${list(10)}]`, ...bytes]);
  socket.send(`4511-["message",${list(11)}]`);
  await socket.ends();
});

clause("event-unknown", async () => {
  const socket = await Socket.enter();
  await answers(socket, '42["nothing like it",1]', /^42\["exception",\{.*"code":"unknown_event".*\}\]$/);
  await answers(socket, "42[7,1]", /^42\["exception",\{.*"code":"unknown_event".*\}\]$/);
  await answers(socket, '42["error"]', /^42\["exception",\{.*"code":"unknown_event".*\}\]$/);
  await lives(socket);
  socket.leave();
});

clause("event-invalid-type", () => allEnd("4abc", "47[]", "49", '4["message"]', "4-1"));

clause("event-invalid-payload", () => {
  return allEnd("42{}", "42", "42[]", "42null", '42"message"', '42["message"', '42["message"]]', '42[{"toString":"x"}]', "42[null]", "42[[]]", "42[true]");
});

clause("event-invalid-ack-id", () => allEnd('42abc["message-with-ack",1]', '42-1["message-with-ack"]', `42${"9".repeat(400)}["message-with-ack"]`));

clause("event-reserved", () => {
  const names = ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];
  return allEnd(...names.map((name) => `42["${name}"]`));
});

clause("event-invalid-attachments", () => {
  return allEnd(
    '450-["message"]', '45-["message"]', '455["message"]', '451000000000-["message"]', '45NaN-["message"]',
    `451-["message"]`, `451-["message",${placeholder(-1)}]`, `451-["message",${placeholder(1)}]`, `451-["message",${placeholder(1.5)}]`,
    '451-["message",{"_placeholder":true,"num":"splice"}]', '451-["message",{"_placeholder":true}]',
    `451-["message",${placeholder(0)},${placeholder(0)}]`, `452-["message",${placeholder(0)}]`,
  );
});

clause("event-invalid-order", () => {
  return allEnd(
    [`452-["message",${placeholder(0)},${placeholder(1)}]`, [1], '42["message"]'],
    [`451-["message",${placeholder(0)}]`, `451-["message",${placeholder(0)}]`],
    [[1, 2, 3]],
    [`451-["message",${placeholder(0)}]`, [1], [2]],
  );
});

clause("event-for-the-server-alone", () => allEnd('44{"message":"no"}', '44/custom,{"message":"no"}'));

clause("event-elsewhere", () => allEnd('42/custom,["message"]', '42/random,["message"]'));

// It may come late, from code that does not look whether its client is still there.
clause("ack-elsewhere", async () => {
  const socket = await Socket.enter();
  socket.send("43/custom,1[]");
  await lives(socket);
  socket.leave();
});

clause("event-too-deep", async () => {
  const socket = await Socket.enter();
  const deep = "[".repeat(200_000) + "]".repeat(200_000);
  await answers(socket, `42["message",${deep}]`, /^42\["exception",\{.*"code":"bad_request".*\}\]$/);
  await lives(socket);
  socket.leave();
});

clause("event-order", async () => {
  const socket = await Socket.enter();
  await socket.join("/custom");
  const sent = [];
  const expected = [];
  for (let number = 0; number < 100; number += 1) {
    const { prefix } = number % 2 === 0 ? MAIN : CUSTOM;
    if (number % 5 === 0) {
      sent.push(`451-${prefix}["message",${number},${placeholder(0)}]`, [number]);
      expected.push({ prefix, messages: [`451-${prefix}["message-back",${number},${placeholder(0)}]`, [number]] });
    } else {
      sent.push(`42${prefix}["message",${number}]`);
      expected.push({ prefix, messages: [`42${prefix}["message-back",${number}]`] });
    }
  }
  socket.send(...sent);
  // In order within a namespace, and attachments directly behind their packet.
  const lists = { "": [], "/custom,": [] };
  for (let left = expected.length; left > 0; left -= 1) {
    const packet = await socket.message();
    const prefix = packet.includes("/custom,") ? "/custom," : "";
    const messages = packet.startsWith("451-") ? [packet, await socket.message()] : [packet];
    lists[prefix].push(messages);
  }
  for (const prefix of ["", "/custom,"]) {
    assert.deepEqual(lists[prefix], expected.filter((one) => one.prefix === prefix).map(({ messages }) => messages));
  }
  socket.leave();
});

// ---- Acknowledgements.

clause("ack", async () => {
  for (const { name, prefix } of [MAIN, CUSTOM]) {
    const socket = await Socket.enter(name);
    for (const [id, values] of [["456", '1,"2",{"3":[false]}'], ["0", ""], ["1", "null"], ["9007199254740993", "[]"]]) {
      const sent = `42${prefix}${id}["message-with-ack"${values && `,${values}`}]`;
      await answers(socket, sent, `43${prefix}${id}[${values}]`);
    }
    socket.leave();
  }
});

clause("ack-binary", async () => {
  for (const { name, prefix } of [MAIN, CUSTOM]) {
    const socket = await Socket.enter(name);
    const values = `${placeholder(0)},${placeholder(1)}`;
    const sent = [`452-${prefix}789["message-with-ack",${values}]`, [1, 2, 3], [4, 5, 6]];
    await answers(socket, sent, [`462-${prefix}789[${values}]`, [1, 2, 3], [4, 5, 6]]);
    socket.leave();
  }
});

clause("ack-of-an-event-without-answer", async () => {
  const socket = await Socket.enter();
  socket.send('4212["message",1]');
  const answer = [await socket.message(), await socket.message()].sort();
  assert.deepEqual(answer, ['42["message-back",1]', "4312[]"]);
  socket.leave();
});

clause("ack-of-an-error", async () => {
  const socket = await Socket.enter();
  await answers(socket, '425["nothing like it"]', /^435\[\{"error":\{.*"code":"unknown_event".*\}\}\]$/);
  socket.leave();
});

clause("ack-nobody-asked-for", async () => {
  const socket = await Socket.enter();
  socket.send("4312345[]", '43999["x"]', `461-7[${placeholder(0)}]`, [1]);
  await lives(socket);
  socket.leave();
});

clause("ack-invalid", () => allEnd("43[]", "431", "431{}", '431"x"', "43x[]"));

// ---- Leaving a namespace.

clause("disconnect", async () => {
  const socket = await Socket.enter();
  socket.send("41");
  // The connection itself stays: the next thing is a ping.
  assert.equal(await socket.next(), "2");
  socket.send("3");
  await socket.join("");
  await lives(socket);
  socket.leave();
});

clause("disconnect-one-of-two", async () => {
  const socket = await Socket.enter();
  await socket.join("/custom");
  socket.send("41/custom");
  await answers(socket, '42["message","to the main one"]', '42["message-back","to the main one"]');
  await socket.join("/custom");
  socket.send("41");
  await answers(socket, '42/custom,["message","to the other"]', '42/custom,["message-back","to the other"]');
  socket.send("41/custom,");
  assert.equal(await socket.next(), "2");
  socket.leave();
});

clause("disconnect-unasked", async () => {
  const socket = await Socket.enter();
  socket.send("41/custom,", "41/random,", '41/custom,{"why":1}');
  await lives(socket);
  socket.leave();
});

clause("disconnect-timeout", async () => {
  const socket = await Socket.enter();
  socket.send("41");
  const began = Date.now();
  await within(socket.idle(), CONNECT_TIMEOUT + LATE, "it was not closed");
  assert.ok(Date.now() - began >= CONNECT_TIMEOUT - 20, "too early");
});

// ---- The sample session of the document, over both transports.

clause("sample-session", async () => {
  const sid = await open();
  assert.equal((await post(sid, "40")).text, "ok");
  const packets = [];
  while (packets.length < 2) packets.push(...(await poll(sid)).text.split(SEPARATOR));
  assert.match(packets[0], /^40\{"sid":"[^"]+"\}$/);
  assert.equal(packets[1], '42["auth",{}]');
  assert.equal((await post(sid, `42["message","hello"]${SEPARATOR}42["message","world"]`)).text, "ok");
  const back = [];
  while (back.length < 2) back.push(...(await poll(sid)).text.split(SEPARATOR));
  assert.deepEqual(back, ['42["message-back","hello"]', '42["message-back","world"]']);

  const socket = new Socket({ sid });
  await socket.opened;
  socket.send("2probe");
  assert.equal(await socket.next(), "3probe");
  socket.send("5", '42["message","hello"]', '42["message","world"]');
  assert.equal(await socket.message(), '42["message-back","hello"]');
  assert.equal(await socket.message(), '42["message-back","world"]');
  socket.send("40/custom,");
  assert.match(await socket.message(), /^40\/custom,\{"sid":"[^"]+"\}$/);
  assert.equal(await socket.message(), '42/custom,["auth",{}]');
  socket.send(`451-/custom,1["message-with-ack",${placeholder(0)}]`, [1]);
  assert.equal(await socket.message(), `461-/custom,1[${placeholder(0)}]`);
  assert.deepEqual(await socket.message(), [1]);
  assert.equal(await socket.next(), "2");
  socket.send("3", "1");
  await socket.ends();
});

clause("binary-over-polling", async () => {
  const sid = await open();
  await post(sid, "40");
  await sleep(20);
  assert.match((await poll(sid)).text, /^40/);
  const packet = (event) => `452-["${event}",${placeholder(0)},${placeholder(1)}]`;
  // The attachments may come in another request.
  assert.equal((await post(sid, packet("message"))).text, "ok");
  assert.equal((await post(sid, `bAQID${SEPARATOR}bBAUG`)).text, "ok");
  const packets = [];
  while (packets.length < 3) packets.push(...(await poll(sid)).text.split(SEPARATOR).filter((one) => one !== "2" && one !== '42["auth",{}]'));
  assert.deepEqual(packets, [packet("message-back"), "bAQID", "bBAUG"]);
});

await run();
