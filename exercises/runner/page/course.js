"use strict";
// The page asks for the board every second, and for the chosen exercise whenever its version has changed.

const SECONDS = 1;
const MOST = { rows: 16, columns: 12 }; // cells of an array that are shown
const MARKS = { right: "good", WRONG: "bad", "to write": "open" };
const SVG = "http://www.w3.org/2000/svg";
const find = (selector) => document.querySelector(selector);
const shown = { number: null, version: null };

function element(name, text = "", options = {}) {
  return Object.assign(document.createElement(name), { textContent: text, ...options });
}

function svg(name, attributes, text = "") {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.textContent = text;
  return node;
}

const times = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;

// The text of the exercise

function typeset([text, kind]) {
  return kind ? element(kind, text) : document.createTextNode(text);
}

// A line of a drawing or table: each cell starts in its column, and is at least as wide as its text was.
function layoutLine(cells) {
  const line = element("div", "", { className: "line" });
  cells.forEach(([column, pieces], k) => {
    const cell = element("span", "", { className: "cell" });
    cell.append(...pieces.map(typeset));
    if (k === 0) cell.style.marginLeft = `${column}ch`;
    if (k + 1 < cells.length) cell.style.minWidth = `${cells[k + 1][0] - column}ch`;
    line.append(cell);
  });
  return line;
}

function block([kind, lines]) {
  if (kind === "layout") {
    const layout = element("div", "", { className: "layout", tabIndex: 0 });
    layout.append(...lines.map(layoutLine));
    return layout;
  }
  const paragraph = element("p", "", { className: kind });
  lines.forEach(([[, pieces]], k) => paragraph.append(k ? " " : "", ...pieces.map(typeset)));
  return paragraph;
}

function showText(sections) {
  find(".text").replaceChildren(...sections.flatMap(([title, blocks]) => [element("h3", title), ...blocks.map(block)]));
}

// The result

function showResult(data) {
  const verdict = data.verdict;
  find(".outcome").textContent = outcome(data, verdict);
  find(".verdict").replaceChildren(...(verdict ? verdict.lines : []).flatMap(verdictLine));
  find(".verdict").hidden = !verdict;
  find(".terms").hidden = !verdict || !verdict.terms.length;
  find(".terms").open = false;
  find(".terms ul").replaceChildren(...(verdict ? verdict.terms : []).map((text) => element("li", text)));
  find(".printed").hidden = !data.printed.length;
  find(".printed pre").textContent = data.printed.join("\n");
}

// The lines of functions start with a mark.
function verdictLine(line) {
  const [, blanks, mark, rest] = line.match(/^( {2})(right|WRONG|to write)( .*)$/) || [];
  return mark ? [blanks, element("b", mark, { className: MARKS[mark] }), `${rest}\n`] : [`${line}\n`];
}

function outcome(data, verdict) {
  if (!verdict) return "This exercise is being checked ...";
  const count = (state) => verdict.functions.filter((line) => line.state === state).length;
  const when = verdict.time ? `Checked at ${verdict.time}: ` : "The last check: ";
  if (verdict.right) return `${when}solved.`;
  const parts = [[count("right"), "right"], [count("wrong"), "wrong"], [count("unwritten"), "not written yet"]];
  const text = parts.filter(([n]) => n).map(([n, word]) => `${n} ${word}`).join(", ");
  return `${when}${text}.${verdict.complete ? "" : " Looking for the mistake ..."}`;
}

// The wrong arrays

const value = (number) => (typeof number === "string" ? Number(number) : number); // "NaN", "Infinity"

function numberText(number, isWhole) {
  const x = value(number);
  if (!Number.isFinite(x)) return String(x).replace("Infinity", "inf");
  if (x === 0 || isWhole) return String(x);
  return Math.abs(x) >= 1e5 || Math.abs(x) < 1e-3 ? x.toExponential(1) : String(Number(x.toPrecision(3)));
}

