// New and changed alerts as they are announced, in their place in the list.
import { carryOver, parse, settle } from "./page.js";

const status = document.getElementById("live");
const news = document.getElementById("news");
const REFRESH_MS = 1000; // at most one reload of the list in this time
const MOST = 60; // cards in the list
const list = document.getElementById("alerts");
const older = document.getElementById("older");
let source = null;
let refreshing = null;
let waiting = []; // cards that came while the list was loading

function show(state, words) {
  status.dataset.state = state;
  status.firstElementChild.textContent = words;
}

function connect() {
  source = new EventSource("/live?since=" + encodeURIComponent(list.dataset.position));
  source.addEventListener("open", () => show("on", "live"));
  source.addEventListener("alert", (event) => {
    remember(event);
    if (refreshing) waiting.push(event.data);
    else place(event.data);
  });
  source.addEventListener("stale", (event) => {
    remember(event);
    refresh();
  });
  source.addEventListener("error", () => {
    show("off", "reconnecting…");
    // A browser gives up for good after an answer that is not a stream, such as a 503.
    if (source.readyState === EventSource.CLOSED) setTimeout(() => { if (source?.readyState === EventSource.CLOSED) connect(); }, 3000);
  });
}

function disconnect() {
  source?.close();
  source = null;
}

function remember(event) {
  list.dataset.position = event.lastEventId;
}

function place(html) {
  const card = document.importNode(parse(html).querySelector("article"), true);
  settle(card);
  const old = document.getElementById(card.id);
  if (old) {
    carryOver(old, card);
    return;
  }
  const cards = [...list.querySelectorAll("article")];
  const next = cards.find((other) => Date.parse(other.dataset.at) <= Date.parse(card.dataset.at));
  if (!next && !older.hidden) return; // it belongs to a later page
  document.getElementById("empty")?.remove();
  card.classList.add("new");
  list.insertBefore(card, next ?? null);
  trim();
  const what = card.querySelector(".headline").lastChild.textContent.trim();
  news.textContent = `New alert: ${card.querySelector("h2").textContent.trim()}, ${what}`;
}

// A tab that stays open for weeks does not grow for weeks.
function trim() {
  const cards = [...list.querySelectorAll("article")];
  if (cards.length <= MOST) return;
  cards.slice(MOST).forEach((card) => card.remove());
  const last = cards[MOST - 1];
  continueAfter(`/?before=${encodeURIComponent(`${last.dataset.at}~${last.id.replace("alert-", "")}`)}`);
}

function continueAfter(address) {
  older.querySelector("a[rel=next]").href = address;
  older.hidden = false;
}

async function load() {
  const answer = await fetch(location.href);
  if (!answer.ok) return false;
  const page = parse(await answer.text());
  const cards = [...page.querySelectorAll("article")].map((card) => document.importNode(card, true));
  const named = new Set(cards.map((card) => card.id));
  for (const old of list.querySelectorAll("article")) if (!named.has(old.id)) old.remove();
  if (cards.length) document.getElementById("empty")?.remove();
  let above = null;
  for (const card of cards) {
    settle(card);
    const old = document.getElementById(card.id);
    if (old) carryOver(old, card);
    else if (above) above.after(card);
    else list.prepend(card);
    above = card;
  }
  if (!page.getElementById("older").hidden) continueAfter(page.querySelector("#older a[rel=next]").href);
  return true;
}

function refresh() {
  if (refreshing) {
    refreshing.again = true;
    return;
  }
  refreshing = { again: false };
  const mine = refreshing;
  load()
    .catch(() => false)
    .then((done) => {
      waiting.splice(0).forEach(place);
      setTimeout(() => {
        refreshing = null;
        waiting.splice(0).forEach(place);
        if (mine.again || !done) refresh();
      }, REFRESH_MS);
    });
}

// A browser opens few connections to one server: a tab that nobody looks at must not keep one.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) disconnect();
  else if (!source) connect();
});
addEventListener("pagehide", disconnect);
addEventListener("pageshow", (event) => { if (event.persisted && !source) connect(); });
connect();
