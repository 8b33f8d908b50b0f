// The official library and raw WebSockets in one room: words, drawings, a restart of the server, and a removal.
import assert from "node:assert/strict";
import { withBrowser } from "./browser.mjs";
import { order } from "./control.mjs";
import { onPhone, watchConsole } from "./example-page.mjs";

const { URL: url } = process.env;

await withBrowser(async ({ open, screenshot }) => {
  const enter = async (name, kind, options) => {
    const page = await open(url, options);
    if (name === "ada") await screenshot(page, "entrance", { fullPage: true });
    await page.getByLabel("Your name").fill(name);
    await page.getByRole("radio", { name: kind }).check();
    await page.getByRole("button", { name: "Enter" }).click();
    return page;
  };
  const ada = await enter("ada", /official client library/, { colorScheme: "light" });
  // While the server is away, connections fail.
  const quiet = watchConsole(ada, /ERR_CONNECTION_REFUSED|WebSocket|ERR_EMPTY_RESPONSE|ERR_CONNECTION_RESET/);
  await ada.getByText("Connected over websocket").waitFor();
  const bob = await enter("bob", /raw websocket/i, { colorScheme: "dark" });
  const cy = await enter("cy", /polling only/, { colorScheme: "light" });
  await bob.getByText("Connected over websocket").waitFor();
  await cy.getByText("Connected over polling").waitFor();
  const everyone = [ada, bob, cy];
  for (const page of everyone) {
    await page.getByText("cy joined").waitFor();
    await page.waitForFunction(() => document.querySelectorAll("#people li").length === 3);
  }
  // Who was told before the upgrade is told again.
  await cy.getByText("Socket.IO, websocket", { exact: true }).waitFor();
  await ada.getByText("Socket.IO, polling", { exact: true }).waitFor();
  await ada.getByText("raw websocket", { exact: true }).waitFor();

  for (const [number, text] of ["from the library", "from a raw socket", "<b>by polling</b>"].entries()) {
    await say(everyone[number], text);
    for (const page of everyone) await page.getByRole("log").getByText(text).waitFor();
    await everyone[number].getByText("sent to 2").last().waitFor();
  }
  await ada.getByLabel("Message").pressSequentially("…");
  await bob.getByText("ada is typing…").waitFor();
  await ada.getByLabel("Message").fill("");

  // Bytes: as attachments, as base64, and over polling.
  for (const page of everyone) {
    await page.getByRole("button", { name: "Send drawing" }).click();
    await page.getByText("Draw something first.").waitFor();
    await draw(page, [[0.1, 0.8], [0.3, 0.2], [0.5, 0.7], [0.7, 0.2], [0.9, 0.8]]);
    await page.getByRole("button", { name: "Send drawing" }).click();
  }
  for (const page of everyone) {
    await page.waitForFunction(() => document.querySelectorAll("#log img").length === 3);
    const sizes = await page.locator("#log img").evaluateAll((all) => all.map((one) => [one.complete && one.naturalWidth, one.alt.match(/\d+/)[0]]));
    assert.deepEqual([sizes[0], sizes[1]], [sizes[1], sizes[2]], "the same picture from all three");
    assert.equal(sizes[0][0], 320);
  }
  await screenshot(ada, "light", { fullPage: true });
  await screenshot(bob, "dark", { fullPage: true });
  await onPhone(cy, screenshot, "phone");

  // A restart: all come back by themselves, and into the room.
  await order("term");
  for (const page of everyone) await page.getByText(/^Reconnecting/).waitFor();
  await order("wait");
  await order("start");
  for (const page of everyone) await page.getByText(/^Connected over/).waitFor({ timeout: 30_000 });
  await ada.waitForFunction(() => document.querySelectorAll("#people li").length === 3);
  await say(ada, "again");
  for (const page of everyone) await page.getByRole("log").getByText("again").waitFor();

  // Who is removed is told by whom, and does not come back by itself, whatever the client.
  await bob.getByRole("button", { name: "Remove ada" }).click();
  await ada.getByText("You were removed from the chat by bob.").waitFor();
  await cy.getByRole("button", { name: "Remove bob" }).click();
  await bob.getByText("Removed by cy", { exact: true }).waitFor();
  await screenshot(ada, "removed", { fullPage: true });
  await ada.waitForTimeout(2_000);
  await cy.waitForFunction(() => document.querySelectorAll("#people li").length === 1);
  for (const page of [ada, bob]) {
    await page.getByRole("button", { name: "Connect again" }).click();
    await page.getByText(/^Connected over/).waitFor();
  }
  await say(ada, "back");
  await bob.getByRole("log").getByText("back").waitFor();

  // Who leaves is gone for the others.
  await bob.getByRole("button", { name: "Leave" }).click();
  await ada.getByText("bob left").last().waitFor();
  assert.equal(await bob.locator("#entrance").isVisible(), true);
  quiet();
});
console.log("done");

async function say(page, text) {
  await page.getByLabel("Message").fill(text);
  await page.getByRole("button", { name: "Send", exact: true }).click();
}

async function draw(page, points) {
  const canvas = page.locator("#board");
  await canvas.scrollIntoViewIfNeeded();
  const { x, y, width, height } = await canvas.boundingBox();
  const at = ([across, down]) => [x + across * width, y + down * height];
  await page.mouse.move(...at(points[0]));
  await page.mouse.down();
  for (const point of points.slice(1)) await page.mouse.move(...at(point));
  await page.mouse.up();
}
