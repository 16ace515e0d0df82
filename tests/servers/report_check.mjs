// Looks at a page of `payersync report` in Chromium. Tells what is wrong with it, one problem a line.
// Usage: report_check.mjs MODULES CHROMIUM PAGE [FOLDER FOR PICTURES]
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { readFileSync } from "node:fs";
import path from "node:path";

const [modules, executablePath, page, pictures] = process.argv.slice(2);
const require = createRequire(path.resolve(modules, "x.js"));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const address = pathToFileURL(path.resolve(page)).href;
const looks = [
  { width: 1280, colorScheme: "light" },
  { width: 390, colorScheme: "dark" },
  { width: 1280, colorScheme: "dark" },
  { width: 390, colorScheme: "light" },
  // A sheet of A4 without its margins.
  { width: 718, colorScheme: "dark", media: "print" },
];

const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
for (const { width, colorScheme, media = "screen" } of looks) {
  const tell = (problem) => console.log(`${width} px, ${colorScheme}, ${media}: ${problem}`);
  // The page's own policy refuses all scripts, that of axe too; it is lifted for axe alone.
  const look = async (bypassCSP) => {
    const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme, bypassCSP });
    const tab = await context.newPage();
    tab.on("console", (message) => tell(`the console says ${message.text()}`));
    tab.on("pageerror", (error) => tell(`an error: ${error.message}`));
    tab.on("request", (request) => request.url() === address || tell(`it asks for ${request.url()}`));
    await tab.emulateMedia({ media, colorScheme });
    await tab.goto(address);
    return tab;
  };
  const tab = await look(false);
  const wide = await tab.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  if (wide > 0) tell(`it is ${wide} px wider than the screen`);
  if (media === "print") {
    // Paper does not scroll and opens nothing.
    for (const cut of await tab.evaluate(() =>
      [...document.querySelectorAll(".scroll")]
        .filter((box) => box.querySelector("table").getBoundingClientRect().right > innerWidth + 1)
        .map((box) => box.getAttribute("aria-label"))))
      tell(`it cuts off ${cut}`);
    const hidden = await tab.evaluate(() =>
      [...document.querySelectorAll("details table")].filter((table) => !table.checkVisibility({ contentVisibilityAuto: true })).length);
    if (hidden) tell(`${hidden} tables are not printed`);
  } else {
    // Where a screen is small, the first column of a table leaves room for the others.
    for (const only of await tab.evaluate(() =>
      [...document.querySelectorAll("tbody tr:first-child > th")]
        .filter((head) => head.checkVisibility() && head.getBoundingClientRect().width > innerWidth * 0.6)
        .map((head) => head.textContent)))
      tell(`a column takes the whole screen: ${only}`);
    for (const label of await tab.evaluate(() =>
      [...document.querySelectorAll("svg[role=img] text")]
        .filter((text) => {
          const [inner, outer] = [text, text.ownerSVGElement].map((one) => one.getBoundingClientRect());
          return inner.left < outer.left - 1 || inner.right > outer.right + 1 || inner.top < outer.top - 1 || inner.bottom > outer.bottom + 1;
        })
        .map((text) => text.textContent)))
      tell(`a label is cut off: ${label}`);
    for (const label of await tab.evaluate(() =>
      [...document.querySelectorAll("svg[role=img] text + text, svg[role=img] rect + text")]
        .filter((text) => {
          const labels = [...text.ownerSVGElement.querySelectorAll("text")];
          const [before, own] = [labels[labels.indexOf(text) - 1], text].map((one) => one?.getBoundingClientRect());
          return before && before.right > own.left && before.left < own.right && before.bottom > own.top && before.top < own.bottom;
        })
        .map((text) => text.textContent)))
      tell(`a label stands on another: ${label}`);
    const closed = await tab.$("details:not([open]) > summary");
    if (closed) {
      await closed.focus();
      await tab.keyboard.press("Enter");
      if (!(await closed.evaluate((summary) => summary.parentElement.open))) tell("Enter opens no claim");
    }
  }
  if (pictures) {
    const height = Math.min(6000, await tab.evaluate(() => document.documentElement.scrollHeight));
    const name = `${path.basename(page, ".html")}-${width}-${colorScheme}-${media}.png`;
    await tab.screenshot({ path: path.join(pictures, name), fullPage: true, clip: { x: 0, y: 0, width, height } });
  }
  await tab.context().close();
  if (media === "screen") {
    const tab = await look(true);
    await tab.evaluate(() => document.querySelectorAll("details").forEach((one, at) => (one.open = at < 3)));
    await tab.addScriptTag({ content: axe });
    const { violations } = await tab.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
    for (const one of violations) tell(`axe: ${one.id} at ${one.nodes.length} places, such as ${one.nodes[0].target}`);
    await tab.context().close();
  }
}
await browser.close();
