// What the view does: it sorts, filters, opens, asks for more and follows what goes on, and nothing else.
import { check } from "./browser.mjs";
import { draw, hostPage } from "./showing.mjs";

const READING = new Set(["list_collections", "get_upload", "report_stats", "audit_account"]);

export async function behaves(browser, folder, view, kinds, client) {
  const { page, at, close } = await hostPage(browser, folder, "behaviour", { viewport: { width: 760, height: 800 } }, (asked) => instead ?? client.callTool(asked));
  let instead;
  await page.clock.install();
  for (const [name, run] of Object.entries(BEHAVIOUR)) {
    at.now = name;
    const shown = async (kind, { answers, ...more } = {}, input = kinds[kind].input) => {
      instead = answers;
      return (await draw(page, { ...view, ...more }, input, more.result === undefined ? kinds[kind].result : more.result)).frame;
    };
    check(await run({ page, kinds, shown, heard: () => page.evaluate(() => window.host.heard) }).catch((error) => { check(false, `${name}: ${String(error).slice(0, 400)}`); return true; }), `it does not hold: ${name}`);
    const { calls } = await page.evaluate(() => window.host.heard);
    check(calls.every((one) => READING.has(one.name)), `${name}: called ${calls.map((one) => one.name)}`);
  }
  await close();
}

const soon = async (holds) => { for (let tries = 0; tries < 100; tries += 1) { if (await holds()) return true; await new Promise((on) => setTimeout(on, 20)); } return false; };
const titles = async (frame) => (await frame.locator(".grid .title").allTextContents()).filter((one) => one !== "Untitled");

const GOOD = { collection_hash: "a", title: "Good", status: "public" };
const answer = (structuredContent, meta) => ({ content: [], structuredContent, ...(meta && { _meta: { "flipsnack-mcp/view": meta } }) });

