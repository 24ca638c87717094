// Values of charts that carry their scales, at the pointer or, with the arrow keys, point by point.

const REACH = 40; // pixels of the chart: points farther away horizontally are not shown

/** Return functions that convert a coordinate to a value and to text; a scale is `low high start end kind`. */
const axisOf = (scale, unit, names) => {
  const [low, high, start, end] = scale.split(" ", 4).map(Number);
  const kind = scale.split(" ")[4];
  const value = (at) => {
    const part = (at - start) / (end - start);
    if (kind === "log") return low * (high / low) ** part;
    const place = low + part * (high - low);
    return kind === "nines" ? 1 - 10 ** -place : place;
  };
  const step = kind === "linear" ? 10 ** Math.floor(Math.log10(Math.abs(high - low) / 1000)) : 0; // a pixel is no finer
  const rounded = (at) => (step ? Math.round(value(at) / step) * step : value(at));
  return { value, unit, words: (at) => names?.split(" ")[Math.round(value(at))] ?? quantity(rounded(at), unit) };
};

const pointsOf = (line) =>
  line.points
    ? [...line.points].map(({ x, y }) => ({ x, y }))
    : [...line.getAttribute("d").matchAll(/M(\S+) ([\d.-]+)h0/g)].map(([, x, y]) => ({ x: Number(x), y: Number(y) }));

const areaOf = (ground) => {
  const [x, y, width, height] = ["x", "y", "width", "height"].map((name) => Number(ground.getAttribute(name)));
  return { x, y, width, height }; // not getBBox: collapsed elements have none
};

/** Read one group: its axes, its area, and the points and ink of each series. */
const plotOf = (group) => {
  const { name = "", x, xUnit, xNames, y, yUnit } = group.dataset;
  const series = {};
  for (const line of group.querySelectorAll("[data-series]")) {
    const known = (series[line.dataset.series] ??= { ink: line.getAttribute("stroke"), points: [] });
    known.points.push(...pointsOf(line));
  }
  return { name, x: axisOf(x, xUnit, xNames), y: axisOf(y, yUnit), area: areaOf(group.firstChild), series };
};

/** Find the point of each series nearest to a position. */
const read = ({ name, y, series }, place) => {
  const far = (point) => Math.abs(point.x - place);
  const found = {};
  for (const [arm, { ink, points }] of Object.entries(series)) {
    const point = points.reduce((best, each) => (far(each) < far(best) ? each : best));
    if (far(point) <= REACH) found[arm] = { point, ink, value: y.value(point.y), words: y.words(point.y) };
  }
  const { baseline, candidate } = found;
  const isRatio = baseline?.value && candidate && y.unit !== "share";
  return { name, found, change: isRatio ? percent(candidate.value / baseline.value - 1) : "" };
};

const tip = make("div", { class: "tip", hidden: "" });
document.body.append(tip);

/** Put the values beside a point of the window. */
const placeTip = (clientX, clientY) => {
  const { width, height } = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(4, clientX + 16 + width > innerWidth ? clientX - 16 - width : clientX + 16)}px`;
  tip.style.top = `${Math.max(4, Math.min(clientY + 16, innerHeight - height - 4))}px`;
};

const tableOf = (at, readings, arms) => {
  const row = (kind, cells) => make("tr", {}, ...cells.map((words) => make(kind, {}, words)));
  const values = ({ name, found, change }) => [name, ...arms.map((arm) => found[arm]?.words ?? ""), change];
  return make("table", {}, row("th", [at, ...arms, ""]), ...readings.map((reading) => row("td", values(reading))));
};

const draw = (tag, attributes) => {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
};

const equip = (svg, plots) => {
  const marks = draw("g", { "pointer-events": "none" });
  svg.append(marks);
  const arms = [...new Set(plots.flatMap(({ series }) => Object.keys(series)))];
  const points = plots.flatMap(({ series }) => Object.values(series).flatMap((each) => each.points));
  const stops = [...new Set(points.map(({ x }) => x))].sort((a, b) => a - b);
  const left = Math.min(...plots.map(({ area }) => area.x));
  const right = Math.max(...plots.map(({ area }) => area.x + area.width));
  const top = Math.min(...plots.map(({ area }) => area.y));
  const bottom = Math.max(...plots.map(({ area }) => area.y + area.height));

  const hide = () => {
    tip.hidden = true;
    marks.replaceChildren();
  };

  const mark = (place, readings) => {
    const found = readings.flatMap((reading) => Object.values(reading.found));
    const dots = found.map(({ point: { x, y }, ink }) => draw("circle", { cx: x, cy: y, r: 4.5, fill: ink }));
    const line = { x1: place, x2: place, y1: top, y2: bottom, stroke: "currentColor", "stroke-opacity": 0.5 };
    marks.replaceChildren(draw("line", line), ...dots);
  };

  /** Show the values at a position, beside a point of the window, and return them as text. */
  const show = (place, clientX, clientY) => {
    const readings = plots.map((plot) => read(plot, place)).filter(({ found }) => Object.keys(found).length);
    if (!readings.length) return hide();
    const near = Object.values(readings[0].found).map(({ point }) => point.x);
    const nearest = near.reduce((best, x) => (Math.abs(x - place) < Math.abs(best - place) ? x : best));
    const at = plots[0].x.words(readings.length > 1 ? place : nearest);
    mark(place, readings);
    tip.replaceChildren(tableOf(at, readings, arms));
    tip.hidden = false;
    placeTip(clientX, clientY);
    const values = ({ found }) => Object.entries(found).map(([arm, { words }]) => `${arm} ${words}`).join(", ");
    return `${at}: ${readings.map((reading) => `${reading.name} ${values(reading)}`.trim()).join("; ")}`;
  };

  const box = () => svg.getBoundingClientRect();
  const scale = () => box().width / svg.viewBox.baseVal.width;
  svg.addEventListener("pointermove", ({ clientX, clientY }) => {
    show(Math.min(Math.max((clientX - box().left) / scale(), left), right), clientX, clientY);
  });
  svg.addEventListener("pointerleave", hide);
  svg.addEventListener("blur", hide);

  let now = -1;
  svg.addEventListener("keydown", (event) => {
    const steps = { ArrowRight: now + 1, ArrowLeft: now - 1, Home: 0, End: stops.length - 1 };
    if (event.key === "Escape") hide();
    if (!(event.key in steps)) return;
    event.preventDefault();
    now = Math.min(Math.max(steps[event.key], 0), stops.length - 1);
    announce(show(stops[now], box().left + stops[now] * scale(), Math.max(box().top + top * scale(), 0)));
  });
  svg.setAttribute("tabindex", "0");
};

for (const svg of document.querySelectorAll("figure svg")) {
  const plots = [...svg.querySelectorAll("[data-x]")].map(plotOf).filter(({ series }) => Object.keys(series).length);
  if (plots.length) equip(svg, plots);
}
