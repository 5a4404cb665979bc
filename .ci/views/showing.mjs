// A page with a host in it, and one drawing: what came, and when it could be seen.
import { newPage } from "./browser.mjs";

export async function hostPage(browser, folder, about, options, answer = async () => ({ content: [], isError: true })) {
  const opened = await newPage(browser, about, options);
  await opened.page.exposeFunction("callTool", answer);
  await opened.page.setContent("<!doctype html><html lang=en><title>host</title><style>body{margin:0}iframe{display:block;border:0;width:100%;height:60px}</style><body>");
  await opened.page.addScriptTag({ path: `${folder}/host.bundle.js` });
  return opened;
}

export async function draw(page, given, input, result) {
  await page.evaluate((one) => window.host.mount(one), given);
  const frame = await (await page.locator("iframe").elementHandle()).contentFrame();
  await frame.evaluate(() => {
    const painted = (done) => requestAnimationFrame(() => setTimeout(() => done(performance.timeOrigin + performance.now())));
    window.drawn = new Promise((done) => new MutationObserver(() => painted(done)).observe(document.querySelector("main"), { childList: true }));
  });
  const sent = await page.evaluate(async ([input, result]) => {
    const now = performance.timeOrigin + performance.now();
    if (result) await window.host.deliver(input, result);
    return now;
  }, [input, result]);
  const milliseconds = result ? await frame.evaluate(() => window.drawn) - sent : 0;
  return { frame, milliseconds };
}

const hash = (number) => `c${number.toString(36).padStart(6, "0")}`;
const row = (number) => ({ collection_hash: hash(number), title: `Catalogue ${number}, spring & summer`, status: ["public", "unlisted", "editable"][number % 3], publish_date: `20${10 + (number % 17)}-0${1 + (number % 9)}-11` });
export const manyCollections = (count) => ({
  content: [{ type: "text", text: "many" }],
  structuredContent: { collections: Array.from({ length: count }, (_, number) => row(number)), total: count, link_pattern: "https://www.flipsnack.com/x/{title-in-plain-ascii}-{collection_hash}.html" },
  _meta: { "flipsnack-mcp/view": { covers: Object.fromEntries(Array.from({ length: count }, (_, number) => [hash(number), `https://files.flipsnack.net/collections/items/${number % 9 ? "" : "missing"}${number}/covers/page_1/thumb`])) } },
});
export function manyRows(count) {
  const rows = Array.from({ length: count }, (_, number) => ({ ...row(number), impressions: number * 7, views: (number * 7919) % 5003, time_spent: number * 41, downloads: number % 13, average_time: 17.5, previous_views: number * 3, change: number % 5 ? (number % 300) - 120 : null }));
  const most = rows.slice(0, 5), moved = most.map(({ collection_hash, title, views, previous_views }) => ({ collection_hash, title, views, previous_views, change: { views: 12.5 } }));
  const named = rows.map(({ collection_hash, title, publish_date }) => ({ collection_hash, title, publish_date }));
  return {
    content: [{ type: "text", text: "many" }],
    structuredContent: { report_id: "abcd1234", state: "complete", period: "2026-10-01 to 2026-10-31", totals: { collections: count, views: 2_500_000, impressions: 3_000_000, time_spent: 9_000_000, downloads: 6000, average_time: 17.5, previous_views: 2_000_000 }, change: { views: 25 }, collections: rows.slice(0, 10), bottom: most, winners: moved, losers: moved, unread: named.slice(0, 200), drafts: named.slice(0, 60), failed: [{ ...named[1], reason: "Flipsnack did not answer" }] },
    _meta: { "flipsnack-mcp/view": { rows, measure: "views", account: "Garden & Table", made: "2026-11-29T20:53:17Z", definitions: [["Views", "How often the player was used."], ["Impressions", "How often the player was loaded."]] } },
  };
}
