// The report as one file: opened from disk, offline, judged, and printed.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { check, inert, judged, newPage } from "./browser.mjs";
import { HOSTILE, placed } from "./hostile.mjs";
import { manyRows } from "./showing.mjs";

const META = "flipsnack-mcp/view", PAPERS = ["A4", "Letter"], MOST_PAGES = 3;

export async function saves(browser, folder, html, kinds) {
  const { page, at, close } = await newPage(browser, "saved", { viewport: { width: 900, height: 900 }, offline: true });
  const real = kinds.report.result, many = manyRows(1000);
  const definitions = many._meta[META].definitions;
  for (const [name, result] of Object.entries({ report: { ...real, _meta: { [META]: { ...real._meta[META], account: "Garden & Table", made: "2026-11-29T20:53:17Z", definitions } } }, many, long: titledLong({ ...many, structuredContent: { ...many.structuredContent, collections: many.structuredContent.collections.slice(0, 5) } }) })) {
    at.now = `saved ${name}`;
    await open(page, folder, name, html, result);
    await judged(page.mainFrame(), at.now);
    await page.screenshot({ path: `${folder}/pictures/saved-${name}.png`, fullPage: true });
    for (const format of PAPERS) {
      const pdf = await page.pdf({ path: `${folder}/pictures/saved-${name}-${format}.pdf`, format });
      const pages = pdf.toString("latin1").match(/\/Type \/Page\b/g).length;
      check(pages >= 1 && pages <= MOST_PAGES, `${at.now}: ${pages} pages of ${format}`);
    }
    if (name === "many") {
      await page.getByRole("button", { name: /^Show all 1,000/ }).click();
      check(await page.getByRole("region", { name: /^All flipbooks: 1,000/ }).locator("tbody tr").count() === 1000, "saved: not all rows are there");
    }
    const links = await page.locator("a").evaluateAll((some) => some.map((one) => [one.rel, one.target, new URL(one.href).hostname].join(" ")));
    check(links.every((one) => one === "noreferrer _blank www.flipsnack.com"), `${at.now}: links ${links[0]}`);
  }
  for (const [name, result] of Object.entries({ "in every row": inRows(real), ...Object.fromEntries(MARKUP.map((value) => [`in every place: ${value}`, inPlaces(value, real)])) })) {
    at.now = `saved, hostile ${name}`;
    await open(page, folder, "hostile", html, result);
    const { pwned, found, wrong, listening, text } = await inert(page.mainFrame());
    check(!pwned && !listening && !found.length && !wrong.length && text > 20, `${at.now}: not inert: ${JSON.stringify({ pwned, found, wrong })}`);
  }
  await judged(page.mainFrame(), "saved, after everything hostile");
  await close();
}

const MARKUP = HOSTILE.filter((one) => typeof one === "string" && /<\/?(script|style|title)>|<!--|onerror|^javascript:/.test(one));
const titledLong = (result) => JSON.parse(JSON.stringify(result), (name, value) => (name === "title" ? `${value} ${"long ".repeat(20)}${"W".repeat(150)}` : value));
const inPlaces = (value, { structuredContent, _meta }) => [...placed(value, { structuredContent, _meta: { [META]: { ..._meta[META], account: "a", made: "b", definitions: [["c", "d"]], covers: { x: "y" } } } })][0];
// Each row of each list has one hostile value in all its fields.
function inRows({ structuredContent }) {
  const rows = HOSTILE.map((value) => Object.fromEntries(["collection_hash", "title", "status", "date", "account", "reason", "views", "impressions", "direct_link", "cover_image", "change", "count"].map((name) => [name, value])));
  const lists = Object.fromEntries(["collections", "bottom", "winners", "losers", "unread", "drafts", "failed", "accounts"].map((name) => [name, rows]));
  return { structuredContent: { ...structuredContent, ...lists }, _meta: { [META]: { rows, definitions: HOSTILE.map((value) => [value, value]) } } };
}

async function open(page, folder, name, html, { structuredContent, _meta }) {
  writeFileSync(`${folder}/${name}.html`, asFile(html, { structuredContent, _meta }));
  await page.goto(`file://${folder}/${name}.html`);
}

// As the server writes it: the policy by hashes, and the data with no character that could end its block.
function asFile(html, data) {
  const of = (tag) => createHash("sha256").update(new RegExp(`<${tag}>([^]*?)</${tag}>`).exec(html)[1]).digest("base64");
  const policy = `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'sha256-${of("script")}'; style-src 'sha256-${of("style")}'; img-src data:">`;
  const json = JSON.stringify(data).replace(/[<>&\u2028\u2029]/g, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`);
  return html.replace(/<meta charset="utf-8">/, (found) => found + policy).replace(/<script>/, () => `<script type="application/json" id="saved">${json}</script>\n<script>`);
}
