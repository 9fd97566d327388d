// Looks at the live page in a real Chromium and tells what it saw, as JSON on stdout: node look.js URL [FOLDER].
// With a folder it leaves screenshots there. tests/page.rs runs it, makes the traffic and judges what is told.
"use strict";
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { chromium } = require("playwright-core");

const FLAGS = [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
];
const DESK = { width: 1280, height: 900 };
const PHONE = { width: 360, height: 740 };
const seen = { requests: [], faults: [] };

async function main(url, folder) {
  const profile = fs.mkdtempSync(path.join(os.tmpdir(), "page-"));
  const browser = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
    args: FLAGS, viewport: DESK, colorScheme: "light", reducedMotion: "reduce",
  });
  try {
    const page = browser.pages()[0] || await browser.newPage();
    page.on("request", request => seen.requests.push(request.url()));
    page.on("console", message => {
      if (["error", "warning"].includes(message.type())) seen.faults.push(message.text());
    });
    page.on("pageerror", error => seen.faults.push(String(error)));
    await look(page, url, folder);
  } finally {
    await browser.close();
    fs.rmSync(profile, { recursive: true, force: true });
  }
  console.log(JSON.stringify(seen));
}

async function look(page, url, folder) {
  const shoot = async name => {
    if (folder) await page.screenshot({ path: path.join(folder, name + ".png") });
  };
  await page.goto(url);
  await page.waitForFunction(() => parseFloat(document.getElementById("rate").textContent.replaceAll(",", "")) > 0);
  await page.waitForFunction(() => document.querySelectorAll("#top tr").length > 1);
  if (folder) await page.waitForTimeout(20000);
  seen.first = await figures(page);
  const before = await page.locator("#rate-line .stroke").getAttribute("d");
  await page.waitForFunction(path => document.querySelector("#rate-line .stroke").getAttribute("d") !== path, before);
  seen.then = await figures(page);
  seen.light = await contrast(page);
  await shoot("page-light");

  seen.reached = await keyboard(page);
  seen.config = await page.locator("#config").innerText();
  await page.locator("#filter").fill("breaker.grace");
  seen.filtered = await page.locator("#config tr").count();
  await page.locator("#config-box summary").click();

  await page.locator("#theme").click();
  seen.dark = await contrast(page);
  seen.ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  await page.evaluate(() => window.scrollTo(0, 0));
  await shoot("page-dark");
  await page.locator("#theme").click();

  await page.setViewportSize(PHONE);
  seen.phone = await page.evaluate(() => ({
    needs: document.documentElement.scrollWidth, has: window.innerWidth,
    small: [...document.querySelectorAll("button, summary, input")]
      .filter(node => node.getClientRects().length && node.getBoundingClientRect().height < 24 && node.tagName !== "SUMMARY")
      .map(node => node.id),
  }));
  await page.evaluate(() => window.scrollTo(0, 0));
  await shoot("page-phone");

  await page.locator("#pause").click();
  seen.paused = await page.locator("#pause").getAttribute("aria-pressed");
  await page.setViewportSize(DESK);
  await page.emulateMedia({ colorScheme: "dark" });
  await page.evaluate(() => localStorage.clear());
  await page.reload();
  seen.system = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  seen.landmarks = await page.evaluate(() => ({
    main: document.querySelectorAll("main").length,
    unnamed: [...document.querySelectorAll("section, svg[role=img], [role=region], button, input, meter")]
      .filter(node => !(node.getAttribute("aria-label") || node.textContent.trim() || node.labels?.length
        || document.getElementById(node.getAttribute("aria-labelledby")))).length,
    lang: document.documentElement.lang,
  }));
}

function figures(page) {
  return page.evaluate(() => Object.fromEntries(
    ["state", "rate", "p99", "p50", "errors", "clients", "top", "hot", "slow", "bigv", "upstream", "upstream-state",
      "breaker-state", "pool", "listens"].map(id => [id, document.getElementById(id).innerText])));
}

// The ids and roles that Tab reaches, in order, until it leaves the page; the configuration is opened by Enter.
async function keyboard(page) {
  const reached = [];
  await page.evaluate(() => { document.activeElement.blur(); window.scrollTo(0, 0); });
  for (let n = 0; n < 40; n++) {
    await page.keyboard.press("Tab");
    const at = await page.evaluate(() => {
      const node = document.activeElement;
      if (!node || node === document.body) return null;
      const style = getComputedStyle(node);
      return { name: node.id || node.className || node.tagName, ring: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0 };
    });
    if (!at) break;
    reached.push(at);
    if (at.name === "SUMMARY") {
      await page.keyboard.press("Enter");
      await page.waitForFunction(() => document.querySelectorAll("#config tr").length > 10);
    }
    if (at.name === "filter") break;
  }
  return reached;
}

// The least contrast of any text on the page with what is behind it, as WCAG 2 counts it, and where.
function contrast(page) {
  return page.evaluate(() => {
    const parse = text => { const n = text.match(/[\d.]+/g).map(Number); return [n[0], n[1], n[2], n[3] ?? 1]; };
    const over = (top, under) => [0, 1, 2].map(i => top[i] * top[3] + under[i] * (1 - top[3])).concat(1);
    const light = c => [0, 1, 2].map(i => c[i] / 255).map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
      .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
    const behind = node => {
      const layers = [];
      for (let at = node; at; at = at.parentElement) layers.push(parse(getComputedStyle(at).backgroundColor));
      return layers.reverse().reduce((under, layer) => over(layer, under), [255, 255, 255, 1]);
    };
    let least = { ratio: 99, where: "" };
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const node = walker.currentNode.parentElement;
      if (!walker.currentNode.textContent.trim() || !node.getClientRects().length) continue;
      if (["SCRIPT", "STYLE"].includes(node.tagName)) continue;
      const ground = behind(node), ink = over(parse(getComputedStyle(node).color), ground);
      const [high, low] = [light(ink), light(ground)].sort((a, b) => b - a);
      const ratio = (high + .05) / (low + .05);
      if (ratio < least.ratio) least = { ratio, where: (node.id || node.className || node.tagName) + ": " + walker.currentNode.textContent.trim().slice(0, 30) };
    }
    return least;
  });
}

main(process.argv[2], process.argv[3]).catch(error => { console.error(error); process.exit(1); });
