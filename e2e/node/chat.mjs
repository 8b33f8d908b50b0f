// Two people chat in Chromium; the server goes away and comes back.
import assert from "node:assert/strict";
import { Person, order } from "./chat-control.mjs";
import { withBrowser } from "./browser.mjs";

const { URL: url } = process.env;
const HOSTILE = `<img src=x onerror="document.title='broken'">`;

await withBrowser(async ({ open, screenshot }) => {
  const ada = await open(url, { colorScheme: "light" });
  await screenshot(ada, "name");
  await enter(ada, "ada");
  const grace = await open(url, { colorScheme: "dark" });
  await enter(grace, "grace");

  // Presence.
  await ada.getByRole("complementary").getByText("grace").waitFor();
  await grace.getByRole("complementary").getByText("ada").waitFor();
  await ada.getByRole("log").getByText("grace joined").waitFor();

  // Typing, then the message. The writer sees it once.
  await box(grace).pressSequentially("hello ada");
  await ada.getByText("grace is typing").waitFor();
  await box(grace).press("Enter");
  await saw(ada, "hello ada");
  await saw(grace, "hello ada");
  await ada.getByText("grace is typing").waitFor({ state: "detached" });
  await say(ada, "Hi grace! Did the new build come up?");
  await say(ada, "I have the kettle on.");
  await saw(grace, "I have the kettle on.");
  await say(grace, "It did, and it is quick:\nten thousand sockets, and the fan is still asleep.".replaceAll("\n", " "));
  assert.equal(await grace.getByRole("log").getByText("hello ada").count(), 1);

  // What looks like markup is text, in a message and in a name.
  await say(ada, HOSTILE);
  await saw(grace, HOSTILE);
  const mallory = await Person.arrive();
  await mallory.ask("join", { room: "lobby", author: HOSTILE });
  await ada.getByRole("complementary").getByText(HOSTILE).waitFor();
  await ada.getByRole("log").getByText(`${HOSTILE} joined`).waitFor();
  for (const page of [ada, grace]) {
    assert.equal(await page.locator("img[src='x']").count(), 0);
    assert.doesNotMatch(await page.title(), /broken/);
  }
  await mallory.leave();
  await ada.getByRole("log").getByText(`${HOSTILE} left`).waitFor();

  // A room of their own: grace's messages there are counted while ada looks elsewhere.
  for (const page of [ada, grace]) await join(page, "garden");
  await say(grace, "the tomatoes are ripe");
  await saw(ada, "the tomatoes are ripe");
  await ada.getByRole("button", { name: "lobby", exact: true }).click();
  await say(grace, "come and see");
  await ada.getByRole("navigation").getByText("1 unread").waitFor();
  await grace.getByRole("checkbox").check();
  await say(grace, "whoever reads this is nice");
  await saw(ada, "whoever reads this is nice");
  await grace.getByRole("checkbox").uncheck();
  await grace.getByRole("button", { name: "lobby", exact: true }).click();

  // From an axum handler.
  const headers = { "content-type": "application/json" };
  const body = JSON.stringify({ text: "The server restarts at noon. Back in a second." });
  const announced = await fetch(new URL("/announce", url), { method: "POST", headers, body });
  assert.deepEqual(await announced.json(), { sent: 2 });
  for (const page of [ada, grace]) await saw(page, "The server restarts at noon.");

  // What the server refuses is shown beside the message box, and Escape takes it away.
  await ada.getByLabel("Name of the room").fill("no*room");
  await ada.getByRole("button", { name: "Join", exact: true }).click();
  await ada.getByText("no*room could not be joined").waitFor();
  await screenshot(ada, "refused");
  await ada.keyboard.press("Escape");
  await ada.getByText("no*room could not be joined").waitFor({ state: "hidden" });

  await say(ada, "ready when you are");
  await box(grace).pressSequentially("so am I");
  await ada.getByText("grace is typing").waitFor();
  await screenshot(ada, "light");
  await screenshot(grace, "dark");
  await box(grace).fill("");
  for (const [page, theme] of [[ada, "light"], [grace, "dark"]]) {
    await page.setViewportSize({ width: 390, height: 844 });
    await page.waitForTimeout(100);
    await screenshot(page, `phone-${theme}`);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(overflow <= 0, `the page is ${overflow} px too wide`);
  }
  await ada.getByText("People here").click();
  await ada.getByText("Join a room").click();
  await screenshot(ada, "phone-open");
  await grace.setViewportSize({ width: 320, height: 568 });
  await screenshot(grace, "phone-small");
  for (const page of [ada, grace]) await page.setViewportSize({ width: 1280, height: 800 });

  await ada.getByRole("button", { name: /change name/ }).focus();
  await ada.keyboard.press("Enter");
  await ada.getByLabel("Your name").fill("ada l.");
  await ada.keyboard.press("Enter");
  await grace.getByRole("log").getByText("ada is now ada l.").waitFor();

  // The server goes away. Both pages say so, and keep what is being written.
  await order("term");
  assert.match(await order("wait"), /exit status: 0/);
  for (const page of [ada, grace]) await page.getByText("Connection lost").waitFor();
  await box(ada).fill("are we back?");
  await box(ada).press("Enter");
  await ada.getByText("There is no connection").waitFor();
  await screenshot(ada, "lost");
  assert.equal(await box(ada).inputValue(), "are we back?");
  for (const page of [ada, grace]) await page.context().setOffline(true);

  // It comes back, and something is said before the pages do.
  await order("start");
  const linus = await Person.arrive();
  assert.equal((await linus.ask("message", { author: "linus", text: "first!" })).data, null);
  await linus.ask("join", "garden");
  assert.equal((await linus.ask("message", { author: "linus", text: "nobody here", room: "garden" })).data, null);
  await ada.waitForTimeout(2500);
  assert.equal((await linus.ask("presence")).data, 1);
  for (const page of [ada, grace]) await page.context().setOffline(false);

  for (const page of [ada, grace]) {
    await page.getByText("Connected", { exact: true }).waitFor();
    await saw(page, "first!");
    await page.getByRole("complementary").getByText("linus").waitFor();
  }
  // Into both rooms, and with the names that they had.
  await linus.next(({ event, data }) => event === "people" && data.room === "garden" && data.count === 3);
  assert.equal((await linus.ask("presence")).data, 3);
  await ada.getByRole("complementary").getByText("grace").waitFor();
  await box(ada).press("Enter");
  await saw(grace, "are we back?");
  await grace.getByRole("button", { name: "garden", exact: true }).click();
  await saw(grace, "nobody here");
  await screenshot(grace, "back");

  // A page that is loaded again is in its rooms again, without being asked for the name.
  await grace.reload();
  await saw(grace, "nobody here");
  await grace.getByRole("button", { name: "Leave garden" }).click();
  await linus.next(({ event, data }) => event === "people" && data.room === "garden" && data.author === "grace");
  await ada.close();
  await grace.getByRole("log").getByText("ada l. left (closed the page)").waitFor();
  await linus.leave();
});

console.log("done");

async function enter(page, name) {
  await page.getByLabel("Your name").fill(name);
  await page.getByRole("button", { name: "Enter the chat" }).click();
  await page.getByText("Connected", { exact: true }).waitFor();
}

function box(page) {
  return page.getByRole("textbox", { name: /^Message to/ });
}

async function say(page, words) {
  await box(page).fill(words);
  await box(page).press("Enter");
  await saw(page, words);
}

function saw(page, words) {
  return page.getByRole("log").getByText(words).first().waitFor();
}

async function join(page, room) {
  await page.getByLabel("Name of the room").fill(room);
  await page.getByLabel("Name of the room").press("Enter");
  await page.getByRole("heading", { name: room }).waitFor();
}
