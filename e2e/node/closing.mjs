// Every close is a clean one in Chromium, be it the client's or the server's, directly and behind nginx.
import assert from "node:assert/strict";
import { withBrowser } from "./browser.mjs";
import { order } from "./chat-control.mjs";

const SOCKETS = 20;
const BY_CLIENT = 10;

/** In the page: opens sockets, and keeps them with what their close events will say. */
async function openAll(count) {
  const open = () =>
    new Promise((resolve, reject) => {
      const socket = new WebSocket(`ws://${location.host}/ws`);
      const closed = new Promise((tell) => {
        socket.onclose = ({ code, reason, wasClean }) => tell({ code, reason, wasClean });
      });
      socket.onopen = () => resolve({ socket, closed });
      socket.onerror = () => reject(new Error("it did not open"));
    });
  window.kept = await Promise.all(Array.from({ length: count }, open));
}

/** In the page: asks, and closes in the same breath. */
async function closeSome(count) {
  const close = async ({ socket, closed }) => {
    socket.send(JSON.stringify({ event: "presence", id: 7 }));
    const from = performance.now();
    socket.close(4321, "bye é");
    return { ...(await closed), took: performance.now() - from };
  };
  return Promise.all(window.kept.splice(0, count).map(close));
}

await withBrowser(async ({ open }) => {
  const pages = [];
  for (const url of [process.env.URL, process.env.PROXY_URL]) {
    // A page of the same origin, without a script of its own.
    const page = await open(new URL("/rooms", url).href);
    await page.evaluate(openAll, SOCKETS);
    pages.push({ url, page });
  }

  for (const { url, page } of pages) {
    for (const { code, reason, wasClean, took } of await page.evaluate(closeSome, BY_CLIENT)) {
      assert.deepEqual({ code, reason, wasClean }, { code: 4321, reason: "bye é", wasClean: true }, url);
      assert.ok(took < 1500, `${url}: ${took} ms`);
    }
  }

  // The server ends: all at once.
  await order("term");
  for (const { url, page } of pages) {
    const ends = await page.evaluate(() => Promise.all(window.kept.map(({ closed }) => closed)));
    assert.equal(ends.length, SOCKETS - BY_CLIENT);
    for (const end of ends) assert.deepEqual(end, { code: 1001, reason: "service_restart", wasClean: true }, url);
  }
  assert.match(await order("wait"), /exit status: 0/);
});

console.log("done");