// White is 0, red is `largest`, blue is -`largest`. Entries that are no finite number are yellow.
function color(number, largest) {
  const x = value(number);
  if (!Number.isFinite(x)) return "#ffd54a";
  const share = largest ? Math.min(Math.abs(x) / largest, 1) : 0;
  const [red, green, blue] = (x > 0 ? [244, 128, 104] : [110, 160, 240]).map((end) => Math.round(255 + share * (end - 255)));
  return `rgb(${red}, ${green}, ${blue})`;
}

const largestOf = (numbers) => numbers.reduce((most, x) => (Number.isFinite(value(x)) ? Math.max(most, Math.abs(value(x))) : most), 0);

// The last axis goes across, the one before it down. `slice` is the index on all other axes, as one number.
function panel(title, numbers, shape, slice, largest, worst, isWhole, ignored) {
  const columns = shape.length ? shape[shape.length - 1] : 1;
  const rows = shape.length > 1 ? shape[shape.length - 2] : 1;
  const start = (size, most, index) => Math.max(0, Math.min(index - Math.floor(most / 2), size - most));
  const place = worst - slice * rows * columns;
  const isHere = place >= 0 && place < rows * columns;
  const top = start(rows, MOST.rows, isHere ? Math.floor(place / columns) : 0);
  const left = start(columns, MOST.columns, isHere ? place % columns : 0);
  const range = (from, size, most) => [...Array(Math.min(size, most)).keys()].map((k) => from + k);
  const across = range(left, columns, MOST.columns), down = range(top, rows, MOST.rows);
  const table = element("table", "", { className: "panel" }), head = element("tr"), body = element("tbody");
  const more = across.length < columns || down.length < rows ? `, a part of ${rows} x ${columns}` : "";
  table.append(element("caption", title + more));
  head.append(element("td"), ...across.map((k) => element("th", k, { scope: "col" })));
  head.firstChild.style.border = "0";
  for (const r of down) {
    const row = element("tr");
    row.append(element("th", r, { scope: "row" }), ...across.map((c) => {
      const index = (slice * rows + r) * columns + c;
      const number = Math.abs(value(numbers[index])) <= ignored ? 0 : numbers[index];
      const cell = element("td", numberText(number, isWhole), { className: index === worst ? "worst" : "" });
      cell.style.background = color(number, largest);
      return cell;
    }));
    body.append(row);
  }
  const thead = element("thead");
  thead.append(head);
  table.append(thead, body);
  return table;
}

function sliceNames(shape) {
  const outer = shape.slice(0, -2);
  const count = outer.reduce((product, size) => product * size, 1);
  return [...Array(count).keys()].map((k) => {
    const index = [];
    for (let rest = k, axis = outer.length - 1; axis >= 0; axis -= 1) {
      index.unshift(rest % outer[axis]);
      rest = Math.floor(rest / outer[axis]);
    }
    return [...index, ":", ":"].join(", ");
  });
}

function arrayBlock(array) {
  const block = element("div"), panels = element("div", "", { className: "panels", tabIndex: 0 });
  const axes = array.axes.length ? ` (${array.axes.join(", ")})` : "";
  block.append(element("h4", `${array.name}${axes} of ${array.function}`));
  if (!array.yours) {
    block.append(element("p", `Shape ${array.shape.join(" x ")}: too large for this page. The command show draws it.`));
    return block;
  }
  const largest = largestOf([...array.yours, ...array.right]);
  const most = array.difference ? largestOf(array.difference) : 0;
  const draw = (slice) => {
    const yours = panel("yours", array.yours, array.shape, slice, largest, array.worst, array.whole, 0);
    const right = (shape) => panel("right", array.right, shape, slice, largest, array.worst, array.whole, 0);
    if (!array.difference) {
      const words = (shape) => (shape.length ? `shape ${shape.join(" x ")}` : "a number");
      yours.caption.textContent += `, ${words(array.shape)}`;
      const other = right(array.right_shape);
      other.caption.textContent += `, ${words(array.right_shape)}`;
      panels.replaceChildren(yours, other);
      return;
    }
    const ignored = 1e-6 * largest; // rounding
    panels.replaceChildren(yours, right(array.shape),
      panel("difference: yours - right", array.difference, array.shape, slice, most, array.worst, array.whole, ignored));
  };
  const names = array.difference ? sliceNames(array.shape) : [""];
  const size = array.shape.slice(-2).reduce((product, n) => product * n, 1);
  const first = array.difference && names.length > 1 ? Math.floor(array.worst / size) : 0;
  if (names.length > 1) {
    const label = element("label", "Slice "), select = element("select");
    select.append(...names.map((name, k) => element("option", `${array.name}[${name}]`, { value: k })));
    select.value = first;
    select.addEventListener("change", () => draw(Number(select.value)));
    label.append(select);
    block.append(label);
  }
  draw(first);
  const scale = `Red: up to ${numberText(largest)}. White: 0. Blue: down to ${numberText(-largest)}.`;
  const own = array.difference ? ` Difference: up to ${numberText(most)} either way; the largest one has a frame.` : "";
  block.append(panels, element("p", scale + own, { className: "scale" }));
  return block;
}

