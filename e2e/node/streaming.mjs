// Several jobs at once, cancel, and what becomes of them when their page disconnects.
import assert from "node:assert/strict";
import { withBrowser } from "./browser.mjs";
import { onPhone, watchConsole } from "./example-page.mjs";

const { URL: url } = process.env;

await withBrowser(async ({ open, screenshot }) => {
  const page = await open(url, { colorScheme: "light" });
  const watcher = await open(url, { colorScheme: "dark" });
  const quiet = [page, watcher].map((page) => watchConsole(page));
  await page.getByText("Connected", { exact: true }).waitFor();

  // To their ends.
  await start(page, "Run, step by step", 3);
  await row(page, "Run 1").getByText("done").waitFor();
  await start(page, "Report at the end", 3);
  await row(page, "Report 2").getByText("Nothing to complain about, in 3 steps").waitFor();
  await counts(watcher, 0, 2, 0);

  // More than there may be, and more than a client may have.
  await start(page, "Run, step by step", 500);
  await row(page, "Run 3").getByText("steps: greater than 200").waitFor();
  for (let job = 0; job < 4; job += 1) await start(page, "Run, step by step", 150 + 10 * job);
  await start(page, "Report at the end", 150);
  await start(page, "Run, step by step", 150);
  await row(page, "Run 9").locator("[class=what]").getByText(/many|most|streams/i).waitFor();
  await counts(watcher, 5, 2, 1);

  await page.getByRole("button", { name: "Ask for eight prices" }).click();
  await page.getByText(/All eight in 0\.\d+ s/).waitFor();
  assert.equal(await page.locator("#prices li").count(), 8);

  await page.getByRole("button", { name: "Cancel Run 4" }).click();
  await row(page, "Run 4").getByText("cancelled").waitFor();
  await page.getByRole("button", { name: "Cancel Report 8" }).click();
  await row(page, "Report 8").getByText("cancelled").waitFor();
  await counts(watcher, 3, 2, 3);
  await page.waitForTimeout(1500);
  await page.evaluate(() => scrollTo(0, 0));
  await screenshot(page, "running", { fullPage: true });
  await onPhone(page, screenshot, "phone-running");

  // Nobody works for a page that is gone.
  await page.getByRole("button", { name: "Disconnect" }).click();
  await row(page, "Run 5").getByText("lost with the connection").waitFor();
  await counts(watcher, 0, 2, 6);
  await screenshot(page, "lost", { fullPage: true });
  await page.getByRole("button", { name: "Connect", exact: true }).click();
  await counts(page, 0, 2, 6);
  await start(page, "Run, step by step", 200);
  await counts(watcher, 1, 2, 6);
  await screenshot(watcher, "dark", { fullPage: true });
  await page.close();
  await counts(watcher, 0, 2, 7);
  for (const check of quiet) check();
});

console.log("done");

async function start(page, kind, steps) {
  await page.getByLabel("Steps").fill(String(steps));
  await page.getByRole("button", { name: kind }).click();
}

function row(page, name) {
  return page.locator(".job").filter({ hasText: new RegExp(`^${name}\\D`) });
}

async function counts(page, ...wanted) {
  for (const [index, name] of ["running", "finished", "dropped"].entries()) {
    await page.locator(`#${name}`).getByText(String(wanted[index]), { exact: true }).waitFor();
  }
}