const BEHAVIOUR = {
  "a filter leaves what fits": async ({ shown }) => {
    const frame = await shown("covers");
    await frame.getByRole("searchbox").fill("MAGAZINE");
    return (await titles(frame)).every((one) => /magazine/i.test(one)) && (await titles(frame)).length > 1;
  },
  "an order is of titles": async ({ shown }) => {
    const frame = await shown("covers");
    await frame.getByLabel("Order").selectOption("title");
    const found = await titles(frame);
    const expected = [...found].sort(new Intl.Collator("en-GB", { numeric: true }).compare);
    check(found.join() === expected.join(), `by title: ${found} instead of ${expected}`);
    return found.length > 10;
  },
  "a card opens the reader's link through the host": async ({ shown, heard }) => {
    const frame = await shown("collections");
    await frame.locator(".grid button").first().press("Enter");
    return soon(async () => /^https:\/\/www\.flipsnack\.com\/[a-z]+\/[a-z0-9-]+\.html$/.test((await heard()).links[0]));
  },
  "a link that Flipsnack writes with http, as it documents them, is opened with https": async ({ shown, heard }) => {
    const one = { ...GOOD, direct_link: "http://www.flipsnack.com/user/good.html" };
    for (const data of [{ ...one, flipbooks: [] }, { ...one, upload_id: "abcd1234", state: "complete" }, { collections: [one], total: 1 }]) {
      const frame = await shown("covers", { result: answer(data) });
      await frame.locator("button.main, .grid button").first().click({ timeout: 2000 });
      check(await soon(async () => (await heard()).links[0] === "https://www.flipsnack.com/user/good.html"), `opened ${(await heard()).links} of ${JSON.stringify(data)}`);
    }
    return true;
  },
  "a host that opens nothing is told in a word": async ({ shown }) => {
    const frame = await shown("collections", { refuse: "links" });
    await frame.locator(".grid button").first().click();
    return soon(async () => /did not open/.test(await frame.getByRole("status").innerText()));
  },
  "more is asked for with the same choice, and put behind": async ({ shown, heard }) => {
    const frame = await shown("collections"), before = (await titles(frame)).length;
    await frame.getByRole("button", { name: "Show more" }).click();
    const came = await soon(async () => (await titles(frame)).length > before);
    const [asked] = (await heard()).calls;
    return came && asked.name === "list_collections" && asked.arguments.limit === 12 && asked.arguments.offset === 12;
  },
  "without tools of the host nothing more is offered": async ({ shown }) => {
    const frame = await shown("collections", { refuse: "tools" });
    return await frame.getByRole("button", { name: "Show more" }).count() === 0;
  },
  "a report that runs is followed to its end": async ({ page, shown, heard, kinds }) => {
    const frame = await shown("running"), id = kinds.running.result.structuredContent.report_id;
    check(await frame.getByRole("progressbar").count() === 1, "a running report has no bar");
    for (let minutes = 0; minutes < 6 && await frame.getByRole("progressbar").count(); minutes += 1) { await page.clock.fastForward(61_000); await soon(async () => (await heard()).calls.length > minutes); }
    const { calls } = await heard();
    await page.clock.fastForward(600_000);
    return await soon(async () => /Most views/.test(await frame.locator("main").innerText())) && calls.every((one) => one.arguments.report_id === id) && (await heard()).calls.length === calls.length;
  },
  "nothing is asked for while nobody looks": async ({ page, shown, heard }) => {
    const frame = await shown("running");
    await frame.evaluate(() => Object.defineProperty(document, "hidden", { configurable: true, get: () => true }));
    await page.clock.fastForward(300_000);
    const before = (await heard()).calls.length;
    await frame.evaluate(() => { delete document.hidden; document.dispatchEvent(new Event("visibilitychange", { bubbles: true })); });
    return before === 0 && soon(async () => (await heard()).calls.length === 1);
  },
  "an upload is followed": async ({ page, shown, heard }) => {
    const frame = await shown("uploading");
    await page.clock.fastForward(20_000);
    return await soon(async () => (await heard()).calls.length > 0) && (await heard()).calls[0].name === "get_upload" && await soon(async () => await frame.getByRole("progressbar").count() === 0 || (await heard()).calls.length > 0);
  },
  "an error ends the following, and is said": async ({ page, shown, heard }) => {
    const gone = { content: [], structuredContent: { report_id: "zzzzzzzz", state: "running", progress: { done: 3, total: 9, seconds_left: 5 } } };
    const frame = await shown("running", { result: gone });
    await page.clock.fastForward(6000);
    check(await soon(async () => /There is no such report/.test(await frame.getByRole("status").innerText())), "the error of a look is not said");
    await page.clock.fastForward(600_000);
    return (await heard()).calls.length === 1;
  },
  "a plan is never carried out from here, and says what to say": async ({ page, shown, heard }) => {
    const frame = await shown("plan");
    for (const one of await frame.getByRole("button").all()) await one.click();
    await page.clock.fastForward(600_000);
    return /Carry out plan [a-z0-9]{8}\./.test(await frame.locator("main").innerText()) && (await heard()).calls.length === 0;
  },
  "a plan that this server would not carry out says why, and not what to say": async ({ shown }) => {
    const off = "Deletions are switched off on this server (FLIPSNACK_CONFIRM).";
    const frame = await shown("plan", { result: answer({ plan_id: "abcd1234", state: "planned", counts: { planned: 1 }, items: [{ ...GOOD, state: "planned" }], next_step: `${off} Tell the person; only they can change that.` }) });
    const said = await frame.locator("main").innerText();
    return said.includes(off) && /Nothing was changed yet\./.test(said) && !/Carry out|Tell the person|false/.test(said);
  },
  "headers sort, and say so": async ({ shown }) => {
    const frame = await shown("statistics"), header = frame.getByRole("columnheader", { name: "Views" });
    await header.getByRole("button").click();
    const down = await header.getAttribute("aria-sort");
    await header.getByRole("button").press("Enter");
    const first = await frame.locator("tbody tr td").first().innerText();
    return down === "descending" && await header.getAttribute("aria-sort") === "ascending" && first === "16";
  },
  "a page's time, whose unit nobody knows, is told as a share and not in hours": async ({ shown }) => {
    const frame = await shown("statistics"), headers = await frame.getByRole("columnheader").allInnerTexts();
    return headers.join() === "Page,Share of time,Views,Clicks" && (await frame.locator("tbody td:nth-child(2)").allInnerTexts()).every((one) => /^[\d.]+%$/.test(one.trim()));
  },
  "every control is reached by the keyboard, and is seen to be": async ({ page, shown }) => {
    for (const kind of ["covers", "report", "statistics"]) {
      const frame = await shown(kind);
      const all = await frame.evaluate(() => [...document.querySelectorAll("button, a[href], input, select, summary, [tabindex='0']")].filter((one) => one.checkVisibility()).length);
      await frame.evaluate(() => { window.reached = new Set(); document.addEventListener("focusin", ({ target }) => { if (getComputedStyle(target).outlineStyle !== "none") window.reached.add(target); }); });
      await page.locator("iframe").focus();
      for (let presses = 0; presses < all + 2; presses += 1) await page.keyboard.press("Tab");
      const reached = await frame.evaluate(() => window.reached.size);
      check(reached === all, `${kind}: ${reached} of ${all} controls are reached with a visible focus`);
    }
    return true;
  },
  "the host's language, theme and colours are taken": async ({ page, shown }) => {
    const frame = await shown("report", { context: { theme: "dark", locale: "de-DE", styles: { variables: { "--color-background-primary": "rgb(1, 2, 3)" } } } });
    const before = await frame.evaluate(() => [getComputedStyle(document.documentElement).colorScheme, getComputedStyle(document.documentElement).backgroundColor, document.querySelector("main").innerText]);
    await page.evaluate(() => window.host.dress({ theme: "light", locale: "en-GB" }));
    return before[0] === "dark" && before[1] === "rgb(1, 2, 3)" && /\d\.\d{3}/.test(before[2]) && soon(async () => /\d,\d{3}/.test(await frame.locator("main").innerText()));
  },
  "an unknown request is refused, a ping and the end are answered": async ({ page, shown, heard }) => {
    await shown("collections");
    await page.evaluate(() => { for (const method of ["ping", "ui/unknown"]) window.host.raw({ jsonrpc: "2.0", id: "asked by the host", method }); });
    const answered = await soon(async () => (await heard()).raw.length === 2);
    const [ping, unknown] = (await heard()).raw;
    return answered && ping.result && unknown.error.code === -32601 && await page.evaluate(() => window.host.teardown());
  },
  "only the host is listened to": async ({ shown }) => {
    const frame = await shown("collections");
    await frame.evaluate(() => postMessage({ jsonrpc: "2.0", method: "ui/notifications/tool-result", params: { content: [], structuredContent: { uploads: [] } } }, "*"));
    await frame.evaluate(() => new Promise((done) => setTimeout(done, 50)));
    return /flipbooks/.test(await frame.getByRole("heading").first().innerText());
  },
  "a call that was cancelled says so": async ({ page, shown }) => {
    const frame = await shown("running");
    await page.evaluate(() => window.host.cancel("the person stopped it"));
    return soon(async () => /the person stopped it/.test(await frame.locator("main").innerText()));
  },
  "what came before the host's greeting is drawn with all that the host can": async ({ kinds, shown }) => {
    const { input, result } = kinds.collections;
    const frame = await shown("collections", { early: { input: { arguments: input }, result }, result: null });
    return soon(async () => await frame.getByRole("button", { name: "Show more" }).count() === 1);
  },
  "more is asked for once however often it is pressed, and stays when the language changes": async ({ page, shown, heard }) => {
    const frame = await shown("collections");
    await frame.getByRole("button", { name: "Show more" }).evaluate((one) => { for (let presses = 0; presses < 3; presses += 1) one.click(); });
    const cards = () => frame.locator(".grid > li").count();
    check(await soon(async () => await cards() === 24) && (await heard()).calls.length === 1, `pressed three times: ${await cards()} cards, ${(await heard()).calls.length} calls`);
    await page.evaluate(() => window.host.dress({ locale: "de-DE" }));
    return await soon(async () => await frame.locator(".grid small").first().evaluate((one) => /^\d+\.\d+\.\d{4}$/.test(one.textContent))) && await cards() === 24;
  },
  "an answer without data ends the following, and leaves what is there": async ({ page, shown, heard }) => {
    const frame = await shown("running", { answers: { content: [{ type: "text", text: "said by the host" }] } });
    await page.clock.fastForward(61_000);
    check(await soon(async () => /said by the host/.test(await frame.getByRole("status").innerText())), "what the host said is not there");
    await page.clock.fastForward(600_000);
    return (await heard()).calls.length === 1 && /Statistics report/.test(await frame.locator("main").innerText());
  },
  "only covers that the server named are asked for, where it named any": async ({ shown }) => {
    const frame = await shown("covers", { csp: { resourceDomains: ["https://files.flipsnack.net"] }, result: answer({ collections: ["a", "b"].map((one) => ({ ...GOOD, collection_hash: one, cover_image: `https://files.flipsnack.net/${one}` })) }, { covers: { a: "https://files.flipsnack.net/a" }, made: "2026-11-29T20:53:17Z" }) });
    return await frame.locator("img").count() === 1;
  },
  "one value that is none costs no other": async ({ shown }) => {
    const odd = { toString: "x" };
    for (const data of [
      { collections: [{ ...GOOD, cover_image: odd }, { collection_hash: odd, title: odd, status: odd, publish_date: odd }], total: odd, next_offset: odd },
      { report_id: "abcd1234", state: "complete", totals: { views: odd }, collections: [{ ...GOOD, views: 3, count: odd, change: odd, direct_link: odd }] },
      { plan_id: odd, state: "planned", counts: { planned: odd }, items: [{ ...GOOD, new_title: odd, new_status: odd }] },
      { upload_id: odd, state: "uploading", title: "Good", sent: odd, progress: { total: odd, done: odd, seconds_left: odd } },
    ]) check(/Good/.test(await (await shown("covers", { result: answer(data, { covers: { a: odd }, rows_total: odd, made: odd }) })).locator("main").innerText()), `one value costs all of ${JSON.stringify(data)}`);
    return true;
  },
  "what is new in a report's period is said, in its bars and its table": async ({ shown }) => {
    const rows = [{ ...GOOD, views: 5, new: true, change: {} }, { ...GOOD, views: 3, change: { views: 12.5 } }];
    const frame = await shown("report", { result: answer({ report_id: "abcd1234", state: "complete", collections: rows }, { rows: rows.map((one) => ({ ...one, change: one.change.views })) }) });
    return (await frame.locator(".bars small").allInnerTexts()).join() === "New,+12.5%" && /New[^]*\+12\.5%/.test(await frame.locator("tbody").innerText());
  },
  "an address that ends is shown beside when it ends": async ({ shown }) => {
    const of = { expires_at: "2026-11-30T10:15:00+00:00", file_address: "https://flip.example/files/abc" };
    for (const data of [{ state: "complete", ...of }, { report_id: "abcd1234", state: "complete", change: { views: 7 }, ...of }, { plan_id: "abcd1234", state: "complete", counts: { done: 1 }, ...of }, { upload_id: "abcd1234", state: "waiting", expires_at: of.expires_at, upload_address: of.file_address }]) {
      const frame = await shown("report", { result: answer(data) }), said = await frame.locator("dl").last().innerText();
      check(said.includes(of.file_address) && /Expires at/.test(said) && !/Change/.test(said), `says ${said} of ${JSON.stringify(data)}`);
    }
    return true;
  },
  "a date in a table stays on one line, in a narrow frame and in German": async ({ page, shown }) => {
    await page.setViewportSize({ width: 300, height: 800 });
    const frame = await shown("report", { context: { locale: "de-DE" }, result: answer({ report_id: "abcd1234", state: "complete", unread: [{ ...GOOD, publish_date: "2026-11-30" }] }) });
    const lines = await frame.getByRole("cell", { name: "30.11.2026" }).evaluate((one) => { const inside = document.createRange(); inside.selectNodeContents(one); return inside.getClientRects().length; });
    await page.setViewportSize({ width: 760, height: 800 });
    return lines === 1;
  },
  "what is null is not changed": async ({ shown }) => {
    const frame = await shown("plan", { result: answer({ plan_id: "abcd1234", state: "planned", counts: { planned: 1 }, items: [{ ...GOOD, new_title: null, new_status: null, state: "planned" }] }) });
    const said = await frame.locator("main").innerText();
    return /Change 1 flipbook\n/.test(said) && !/empty|→/.test(said);
  },
  "a time under an hour has its seconds": async ({ shown }) => {
    const frame = await shown("statistics", { result: answer({ views: 2, time_spent: 7265, average_time: 95.4 }) });
    return /2 hrs 1 min\n/.test(await frame.locator("main").innerText()) && /1 min 35 secs/.test(await frame.locator("main").innerText());
  },
  "one of a kind is told as one": async ({ shown }) => {
    const frame = await shown("report", { result: answer({ report_id: "abcd1234", state: "complete", totals: { collections: 1, without_views: 1, drafts: 1, accounts: 2 } }) });
    return /^1 collection 1 without views 1 draft 2 accounts$/.test((await frame.locator(".chips").innerText()).replace(/\s+/g, " ").trim());
  },
  "a table has a thousand rows at most, and says of how many": async ({ shown }) => {
    const unread = Array.from({ length: 4000 }, (_, number) => ({ ...GOOD, collection_hash: `c${number}` }));
    const frame = await shown("report", { result: answer({ report_id: "abcd1234", state: "complete", collections: unread, winners: unread, unread }) });
    return await frame.locator("tbody tr").count() === 1000 && /1,000 of 4,000/.test(await frame.locator("caption").innerText()) && await frame.locator(".bars li").count() === 100;
  },
  "what a call would do is said in a list": async ({ shown }) => {
    const frame = await shown("dry run"), said = await frame.locator("main").innerText();
    return /What would be done/.test(said) && /upload menu\.pdf/.test(said) && !/dry_run|warnings:/.test(said);
  },
  "nobody is told to call a tool": async ({ shown }) => {
    for (const kind of ["nothing", "audit", "deletion", "plan", "report", "upload"]) {
      const said = await (await shown(kind)).locator("main").innerText();
      check(!/(list|get|create|update|delete)_collections?|\b[Cc]all /.test(said), `${kind}: says ${said.slice(0, 300)}`);
    }
    return true;
  },
  "a setting keeps its name in an audit's advice": async ({ shown }) => {
    const frame = await shown("audit", { result: answer({ report_id: "abcd1234", state: "complete", duplicates: [GOOD], advice: ["old_drafts: publish with update_collections", "Deletions are switched off on this server (FLIPSNACK_CONFIRM). Tell the person; only they can change that."] }) });
    return /Old drafts: publish with update collections\nDeletions are switched off on this server \(FLIPSNACK_CONFIRM\)\.\s*$/.test(await frame.locator("main").innerText());
  },
  "a missing cover leaves a quiet place": async ({ shown, kinds }) => {
    const result = structuredClone(kinds.covers.result);
    for (const one of result.structuredContent.collections) one.cover_image = "https://files.flipsnack.net/missing";
    const frame = await shown("covers", { result: { ...result, _meta: {} } });
    return soon(async () => await frame.locator(".cover").first().innerText() === "W");
  },
};
