// A customer's ratings over time: a dot a rating, the mean of 30 days, what was usual before and what is since a change,
// a ring around those that raised an alert. A click on a ring leads to its alert.
import "./page.js";

let holder = null;
let data = null;
const dark = matchMedia("(prefers-color-scheme: dark)");
const when = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short", hourCycle: "h23" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const HEIGHT = 240;
const KINDS = { poor_rating: "poor-rating alert", declining_trend: "declining-trend alert" };
let plot = null;

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

// The ticket under the pointer. Text only: a subject is a customer's words.
function tooltip() {
  const box = document.createElement("div");
  box.className = "tooltip";
  box.hidden = true;
  const lines = [0, 1, 2].map(() => box.appendChild(document.createElement("p")));
  return {
    hooks: {
      init: (u) => {
        u.over.append(box);
        u.over.addEventListener("mouseleave", () => { box.hidden = true; });
        u.over.addEventListener("click", () => {
          const alert = u.cursor.idx == null ? null : data.alert_id[u.cursor.idx];
          if (alert) location.href = `/alerts/${alert}`;
        });
      },
      setCursor: (u) => {
        const index = u.cursor.idx;
        box.hidden = index == null || u.cursor.left < 0;
        if (box.hidden) return;
        const alert = data.alert[index];
        lines[0].textContent = `${data.rating[index]} of 5${alert ? `, ${KINDS[alert] ?? "alert"}` : ""}`;
        lines[1].textContent = `#${data.ticket[index]}${data.subject[index] ? ` ${data.subject[index]}` : ""}`;
        lines[2].textContent = `${when.format(new Date(data.at[index] * 1000))} · mean of 30 days ${data.mean[index].toFixed(1)}`;
        const x = u.valToPos(data.at[index], "x");
        const room = u.over.clientWidth - box.offsetWidth;
        box.style.left = `${Math.max(0, Math.min(room, x - box.offsetWidth / 2))}px`;
        const y = u.valToPos(data.rating[index], "y");
        box.style.top = `${y > box.offsetHeight + 16 ? y - box.offsetHeight - 12 : y + 14}px`;
      },
    },
  };
}

// Levels and the change, drawn below the ratings.
function levels() {
  const line = (u, from, to, value, colour, dashes) => {
    const y = Math.round(u.valToPos(value, "y", true));
    u.ctx.strokeStyle = colour;
    u.ctx.lineWidth = 2 * devicePixelRatio;
    u.ctx.setLineDash(dashes.map((each) => each * devicePixelRatio));
    u.ctx.beginPath();
    u.ctx.moveTo(from, y);
    u.ctx.lineTo(to, y);
    u.ctx.stroke();
  };
  return {
    hooks: {
      drawAxes: (u) => {
        if (data.baseline == null) return;
        const { left, width, top, height } = u.bbox;
        const change = data.since == null ? left + width : Math.max(left, Math.min(left + width, Math.round(u.valToPos(data.since, "x", true))));
        u.ctx.save();
        line(u, left, change, data.baseline, colour("--good"), [6, 4]);
        if (data.since != null) {
          if (data.recent != null) line(u, change, left + width, data.recent, colour("--critical"), [6, 4]);
          u.ctx.strokeStyle = colour("--quiet");
          u.ctx.lineWidth = devicePixelRatio;
          u.ctx.setLineDash([2 * devicePixelRatio, 3 * devicePixelRatio]);
          u.ctx.beginPath();
          u.ctx.moveTo(change, top);
          u.ctx.lineTo(change, top + height);
          u.ctx.stroke();
        }
        u.ctx.restore();
      },
    },
  };
}

function options(width) {
  const axis = { stroke: colour("--quiet"), font: "12px system-ui, sans-serif", ticks: { show: false } };
  const grid = { stroke: colour("--line"), width: 1 };
  const dots = (size, stroke, fill, lineWidth) => ({ show: true, size, stroke, fill, width: lineWidth });
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: {
      y: false,
      drag: { x: false, y: false },
      points: { size: 11, stroke: colour("--text"), fill: "transparent", width: 2 },
      dataIdx: (_, series, index) => (series === 1 ? null : index), // the tooltip is on a rating, not on the mean
    },
    plugins: [levels(), tooltip()],
    scales: {
      x: {
        range: (_, from, to) => {
          const room = Math.max((to - from) * 0.02, 12 * 3600);
          return [from - room, to + room];
        },
      },
      y: { range: [0.6, 5.4] },
    },
    axes: [
      { ...axis, grid: { show: false }, space: 70, size: 30, values: (_, times) => times.map((time) => day.format(time * 1000)) },
      { ...axis, grid, splits: () => [1, 2, 3, 4, 5], size: 28, gap: 6 },
    ],
    series: [
      {},
      { stroke: colour("--accent"), width: 2, points: { show: false }, paths: uPlot.paths.stepped({ align: 1 }) },
      { paths: () => null, points: dots(6, colour("--dot"), colour("--dot"), 0) },
      { paths: () => null, points: dots(13, colour("--critical"), "transparent", 2) },
    ],
  };
}

function draw() {
  plot?.destroy();
  const rings = data.rating.map((rating, index) => (data.alert[index] ? rating : null));
  plot = new uPlot(options(holder.clientWidth), [data.at, data.mean, data.rating, rings], holder);
}

function begin() {
  plot?.destroy();
  plot = null;
  holder = document.getElementById("chart");
  data = holder ? JSON.parse(holder.dataset.chart) : null;
  if (!data?.at.length) return;
  draw();
  resized.disconnect();
  resized.observe(holder);
}

const resized = new ResizeObserver(() => plot?.setSize({ width: holder.clientWidth, height: HEIGHT }));
dark.addEventListener("change", () => { if (plot) draw(); });
document.addEventListener("renewed", (event) => { if (event.target.querySelector("#chart")) begin(); });
begin();
