// Chromium, driven by playwright-core. A script is:
//
//   import assert from "node:assert/strict";
//   import { withBrowser } from "./browser.mjs";
//
//   await withBrowser(async ({ open, screenshot }) => {
//     const page = await open(process.env.URL);
//     await page.getByRole("button", { name: "Send" }).click();
//     await screenshot(page, "sent");
//   });
//
// It passes by ending with status 0. An error the page did not catch fails it too.
import { accessSync, constants, mkdirSync } from "node:fs";
import { basename, delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

// Without the network flags Chromium keeps trying to reach its maker's hosts, which fails slowly on a closed network.
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

// How long a click, a wait for an element or a navigation may take, in milliseconds.
const STEP_LIMIT = 10_000;

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const script = basename(process.argv[1] ?? "node", ".mjs");
const screenshots = process.env.E2E_SCREENSHOTS ?? join(root, "target/screenshots");

// The test holds the other end of standard input: when it is gone, so is the script, and Chromium with it.
if (process.env.E2E_SCREENSHOTS) {
  process.stdin.on("end", () => process.exit(1)).resume();
  process.stdin.unref?.();
}

/** Chromium from PATH, with a new profile that is deleted when it closes. Returns playwright's `Browser`. */
export async function launch() {
  return chromium.launch({ executablePath: findChromium(), args: FLAGS });
}

/** Saves `target/screenshots/SCRIPT-NAME.png`, and returns its path. */
export async function screenshot(page, name, options = {}) {
  mkdirSync(screenshots, { recursive: true });
  const path = join(screenshots, `${script}-${name}.png`);
  await page.screenshot({ path, ...options });
  console.log(`screenshot ${path}`);
  return path;
}

/**
 * Runs `body` with `{ browser, open, screenshot }` and closes the browser. `open(url, contextOptions)` opens a page in
 * a context of its own, as another person would. If `body` throws, every page's screenshot and console are printed.
 */
export async function withBrowser(body) {
  const browser = await launch();
  const pages = [];
  const problems = [];

  const open = async (url, options = {}) => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
    context.setDefaultTimeout(STEP_LIMIT);
    const page = await context.newPage();
    const said = [];
    page.on("console", (message) => said.push(`${message.type()}: ${message.text()}`));
    page.on("pageerror", (error) => {
      said.push(`uncaught: ${error}`);
      problems.push(error);
    });
    pages.push({ page, said });
    await page.goto(url);
    return page;
  };

  try {
    await body({ browser, open, screenshot });
    if (problems.length > 0) throw new AggregateError(problems, `uncaught in the page: ${problems.join("; ")}`);
  } catch (error) {
    for (const [index, { page, said }] of pages.entries()) {
      if (page.isClosed()) continue;
      await screenshot(page, `failed-${index + 1}`).catch(() => {});
      console.error(`page ${index + 1}, ${page.url()}, its console:\n  ${said.join("\n  ")}`);
    }
    throw error;
  } finally {
    await browser.close();
  }
}

function findChromium() {
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    const path = join(folder, "chromium");
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not in this folder.
    }
  }
  throw new Error("no chromium on PATH: `cargo xtask test tools` installs it");
}
