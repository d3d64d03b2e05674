// Every page but that of the alerts as they come in: its parts marked data-live are shown anew when something has changed.
import { carryOver, parse, settle } from "./page.js";

const status = document.getElementById("live");
const REFRESH_MS = Number(status.dataset.rest ?? 1000); // at most one load in this time
let source = null;
let loading = null;

function show(state, words) {
  status.dataset.state = state;
  status.firstElementChild.textContent = words;
}

function connect() {
  const { position, of, every } = status.dataset;
  if (every) {
    // What no database announces is looked at again and again, as long as somebody looks at the page.
    source = setInterval(refresh, Number(every));
    show("on", "up to date");
    return;
  }
  source = new EventSource(`/live?since=${encodeURIComponent(position)}&of=${encodeURIComponent(of)}`);
  source.addEventListener("open", () => show("on", "live"));
  for (const name of ["changed", "stale"]) {
    source.addEventListener(name, (event) => {
      status.dataset.position = event.lastEventId;
      refresh();
    });
  }
  source.addEventListener("error", () => {
    show("off", "reconnecting…");
    // A browser gives up for good after an answer that is not a stream, such as a 503.
    if (source.readyState === EventSource.CLOSED) setTimeout(() => { if (source?.readyState === EventSource.CLOSED) connect(); }, 3000);
  });
}

function disconnect() {
  if (status.dataset.every) clearInterval(source);
  else source?.close();
  source = null;
}

async function load() {
  const asked = location.href;
  const answer = await fetch(asked);
  // Meanwhile something else may have been chosen.
  if (status.dataset.every) show(answer.ok ? "on" : "off", answer.ok ? "up to date" : "no answer");
  if (!answer.ok || location.href !== asked) return false;
  const page = parse(await answer.text());
  for (const old of document.querySelectorAll("[data-live]")) {
    const found = page.getElementById(old.id);
    if (!found) old.remove();
    else if (found.outerHTML !== sources.get(old.id)) {
      sources.set(old.id, found.outerHTML);
      const anew = document.importNode(found, true);
      settle(anew);
      carryOver(old, anew);
      anew.dispatchEvent(new Event("renewed", { bubbles: true }));
    }
  }
  // What was not there before: a part comes after the one that it follows on the page.
  let above = null;
  for (const part of page.querySelectorAll("main [id]")) {
    if (part.parentElement.id !== "main") continue;
    if (part.matches("[data-live]") && !document.getElementById(part.id)) {
      sources.set(part.id, part.outerHTML);
      const anew = document.importNode(part, true);
      settle(anew);
      if (above) above.after(anew);
      else document.querySelector("main .title").after(anew);
      anew.dispatchEvent(new Event("renewed", { bubbles: true }));
    }
    above = document.getElementById(part.id) ?? above;
  }
  return true;
}

function refresh() {
  if (loading) {
    loading.again = true;
    return;
  }
  loading = { again: false };
  const mine = loading;
  load()
    .catch(() => false)
    .then((done) => {
      setTimeout(() => {
        loading = null;
        if (mine.again || !done) refresh();
      }, REFRESH_MS);
    });
}

// As the server has sent each part: what the page's scripts did to it since is no change.
const sources = new Map();
// What was chosen meanwhile is another part, though it has the same name.
document.addEventListener("htmx:afterSwap", () => sources.clear());

// A browser opens few connections to one server: a tab that nobody looks at must not keep one.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) disconnect();
  else if (!source) connect();
});
addEventListener("pagehide", disconnect);
addEventListener("pageshow", (event) => { if (event.persisted && !source) connect(); });
connect();
