// What the view shows, in a real browser: `node drive.mjs BROWSER PYTHON SOURCE FOLDER`. Exits with 1 where anything is wrong.
import { mkdirSync, writeFileSync } from "node:fs";
import { behaves } from "./behaviour.mjs";
import { check, findings, inert, judged, launch, newPage } from "./browser.mjs";
import { HOSTILE, MEDDLING } from "./hostile.mjs";
import { connect, samples, viewOf } from "./samples.mjs";
import { saves } from "./saved.mjs";
import { served } from "./served.mjs";
import { draw, hostPage, manyCollections, manyRows } from "./showing.mjs";

const [browserPath, python, source, folder] = process.argv.slice(2);
const AT_ONCE = 300, MANY_AT_ONCE = 1000, BIGGEST = 30_000;
const LOOKS = {
  legacy: [["light", 760], ["dark", 320]],
  auto: [["dark", 760], ["light", 320]],
};
const started = Date.now(), took = () => `${((Date.now() - started) / 1000).toFixed(0)} s`;
mkdirSync(`${folder}/pictures`, { recursive: true });

async function looks(browser, mode, [theme, width], view, kinds) {
  const { page, at, close } = await hostPage(browser, folder, `${mode} ${theme} ${width}`, { colorScheme: theme, viewport: { width, height: 700 }, reducedMotion: theme === "dark" ? "reduce" : "no-preference" });
  for (const [kind, { input, result, name }] of Object.entries(kinds)) {
    at.now = `${kind}, ${mode}, ${theme}, ${width}`;
    const given = { ...view, context: { theme, locale: "en-GB", toolInfo: { tool: { name, inputSchema: { type: "object" } } } } };
    const { frame, milliseconds } = await quickest(() => draw(page, given, input, result), AT_ONCE);
    slowest.few = Math.max(slowest.few, milliseconds);
    await judged(frame, at.now);
    check(await frame.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${at.now}: wider than its frame`);
    check(theme === "light" || await frame.evaluate(() => document.getAnimations().length) === 0, `${at.now}: moves, though the person wants less of it`);
    const { height } = await page.locator("iframe").boundingBox();
    await page.setViewportSize({ width, height: Math.min(4000, Math.max(400, Math.ceil(height))) });
    await page.locator("iframe").screenshot({ path: `${folder}/pictures/${kind}-${theme}-${width}.png` });
    seen += 1;
  }
  await close();
}

// A busy machine decides how long a drawing takes; the view, how short it can be.
async function quickest(work, limit) {
  let best = await work();
  for (let again = 0; again < 8 && best.milliseconds > limit; again += 1) {
    const other = await work();
    best = { ...other, milliseconds: Math.min(best.milliseconds, other.milliseconds) };
  }
  return best;
}

async function many(browser, view) {
  const { page, at, close } = await hostPage(browser, folder, "many", { viewport: { width: 760, height: 700 } });
  for (const [kind, result, press] of [["1,000 collections", manyCollections(1000), null], ["a report of 1,000 rows", manyRows(1000), /Show all 1,000/]]) {
    at.now = kind;
    const { milliseconds } = await quickest(async () => {
      const { frame, milliseconds } = await draw(page, view, {}, result), pressed = press && frame.getByRole("button", { name: press });
      const more = press ? await frame.evaluate(pressing, await pressed.elementHandle()) : 0;
      check(await frame.locator(press ? "[aria-label^='All flipbooks'] tbody tr" : ".grid > li").count() === 1000, `${kind}: not all of them came`);
      return { milliseconds: Math.max(milliseconds, more) };
    }, MANY_AT_ONCE);
    slowest.many = Math.max(slowest.many, milliseconds);
  }
  await close();
}

async function hostile(browser, view, kinds) {
  const { page, at, close } = await hostPage(browser, folder, "hostile", { viewport: { width: 480, height: 700 } });
  const { frame } = await draw(page, view, {}, kinds.collections.result);
  const results = Object.values(kinds).map(({ result: { structuredContent, content, _meta } }) => ({ structuredContent, content, _meta }));
  let drawn = 0;
  for (const [number, value] of HOSTILE.entries()) {
    at.now = `hostile ${number} (${String(JSON.stringify(value)).slice(0, 60)})`;
    drawn += await page.evaluate(([number, results]) => window.host.hostile(number, results), [number, results]);
    await inertIn(frame, at.now);
  }
  for (const [number, data] of MEDDLING.entries()) {
    at.now = `meddling ${JSON.stringify(data)}`;
    await page.evaluate((one) => window.host.meddle(one), number);
    await inertIn(frame, at.now);
  }
  for (const message of [null, 17, "text", [], { jsonrpc: "2.0" }, { jsonrpc: "2.0", method: {} }, { jsonrpc: "2.0", method: "__proto__", params: null }, { jsonrpc: "2.0", id: "nobody asked", result: 1 }]) {
    at.now = `message ${JSON.stringify(message)}`;
    await page.evaluate((one) => window.host.raw(one), message);
  }
  await judged((await draw(page, view, {}, { content: [], structuredContent: kinds.report.result.structuredContent })).frame, "after everything hostile");
  await close();
  return drawn;
}

async function inertIn(frame, about) {
  const { pwned, found, wrong, listening } = await inert(frame);
  check(!pwned && !listening && !found.length && !wrong.length, `${about}: not inert: ${JSON.stringify({ pwned, listening, found, wrong })}`);
}

const pressing = (button) => new Promise((done) => {
  const before = performance.now();
  button.click();
  requestAnimationFrame(() => setTimeout(() => done(performance.now() - before)));
});
const slowest = { few: 0, many: 0 };
let seen = 0;
const browser = await launch(browserPath);
const revisions = await Promise.all(Object.keys(LOOKS).map(async (mode) => {
  const client = await connect(python, source, `${folder}/home-${mode}`, mode);
  const view = await viewOf(client), kinds = await samples(client);
  return { mode, client, view, kinds };
}));
writeFileSync(`${folder}/samples.json`, JSON.stringify(Object.fromEntries(revisions.map(({ mode, kinds }) => [mode, kinds])), null, 1));
console.log(`${revisions.length} revisions answered, ${took()}`);
const { view, kinds, client } = revisions[1];
check(Buffer.byteLength(view.html) <= BIGGEST, `the view has ${Buffer.byteLength(view.html)} bytes`);
const step = async (name, work) => { const before = Date.now(), done = await work; if (process.env.VIEWS_TIMES) console.log(name, Date.now() - before); return done; };
const said = await Promise.all([
  Promise.all(revisions.map(async ({ mode, view, kinds }) => { for (const look of LOOKS[mode]) await step(`looks ${mode} ${look}`, looks(browser, mode, look, view, kinds)); })),
  (async () => {
    await step("many", many(browser, view));
    await step("behaves", behaves(browser, folder, view, kinds, client));
    await step("saves", saves(browser, folder, view.html, kinds));
    await step("served", served(browser, folder, view, kinds, client));
    return step("hostile", hostile(browser, view, kinds));
  })(),
]);
await browser.close();
await Promise.all(revisions.map((one) => one.client.close()));
check(slowest.few < AT_ONCE, `shown ${slowest.few.toFixed(0)} ms after the result`);
check(slowest.many < MANY_AT_ONCE, `many shown ${slowest.many.toFixed(0)} ms after the result`);
console.log(`${seen} drawings of ${Object.keys(kinds).length} kinds judged by axe, ${HOSTILE.length} hostile values in ${said[1]} results, slowest ${slowest.few.toFixed(0)} ms, of a thousand ${slowest.many.toFixed(0)} ms, ${Buffer.byteLength(view.html)} bytes, ${took()}`);
for (const one of [...new Set(findings)].slice(0, 60)) console.log(`FAIL ${one}`);
process.exit(findings.length ? 1 : 0);
