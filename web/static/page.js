// Times in the reader's own time zone; the server's text, in UTC, stays as the tooltip.
const moment = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const momentOfYear = new Intl.DateTimeFormat("en-GB", { year: "numeric", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const day = new Intl.DateTimeFormat("en-GB", { year: "numeric", day: "numeric", month: "short" });
const narrow = matchMedia("(max-width: 56rem)");

export function settle(root) {
  const year = new Date().getFullYear();
  for (const time of root.querySelectorAll("time[datetime]:not([title])")) {
    const at = new Date(time.dateTime);
    time.title = time.textContent;
    time.textContent = ("day" in time.dataset ? day : at.getFullYear() === year ? moment : momentOfYear).format(at);
  }
  // On a phone these are one tap away, so that the list stays a list.
  if (narrow.matches) for (const part of root.querySelectorAll("details.preview, details.why")) part.open = false;
}

export function parse(html) {
  return new DOMParser().parseFromString(html, "text/html");
}

// An open part stays open, and the focus stays where it was, when something is shown anew.
export function carryOver(old, anew) {
  const before = old.querySelectorAll("details");
  anew.querySelectorAll("details").forEach((part, index) => {
    if (before[index]?.className === part.className) part.open = before[index].open;
  });
  const focusable = "a, summary, button, [tabindex]";
  const focused = [...old.querySelectorAll(focusable)].indexOf(document.activeElement);
  old.replaceWith(anew);
  if (focused >= 0) anew.querySelectorAll(focusable)[focused]?.focus({ preventScroll: true });
}

settle(document);
document.addEventListener("htmx:afterSwap", (event) => settle(event.detail.target.isConnected ? event.detail.target : document));
