// Two tabs of Chromium in one room: one with the client library, one with a raw WebSocket.
import assert from "node:assert/strict";
import { withBrowser } from "./browser.mjs";
import { order } from "./control.mjs";

const { URL: url } = process.env;

await withBrowser(async ({ open, screenshot }) => {
  const library = await open(new URL("/?socketio", url).href);
  await library.getByText("joined over websocket").waitFor();
  const raw = await open(url);
  await raw.getByText("joined over a raw socket").waitFor();

  const words = ["from the library", "from the raw socket", "<b>no markup</b>"];
  for (const [number, text] of words.entries()) {
    const tab = number % 2 === 0 ? library : raw;
    await tab.getByLabel("Text").fill(text);
    await tab.getByRole("button", { name: "Send" }).click();
    for (const page of [library, raw]) await page.getByRole("log").getByText(text).waitFor();
  }
  for (const page of [library, raw]) assert.deepEqual(await page.locator("li").allTextContents(), words);
  await screenshot(library, "library");
  await screenshot(raw, "raw");

  // A restart: the library comes back by itself, and into the room.
  await order("term");
  await library.getByText("lost: transport close").waitFor();
  await raw.getByText("lost: 1001").waitFor();
  await order("wait");
  await order("start");
  await library.getByText(/joined over/).waitFor({ timeout: 20_000 });
  await raw.reload();
  await raw.getByText("joined over a raw socket").waitFor();
  await raw.getByLabel("Text").fill("again");
  await raw.getByRole("button", { name: "Send" }).click();
  await library.getByRole("log").getByText("again").waitFor();
});
console.log("done");
