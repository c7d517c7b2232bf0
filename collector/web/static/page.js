// Keeps an open page current. Each message is a piece of HTML whose parts are marked data-live; a part takes the place
// of the part of the same name, and a list that is marked data-rows says which rows it has. Without this script the page
// is complete, only not live.
"use strict";

const SECOND = 1000;

const shown = new WeakMap();
const waiting = new Map(); // parts that came and are not on the page yet, by name

// How to find an element again after its part was renewed: by its id, or as the nth of its kind within what has one.
function placeOf(element, part) {
  const near = element.closest("[id]");
  const home = part.contains(near) ? near : part;
  const link = element.getAttribute("href");
  const kind = link ? `[href="${CSS.escape(link)}"]` : element.localName;
  return { id: home === part ? null : home.id, kind, nth: [...home.querySelectorAll(kind)].indexOf(element) };
}

function focusAt(part, { id, kind, nth }) {
  const home = id === null ? part : part.querySelector(`#${CSS.escape(id)}`);
  const found = nth < 0 ? home : home?.querySelectorAll(kind)[nth];
  found?.focus({ preventScroll: true }); // who has scrolled on is not fetched back
}

function replacePart(old, part) {
  const open = [...old.querySelectorAll("details[open]")];
  const focused = old.contains(document.activeElement) ? placeOf(document.activeElement, old) : null;
  shown.set(old, part.innerHTML);
  old.innerHTML = part.innerHTML;
  if (part.className) old.className = part.className; // a row whose alert has ended
  for (const { id } of open) old.querySelector(`#${CSS.escape(id)}`)?.setAttribute("open", "");
  if (focused) focusAt(old, focused);
}

// What the page had from the beginning, as a message would tell it: without ages, and without this session's own token.
const still = document.implementation.createHTMLDocument().body; // as in a message: what is for no script is no text
function asTold(part) {
  const copy = part.cloneNode(true);
  for (const folded of copy.querySelectorAll("noscript")) {
    still.innerHTML = folded.textContent;
    folded.replaceChildren(...still.childNodes);
  }
  for (const time of copy.querySelectorAll("time[data-ms]")) time.textContent = "";
  for (const field of copy.querySelectorAll("input[name=csrf]")) field.setAttribute("value", "");
  return copy.innerHTML;
}

const MARKED_MS = 20 * SECOND; // the mark of a touch stays for ever
let markedMs = 0;
document.addEventListener("selectionchange", () => (markedMs = Date.now()));

// Whether somebody fills in a form in a part, or has just marked what they want to copy.
function isInUse(part) {
  const mark = getSelection();
  const isMarked = mark.type === "Range" && part.contains(mark.anchorNode) && Date.now() - markedMs < MARKED_MS;
  return isMarked || part.querySelector("details[open]:not([id])");
}

function takeAway(row) {
  const next = row.nextElementSibling ?? row.previousElementSibling;
  if (row.contains(document.activeElement)) next?.focus({ preventScroll: true });
  row.remove();
}

function putLast(row) {
  const next = row.nextElementSibling;
  row.parentElement.append(row);
  return next;
}

// Brings a list to the rows that it should have, and says whether it could. The row that has the focus stays in its place
// and others go past it: what is moved loses it, and the half syllable of who writes Chinese.
function arrange(list, names) {
  const had = new Map([...list.children].map((row) => [row.dataset.live, row]));
  const rows = names.map((name) => had.get(`row/${name}`) ?? waiting.get(`row/${name}`)).filter(Boolean);
  const ended = new Set([...had.values()].filter((row) => !rows.includes(row)));
  for (const row of ended) if (!isInUse(row)) takeAway(row);
  let next = list.firstElementChild;
  for (const row of rows) {
    while (ended.has(next)) next = next.nextElementSibling;
    if (row.contains(document.activeElement)) while (next !== row) next = putLast(next);
    if (row === next) next = row.nextElementSibling;
    else list.insertBefore(row, next);
    if (!had.has(row.dataset.live)) shown.set(row, row.innerHTML);
  }
  return ![...ended].some(isInUse);
}

// The row that somebody is about to press or writes in: it stays under their hand, whatever comes above it.
const AT_HAND_MS = 3 * SECOND; // a pointer that lies still holds nothing
let [hand, movedMs] = ["", -Infinity];
addEventListener("pointermove", () => ([hand, movedMs] = [":hover", Date.now()]));
addEventListener("keydown", () => ([hand, movedMs] = [":focus-within", Date.now()]));

function rowAtHand() {
  const open = document.querySelector("[data-row] details[open]");
  if (open) return open.closest("[data-row]");
  return Date.now() - movedMs < AT_HAND_MS ? document.querySelector(`[data-row]${hand}`) : null;
}

// Whatever waits takes its place, but for parts that somebody is at: they wait on.
function takePlaces() {
  const waitOn = new Set();
  for (const old of document.querySelectorAll("[data-live]")) {
    const name = old.dataset.live;
    const part = waiting.get(name);
    if (!part) continue;
    if (part.dataset.rows !== undefined) {
      if (!arrange(old, part.dataset.rows.split(" "))) waitOn.add(name);
    } else if ((shown.get(old) ?? asTold(old)) !== part.innerHTML) {
      if (isInUse(old)) waitOn.add(name);
      else replacePart(old, part);
    }
  }
  for (const name of waiting.keys()) if (!waitOn.has(name)) waiting.delete(name);
}

function replaceParts() {
  const came = waiting.size;
  if (came) {
    const held = rowAtHand();
    const top = held?.getBoundingClientRect().top;
    takePlaces();
    if (held?.isConnected) scrollBy(0, held.getBoundingClientRect().top - top);
  }
  if (waiting.size < came) dispatchEvent(new Event("renewed"));
  tellAges();
}

