// Proves the harness itself: Chromium opens a page, and the page's WebSocket echoes through Node's `ws`.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { WebSocket, WebSocketServer } from "ws";
import { withBrowser } from "./browser.mjs";

const PAGE = `<!doctype html>
<title>harness</title>
<p id="state">connecting</p>
<button>Send</button>
<ul></ul>
<script>
  const socket = new WebSocket("ws://" + location.host + "/echo");
  const state = document.getElementById("state");
  socket.onopen = () => (state.textContent = "open");
  socket.onclose = (event) => (state.textContent = "closed " + event.code);
  socket.onmessage = (event) => {
    const line = document.createElement("li");
    line.textContent = event.data;
    document.querySelector("ul").append(line);
  };
  document.querySelector("button").onclick = () => socket.send("héllo");
</script>`;

const http = createServer((request, response) => {
  response.setHeader("content-type", "text/html; charset=utf-8");
  response.end(request.url === "/" ? PAGE : "");
});
const echo = new WebSocketServer({ server: http, path: "/echo" });
echo.on("connection", (socket) => socket.on("message", (data, binary) => socket.send(data, { binary })));
await new Promise((resolve) => http.listen(0, "127.0.0.1", resolve));
const address = `127.0.0.1:${http.address().port}`;

const client = new WebSocket(`ws://${address}/echo`);
await new Promise((resolve, reject) => client.on("open", resolve).on("error", reject));
client.send("from node");
assert.equal(await new Promise((resolve) => client.once("message", (data) => resolve(data.toString()))), "from node");
client.close();

await withBrowser(async ({ open, screenshot }) => {
  const page = await open(`http://${address}/`);
  await page.getByText("open", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Send" }).click();
  await page.getByText("héllo").waitFor();
  assert.deepEqual(await page.locator("li").allTextContents(), ["héllo"]);
  await screenshot(page, "echoed");

  for (const socket of echo.clients) socket.close(4000);
  await page.getByText("closed 4000").waitFor();
});

echo.close();
http.close();
console.log("echoed");
