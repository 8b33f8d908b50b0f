// What the tests of the examples' pages share.
import assert from "node:assert/strict";

/** Fails at the end if the page has logged an error, but for those that `expected` matches. Called before anything happens. */
export function watchConsole(page, expected = /^$/) {
  const errors = [];
  page.on("console", (message) => message.type() === "error" && !expected.test(message.text()) && errors.push(message.text()));
  return () => assert.deepEqual(errors, []);
}

/** A picture at a phone's width, and nothing that is wider. */
export async function onPhone(page, screenshot, name) {
  await page.setViewportSize({ width: 390, height: 844 });
  await page.waitForTimeout(100);
  await screenshot(page, name, { fullPage: true });
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(overflow <= 0, `the page is ${overflow} px too wide`);
  await page.setViewportSize({ width: 1280, height: 800 });
}
