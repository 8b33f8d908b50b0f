// A line drawn by the JSON client is on the board of the MessagePack client, and the other way; the sums of files.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { withBrowser } from "./browser.mjs";
import { onPhone, watchConsole } from "./example-page.mjs";

const { URL: url } = process.env;

await withBrowser(async ({ open, screenshot }) => {
  const page = await open(url, { colorScheme: "light" });
  const quiet = watchConsole(page);
  const json = page.locator("[data-format=json]");
  const packed = page.locator("[data-format=msgpack]");
  for (const board of [json, packed]) await board.getByText("Connected", { exact: true }).waitFor();

  await draw(page, json, [[0.1, 0.8], [0.3, 0.2], [0.5, 0.7], [0.7, 0.2], [0.9, 0.8]]);
  await packed.getByText(/bytes received/).waitFor();
  await page.locator("#colour").fill("#b3261e");
  await draw(page, packed, [[0.2, 0.9], [0.8, 0.9], [0.8, 0.6]]);
  await json.getByText(/bytes received/).waitFor();
  await page.waitForFunction(() => {
    const [one, other] = [...document.querySelectorAll("canvas")].map((canvas) => canvas.toDataURL());
    return one === other;
  });
  assert.ok((await ink(page, json)) > 1000, "there is something on the board");

  // Who comes later sees it, too.
  const later = await open(url, { colorScheme: "dark" });
  await later.locator("[data-format=msgpack]").getByText("Connected", { exact: true }).waitFor();
  await later.waitForFunction(() => document.querySelectorAll("canvas")[1].getContext("2d").getImageData(0, 0, 800, 600).data.some(Boolean));

  const sum = (buffer) => createHash("sha256").update(buffer).digest("hex");
  for (const size of [0, 1_000_000]) {
    const buffer = randomBytes(size);
    await page.locator("#file").setInputFiles({ name: `${size}.bin`, mimeType: "application/octet-stream", buffer });
    await page.getByText(sum(buffer)).waitFor();
    await page.locator(".same").waitFor();
  }
  await screenshot(page, "light", { fullPage: true });
  await screenshot(later, "dark", { fullPage: true });
  await onPhone(page, screenshot, "phone");

  const buffer = randomBytes((16 << 20) + 1);
  await page.locator("#file").setInputFiles({ name: "long.bin", mimeType: "application/octet-stream", buffer });
  await page.getByText("A file is at most 16 MiB").last().waitFor();

  await page.getByRole("button", { name: "Clear the board" }).click();
  await later.waitForFunction(() => !document.querySelectorAll("canvas")[0].getContext("2d").getImageData(0, 0, 800, 600).data.some(Boolean));
  assert.equal(await ink(page, packed), 0);
  quiet();
});

console.log("done");

async function draw(page, board, points) {
  const { x, y, width, height } = await board.locator("canvas").boundingBox();
  const at = ([across, down]) => [x + across * width, y + down * height];
  await page.mouse.move(...at(points[0]));
  await page.mouse.down();
  for (const point of points.slice(1)) await page.mouse.move(...at(point), { steps: 8 });
  await page.mouse.up();
}

/** How many pixels are drawn. */
function ink(page, board) {
  return board.locator("canvas").evaluate((canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    let drawn = 0;
    for (let at = 3; at < data.length; at += 4) drawn += data[at] > 0 ? 1 : 0;
    return drawn;
  });
}