function receive(html) {
  const fresh = new DOMParser().parseFromString(html, "text/html");
  for (const part of fresh.querySelectorAll("[data-live]")) waiting.set(part.dataset.live, part);
  replaceParts();
}

function tellAges() {
  const words = document.body.dataset;
  for (const time of document.querySelectorAll("time[data-ms]")) {
    const seconds = Math.max(0, Math.floor((Date.now() + skew - Number(time.dataset.ms)) / SECOND));
    const [unit, size] = [["D", 86400], ["H", 3600], ["Min", 60], ["S", 1]].find(([, size]) => seconds >= size) ?? ["S", 1];
    const text = words[`ago${unit}`].replace("#", Math.floor(seconds / size));
    if (time.textContent !== text) time.textContent = text;
  }
}

// The reader's clock may be wrong; ages are counted by the server's: by when it made the page. A page that nothing was
// transferred for is one the browser had kept, maybe since yesterday: the reader's clock knows better.
const kept = performance.getEntriesByType("navigation")[0]?.transferSize === 0;
const skew = kept ? 0 : Date.parse(document.querySelector("#generated").dateTime) - Date.now();

// On a phone the first page shows the list or the map; without this script it shows both.
const tabs = document.querySelector(".tabs");
if (tabs) {
  document.body.classList.add("live");
  tabs.hidden = false;
  tabs.addEventListener("click", (event) => {
    const wanted = event.target.dataset.show;
    if (!wanted) return;
    document.body.classList.toggle("show-map", wanted === "map");
    for (const button of tabs.children) button.setAttribute("aria-pressed", String(button.dataset.show === wanted));
  });
}

// Who presses twice means it once: each press was a report, or a silence that went on when the other was ended.
const TWICE_MS = 10 * SECOND; // who has waited for longer may try again
let sentMs = new WeakMap();
addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  if (Date.now() - (sentMs.get(form) ?? -Infinity) < TWICE_MS) event.preventDefault();
  else sentMs.set(form, Date.now());
});
addEventListener("pageshow", () => (sentMs = new WeakMap())); // who came back to it

// Whether this page, of the desk, now leads to the door. Of a page for everybody the question would cost the browser what
// it keeps of it, and a phone without a network could not go back to it.
async function isShut() {
  if (!link.dataset.shut) return false;
  try {
    return (await fetch(location.href, { method: "HEAD", redirect: "manual" })).type === "opaqueredirect";
  } catch {
    return false;
  }
}

const events = document.body.dataset.events;
const link = document.querySelector(".link");
const SILENT_MS = 45 * SECOND; // who is there says so every 15 s at least
let source, heardMs;
let again; // a timer

function say(state) {
  link.dataset.state = state;
  link.textContent = `● ${link.dataset[state]}`;
}

function leave() {
  source?.close();
  clearTimeout(again);
}

// A browser tries again by itself when nobody answers, but gives up for good when told to come later: by a city that has
// as many readers as it can, by the proxy before one that is being started anew, or where nobody is logged in any more.
function listen() {
  leave();
  const own = (source = new EventSource(events));
  heardMs = Date.now();
  own.onopen = () => {
    heardMs = Date.now();
    say("connected");
  };
  own.onerror = async () => {
    say("disconnected");
    if (own.readyState !== EventSource.CLOSED) return;
    if (await isShut()) {
      link.innerHTML = `<a href="">${link.dataset.shut}</a>`;
    } else if (own === source) again = setTimeout(listen, (5 + 10 * Math.random()) * SECOND);
  };
  own.onmessage = (event) => {
    heardMs = Date.now();
    receive(event.data);
  };
}

// A line that was cut without a word, or a collector that hangs, is to a browser one that has no news.
function lookWhoIsThere() {
  if (!source || source.readyState === EventSource.CLOSED || Date.now() - heardMs < SILENT_MS) return;
  say("disconnected");
  listen();
}

// A browser has six connections for one address: pages that nobody sees leave theirs to those that somebody looks at. The
// desk, whose title counts what fires, is read behind others too.
const isUnseen = () => document.hidden && !document.querySelector("[data-firing]");

function comeOrGo() {
  if (isUnseen()) leave();
  else if (!source || source.readyState === EventSource.CLOSED) {
    listen();
    fetchAnew(); // what it missed
  }
}

let fetchedMs = Date.now();
async function fetchAnew() {
  fetchedMs = Date.now();
  const page = await fetch(location.href, { cache: "no-store" }).catch(() => null);
  if (page) receive(await page.text());
}

// A day, a week or a year is told by no message: over night its chart would become that of yesterday.
const PAST_MS = 600 * SECOND;

function keepPast() {
  const isOpen = source && source.readyState === EventSource.OPEN && document.querySelector('[data-live="past"]');
  if (isOpen && Date.now() - fetchedMs >= PAST_MS) fetchAnew();
}

if (events) {
  if (!isUnseen()) listen();
  addEventListener("pagehide", leave);
  addEventListener("pageshow", ({ persisted }) => persisted && comeOrGo()); // the reader came back to it
  document.addEventListener("visibilitychange", comeOrGo);
}
// Who leaves a form open for long has an old list before them, on a page that says that it is current.
const HELD_MS = 30 * SECOND;
let caughtUpMs = Date.now();

function tellWhatWaits() {
  if (!waiting.size) caughtUpMs = Date.now();
  if (link.dataset.state === "disconnected" || !link.dataset.state) return;
  const state = Date.now() - caughtUpMs < HELD_MS ? "connected" : "held";
  if (link.dataset.state !== state) say(state);
}

setInterval(() => {
  lookWhoIsThere();
  keepPast();
  replaceParts();
  tellWhatWaits();
}, SECOND);
