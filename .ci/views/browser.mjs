// One browser, its pages, and everything that a page must not do: each kept as a finding.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const PIXEL = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==", "base64");
const COVERS = /^https:\/\/files\.flipsnack\.net\//;

export const findings = [];
export const check = (good, what) => { if (!good) findings.push(what); };
export const launch = (executablePath) => chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });

// A page that tells what it hears on its console, which policies are broken, and what it asks of the network.
export async function newPage(browser, about, options) {
  const context = await browser.newContext({ locale: "en-GB", deviceScaleFactor: 1, ...options });
  const page = await context.newPage(), at = { now: about };
  // The official host traces its messages, and a browser names each picture that is missing: neither is the view's.
  const others = (message) => message.type() === "debug" || (message.text().startsWith("Failed to load resource") && COVERS.test(message.location().url));
  page.on("console", (message) => check(others(message), `${at.now}: the console says ${message.text().slice(0, 300)}`));
  page.on("pageerror", (error) => check(false, `${at.now}: ${error}`));
  page.on("popup", () => check(false, `${at.now}: a window was opened`));
  page.on("dialog", (dialog) => { check(false, `${at.now}: a dialog was opened`); dialog.dismiss(); });
  await page.addInitScript(() => addEventListener("securitypolicyviolation", (event) => console.log(`policy: ${event.violatedDirective} ${event.blockedURI}`)));
  await context.route("**/*", (route) => {
    const url = route.request().url();
    if (/^(about:|data:|file:)/.test(url)) return route.continue();
    check(COVERS.test(url), `${at.now}: asked the network for ${url.slice(0, 200)}`);
    // Some covers are missing, as in life.
    return COVERS.test(url) && !url.includes("missing") ? route.fulfill({ contentType: "image/png", body: PIXEL }) : route.abort();
  });
  return { page, at, close: () => context.close() };
}

export async function judged(frame, about) {
  await frame.evaluate(AXE);
  const { violations } = await frame.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  for (const one of violations) check(false, `${about}: axe ${one.id}: ${one.nodes.slice(0, 2).map((node) => `${node.html} ${node.failureSummary}`).join(" | ").slice(0, 600)}`);
}

// What other people's text has become, if it is anything but text.
export const inert = (frame) => frame.evaluate(() => {
  const found = [...document.querySelectorAll("script:not(body > script), iframe, object, embed, svg, form, base, link, body style, body meta")].map((one) => one.outerHTML.slice(0, 80));
  const addresses = [...document.querySelectorAll("[href], [src], [action]")].map((one) => one.getAttribute("href") ?? one.getAttribute("src"));
  const wrong = addresses.filter((one) => !/^(data:image\/(png|jpeg);base64,|https:\/\/files\.flipsnack\.net\/|https:\/\/([a-z0-9-]+\.)*flipsnack\.com\/)/.test(one));
  const listening = [...document.querySelectorAll("*")].filter((one) => [...one.attributes].some(({ name }) => name.startsWith("on")));
  return { pwned: "pwned" in window, found, wrong, listening: listening.length, text: document.body.innerText.length };
});
