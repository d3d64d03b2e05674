// Times in the reader's own time zone; the server's text, in UTC, stays as the tooltip.
const moment = new Intl.DateTimeFormat("en", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const momentOfYear = new Intl.DateTimeFormat("en", { year: "numeric", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const day = new Intl.DateTimeFormat("en", { year: "numeric", day: "numeric", month: "short" });
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

settle(document);