function showArrays(data) {
  const isWrong = data.verdict && data.verdict.functions.some((line) => line.state === "wrong");
  const waits = isWrong && data.verdict.complete && data.arrays === null;
  find(".arrays").replaceChildren(...(data.arrays || []).map(arrayBlock));
  if (waits) find(".arrays").append(element("p", "The arrays are being computed ..."));
}

// The curves of plug

function ticks(low, high) {
  const step = 10 ** Math.floor(Math.log10((high - low) / 2 || 1));
  const size = (high - low) / step > 8 ? 2 * step : step;
  const result = [];
  for (let x = Math.ceil(low / size) * size; x <= high + 1e-9 * size; x += size) result.push(Number(x.toPrecision(6)));
  return result;
}

function curve(title, group) {
  const names = Object.keys(group), finite = Object.values(group).flat().map(value).filter(Number.isFinite);
  const steps = Math.max(...Object.values(group).map((losses) => losses.length));
  const low = Math.min(...finite), high = Math.max(...finite, low + 1e-6);
  const box = { left: 55, right: 690, top: 12, bottom: 235 };
  const x = (k) => box.left + (box.right - box.left) * (steps > 1 ? k / (steps - 1) : 0);
  const y = (loss) => box.bottom - (box.bottom - box.top) * (loss - low) / (high - low);
  const [library, yours] = names.map((name) => group[name].map(value));
  const words = `${title}: your loss goes from ${numberText(yours[0])} to ${numberText(yours[yours.length - 1])} in `
    + `${times(steps, "step")}; the library's ends at ${numberText(library[library.length - 1])}.`;
  const root = svg("svg", { viewBox: "0 0 700 280", class: "curve", role: "img", "aria-label": words });
  root.append(svg("path", { class: "axis", d: `M${box.left},${box.top}V${box.bottom}H${box.right}` }));
  for (const tick of ticks(low, high)) {
    root.append(svg("text", { x: box.left - 6, y: y(tick) + 4, "text-anchor": "end" }, tick));
  }
  for (const tick of ticks(1, steps).filter(Number.isInteger)) {
    root.append(svg("text", { x: x(tick - 1), y: box.bottom + 16, "text-anchor": "middle" }, tick));
  }
  root.append(svg("text", { x: (box.left + box.right) / 2, y: box.bottom + 36, "text-anchor": "middle" }, "training step"));
  [[library, "library"], [yours, "yours"]].forEach(([losses, style], row) => {
    const points = losses.map((loss, k) => [k, loss]).filter(([, loss]) => Number.isFinite(loss));
    root.append(svg("path", { class: style, d: `M${points.map(([k, loss]) => `${x(k).toFixed(1)},${y(loss).toFixed(1)}`).join("L")}` }));
    root.append(svg("path", { class: style, d: `M480,${box.top + 14 + 20 * row}h34` }));
    root.append(svg("text", { x: 522, y: box.top + 18 + 20 * row }, names[row]));
  });
  const figure = element("figure");
  figure.append(element("h4", `${title}: loss`), root, element("figcaption", words, { className: "scale" }));
  return figure;
}

