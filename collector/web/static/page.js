// Keeps an open page current. Each message is a piece of HTML whose parts are marked data-live; a part takes the place
// of the part of the same name. Without this script the page is complete, only not live.
"use strict";

const SECOND = 1000;

const shown = new WeakMap();

// How to find an element again after its surroundings were renewed: by its id, or as the same link.
function placeOf(element) {
  if (element.id) return `#${CSS.escape(element.id)}`;
  const link = element.getAttribute("href");
  return link ? `[href="${CSS.escape(link)}"]` : null;
}

function replaceParts(html) {
  const fresh = new DOMParser().parseFromString(html, "text/html");
  for (const part of fresh.querySelectorAll("[data-live]")) {
    for (const old of document.querySelectorAll(`[data-live="${CSS.escape(part.dataset.live)}"]`)) {
      const open = [...old.querySelectorAll("details[open]")];
      if ((shown.get(old) ?? old.innerHTML) === part.innerHTML || open.some((details) => !details.id)) continue;
      shown.set(old, part.innerHTML);
      const focused = old.contains(document.activeElement) ? placeOf(document.activeElement) : null;
      old.replaceChildren(...part.cloneNode(true).childNodes);
      for (const { id } of open) old.querySelector(`#${CSS.escape(id)}`)?.setAttribute("open", "");
      if (focused) old.querySelector(focused)?.focus();
    }
  }
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

const events = document.body.dataset.events;
const link = document.querySelector(".link");

function listen() {
  const source = new EventSource(events);
  const say = (state) => {
    link.dataset.state = state;
    link.textContent = `● ${link.dataset[state]}`;
  };
  source.onopen = () => say("connected");
  source.onerror = () => say("disconnected");
  source.onmessage = (event) => {
    replaceParts(event.data);
    dispatchEvent(new Event("renewed"));
    tellAges();
  };
  addEventListener("pagehide", () => source.close(), { once: true });
}

if (events) {
  listen();
  addEventListener("pageshow", ({ persisted }) => persisted && listen()); // the reader came back to it
}
setInterval(tellAges, SECOND);
