// The report that the real server saves, opened as whoever gets it by mail would; and the two pictures of the README.
import { copyFileSync, statSync } from "node:fs";
import { check, judged, newPage } from "./browser.mjs";
import { draw, hostPage } from "./showing.mjs";

const MOST_PAGES = 3, MOST_BYTES = 200_000, SHOWN = { width: 860, height: 940 }, WIDE = { width: 1000, height: 700 };

export async function served(browser, folder, view, kinds, client) {
  const { report_id } = kinds.report.result.structuredContent;
  const { structuredContent } = await client.callTool({ name: "report_stats", arguments: { report_id, save_as: "html" } });
  copyFileSync(structuredContent.path, `${folder}/served.html`);
  const { page, at, close } = await newPage(browser, "the report that the server saved", { viewport: SHOWN, offline: true, deviceScaleFactor: 1 });
  await page.goto(`file://${folder}/served.html`);
  await page.screenshot({ path: `${folder}/pictures/report.png` });
  await judged(page.mainFrame(), at.now);
  const rows = structuredContent.totals.collections, said = await page.locator("main").innerText();
  for (const one of ["collections", "bottom", "winners", "losers", "drafts"].flatMap((name) => structuredContent[name]))
    check(said.includes(one.title.trim() || "Untitled"), `${at.now}: ${one.title} is missing`);
  const all = page.getByRole("button", { name: new RegExp(`^Show all ${rows} `) });
  if (await all.count()) await all.click();
  check(await page.getByRole("region", { name: /^All flipbooks/ }).locator("tbody tr").count() === rows, `${at.now}: not all rows are there`);
  const pdf = await page.pdf({ path: `${folder}/pictures/served.pdf`, format: "A4" });
  check(pdf.toString("latin1").match(/\/Type \/Page\b/g).length <= MOST_PAGES, `${at.now}: too many pages`);
  await close();
  await pictured(browser, folder, view, kinds.collections);
  for (const name of ["collections", "report"]) check(statSync(`${folder}/pictures/${name}.png`).size < MOST_BYTES, `${name}.png is too large for the README`);
}

async function pictured(browser, folder, view, { input, result }) {
  const { page, close } = await hostPage(browser, folder, "the README", { viewport: WIDE, deviceScaleFactor: 1 });
  const { frame } = await draw(page, { ...view, context: { theme: "light", locale: "en-GB" } }, input, result);
  await frame.evaluate(() => Promise.all([...document.images].map((one) => { one.loading = "eager"; return one.decode(); })));
  await page.waitForFunction(() => document.querySelector("iframe").clientHeight > innerHeight / 2);
  await page.setViewportSize({ ...WIDE, height: Math.ceil((await page.locator("iframe").boundingBox()).height) });
  await page.locator("iframe").screenshot({ path: `${folder}/pictures/collections.png` });
  await close();
}