function showTraining(data) {
  const running = data.training.running, isReady = data.verdict && data.verdict.right && running === null;
  const button = find("button.start");
  button.disabled = !isReady;
  button.textContent = running === data.number ? "Training ..." : "Train the small model";
  find(".advice").textContent = data.verdict && data.verdict.right
    ? "A small model trains twice for a few dozen steps, with your functions and with the library's. It takes about a minute."
    : "This works once all functions are right.";
  if (running !== null && running !== data.number) find(".advice").textContent = `Exercise ${running} is training. Wait until it ends.`;
  const groups = Object.entries(data.curves || {}).filter(([, group]) => {
    const curves = Object.values(group);
    return curves.length === 2 && curves.every((losses) => losses.some((loss) => Number.isFinite(value(loss))));
  });
  find(".curves").replaceChildren(...groups.map(([title, group]) => curve(title, group)));
  find(".output").hidden = !data.training.text;
  const text = find(".output pre");
  text.textContent = data.training.text;
  text.scrollTop = text.scrollHeight;
  if (running === data.number) find(".output").open = true;
}

// The exercise and the board

async function load(number) {
  const response = await fetch(`/exercise/${number}`);
  if (!response.ok) throw new Error("no exercise");
  const data = await response.json();
  if (number !== chosen()) return;
  if (shown.number !== number) {
    find("h2").textContent = `Exercise ${number}: ${data.title}`;
    document.title = find("h2").textContent;
    showText(data.sections);
    find(".output").open = false;
  }
  const facts = [data.file, `difficulty ${data.facts.difficulty} of 3`, `about ${data.facts.minutes} minutes`];
  if (data.builds_on.length) facts.push(`builds on ${data.builds_on.length > 1 ? "exercises" : "exercise"} ${data.builds_on.join(", ")}`);
  if (data.chapter) facts.push(`the longer story: ${data.chapter}`);
  find(".facts").textContent = facts.join(" · ");
  const result = JSON.stringify([number, data.verdict, data.printed, data.arrays]);
  if (result !== shown.result) {
    showResult(data);
    showArrays(data);
  }
  showTraining(data);
  Object.assign(shown, { number, version: data.version, result });
}

let board = null;

function chosen() {
  const number = Number(location.hash.slice(1));
  const numbers = board ? board.exercises.map((line) => line.number) : [];
  return numbers.includes(number) ? number : (shown.number ?? board?.next ?? numbers[0]);
}

function showBoard() {
  const count = board.exercises.length;
  const next = board.next === null ? "" : ` Next: exercise ${board.next}.`;
  find(".summary").textContent = board.judged < count ? `Checking the exercises: ${board.judged} of ${count} ...` : `${board.solved} of ${count} solved.${next}`;
  const list = find(".board");
  if (list.children.length !== count) {
    list.replaceChildren(...board.exercises.map((line) => {
      const item = element("li"), link = element("a", "", { href: `#${line.number}` });
      link.append(element("span", line.number, { className: "number" }), element("span", line.title), element("span"));
      item.append(link);
      return item;
    }));
  }
  board.exercises.forEach((line, k) => {
    const link = list.children[k].firstChild;
    Object.assign(link.lastChild, { textContent: line.mark, className: line.style, title: line.detail });
    if (line.number === chosen()) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  });
}

async function refresh() {
  try {
    board = await (await fetch("/board")).json();
    showBoard();
    const number = chosen(), { version } = board.exercises.find((line) => line.number === number);
    if (number !== shown.number || version !== shown.version) await load(number);
    find(".connection").textContent = "";
  } catch (error) {
    find(".connection").textContent = "The server does not answer. Start it again: python -m exercises serve";
  }
}

async function follow() {
  if (!document.hidden) await refresh();
  setTimeout(follow, 1000 * SECONDS);
}

window.addEventListener("hashchange", () => { if (location.hash !== "#exercise") refresh(); });
document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
find("button.start").addEventListener("click", async () => {
  find("button.start").disabled = true;
  try {
    const response = await fetch(`/plug/${shown.number}`, { method: "POST" });
    if (!response.ok) find(".advice").textContent = (await response.json()).error;
    await refresh();
  } catch (error) {
    find(".connection").textContent = "The server does not answer. Start it again: python -m exercises serve";
  }
});
follow();
