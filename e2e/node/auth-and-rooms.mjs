// Three people log in with tickets; one is invited, one is muted and kicked.
import assert from "node:assert/strict";
import { withBrowser } from "./browser.mjs";
import { onPhone, watchConsole } from "./example-page.mjs";

const { URL: url } = process.env;
const HOSTILE = `<img src=x onerror="document.title='broken'">`;

await withBrowser(async ({ open, screenshot }) => {
  const ada = await open(url, { colorScheme: "light" });
  const grace = await open(url, { colorScheme: "dark" });
  const linus = await open(url);
  // A wrong token, and a handshake that is refused, are lines of the browser's own.
  const quiet = [ada, grace, linus].map((page) => watchConsole(page, /401|403/));

  await ada.getByLabel("Token").fill("no-token");
  await ada.getByRole("button", { name: "Log in" }).click();
  await ada.getByText("Nobody has this token").waitFor();
  await screenshot(ada, "login");
  await onPhone(ada, screenshot, "phone-login");

  // By a token, and by the buttons. Scripts see no cookie, and the ticket is used up.
  await ada.getByLabel("Token").fill("ada-token");
  await ada.getByRole("button", { name: "Log in" }).click();
  await ada.getByText("Ada Lovelace, moderator").waitFor();
  assert.equal(await ada.evaluate(() => document.cookie), "");
  await grace.getByRole("button", { name: /Grace Hopper/ }).click();
  await linus.getByRole("button", { name: /Linus Torvalds/ }).click();
  await ada.getByRole("complementary").getByText("Linus Torvalds").waitFor();

  await say(grace, "hello everybody");
  await say(linus, HOSTILE);
  for (const page of [ada, grace, linus]) await page.getByRole("log").getByText(HOSTILE).waitFor();
  assert.doesNotMatch(await ada.title(), /broken/);

  // What is not valid says what is wrong with it.
  await grace.getByRole("button", { name: "Send" }).click();
  await grace.getByText("text: length is lower than 1").waitFor();

  // The garden is private, until linus is invited.
  assert.equal(await linus.getByRole("button", { name: /garden/ }).count(), 0);
  await ada.getByRole("button", { name: /garden/ }).click();
  await ada.getByRole("heading", { name: "garden" }).waitFor();
  await ada.getByLabel("Whom to invite").fill("nobody");
  await ada.getByRole("button", { name: "Invite" }).click();
  await ada.getByText("There is nobody called `nobody`").waitFor();
  await ada.getByLabel("Whom to invite").fill("linus");
  await ada.getByRole("button", { name: "Invite" }).click();
  await linus.getByText("Ada Lovelace has invited you to garden").waitFor();
  await linus.getByRole("button", { name: /garden/ }).click();
  await ada.getByRole("complementary").getByText("Linus Torvalds").waitFor();
  await say(ada, "welcome to the garden");
  await linus.getByRole("log").getByText("welcome to the garden").waitFor();
  assert.equal(await grace.getByText("welcome to the garden").count(), 0);

  await ada.getByRole("button", { name: "Mute Linus Torvalds for a minute" }).click();
  await linus.getByText("Ada Lovelace has muted you for 1 min").waitFor();
  await linus.getByLabel("Message").fill("but");
  await linus.keyboard.press("Enter");
  await linus.getByText("A moderator has muted you (").waitFor();
  assert.equal(await grace.getByRole("button", { name: /^Kick/ }).count(), 0);

  await say(ada, "the tomatoes are ripe");
  await screenshot(ada, "light");
  await screenshot(grace, "dark");
  await screenshot(linus, "muted");
  await onPhone(ada, screenshot, "phone-light");
  await onPhone(grace, screenshot, "phone-dark");

  await ada.getByRole("button", { name: "Kick Linus Torvalds" }).click();
  await linus.getByText("A moderator has put you out").waitFor();
  await linus.getByRole("button", { name: /Linus Torvalds/ }).click();
  await linus.getByText("You were not let in").waitFor();
  await screenshot(linus, "kicked");

  await grace.getByRole("button", { name: "Log out" }).click();
  await grace.getByText("You have logged out").waitFor();
  for (const check of quiet) check();
});

console.log("done");

async function say(page, words) {
  await page.getByLabel("Message").fill(words);
  await page.keyboard.press("Enter");
  await page.getByRole("log").getByText(words).waitFor();
}
