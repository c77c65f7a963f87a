"use strict";
// Each entry shows one caption. Choosing a word draws its attention map over the image, and what the model predicted.

const UNIT = 1e4; // weights are stored as whole ten-thousandths
const SMOOTH = 32; // pixels of the map for one location, in rows and columns

function element(name, text = "", options = {}) {
  return Object.assign(document.createElement(name), { textContent: text, ...options });
}

const percent = (p) => (p < 0.001 ? "<\u00a00.1\u00a0%" : `${(100 * p).toFixed(p < 0.1 ? 1 : 0)}\u00a0%`);

function addEntry(data, parent) {
  const root = document.getElementById("entry").content.firstElementChild.cloneNode(true);
  const find = (selector) => root.querySelector(selector);
  const show = (selector, condition) => { find(selector).hidden = !condition; };
  const state = { word: -1, head: -1 }; // -1: the image alone; the mean over heads
  const buttons = [];
  const count = data.words.length;

  find("h2").textContent = data.name;
  find(".note").textContent = data.note;
  find(".absence").textContent = data.absence ? `No attention map: ${data.absence}` : "";
  const hasMap = !data.absence;
  const hasHeads = hasMap && data.words[0].heads.length > 0;
  show(".note", data.note);
  show(".absence", data.absence);
  show(".photo", data.image);
  show(".heads", hasHeads);
  if (data.image) Object.assign(find("img"), { src: data.image, alt: `The image ${data.name}` });

  // The weights of a word, of the chosen head.
  function weights(word) {
    return state.head < 0 ? word.alpha : word.heads[state.head];
  }

  function scale() {
    if (!data.image) return UNIT;
    const maps = data.words.flatMap((word) => (state.head < 0 ? [word.alpha] : word.heads));
    return Math.max(...maps.map((map) => Math.max(...map)), 1);
  }

  function gray(weight, largest) {
    return Math.round((255 * weight) / largest);
  }

  function drawMap(word, largest) {
    const [rows, columns] = data.grid;
    const canvas = find("canvas");
    canvas.hidden = !word;
    show(".location", word && word.location !== null);
    if (!word) return;
    const small = element("canvas", "", { width: columns, height: rows });
    const pixels = new ImageData(columns, rows);
    weights(word).forEach((weight, i) => pixels.data.set([...Array(3).fill(gray(weight, largest)), 255], 4 * i));
    small.getContext("2d").putImageData(pixels, 0, 0);
    Object.assign(canvas, { width: SMOOTH * columns, height: SMOOTH * rows });
    const context = canvas.getContext("2d");
    context.imageSmoothingQuality = "high"; // not that of CSS, which shows a mesh
    context.drawImage(small, 0, 0, canvas.width, canvas.height);
    if (word.location !== null) {
      const size = [100 / columns, 100 / rows];
      Object.assign(find(".location").style, {
        width: `${size[0]}%`, height: `${size[1]}%`,
        left: `${size[0] * (word.location % columns)}%`, top: `${size[1] * Math.floor(word.location / columns)}%`,
      });
    }
  }

  function drawAlignment() {
    const head = element("tr");
    head.append(element("td"), ...data.source.map((text) => element("th", text, { scope: "col" })));
    const rows = data.words.map((word, t) => {
      const row = element("tr", "", { className: t === state.word ? "chosen" : "" });
      const cells = weights(word).map((weight) => {
        const level = gray(weight, UNIT);
        const cell = element("td", (weight / UNIT).toFixed(2));
        cell.style.background = `rgb(${level}, ${level}, ${level})`;
        cell.style.color = level > 127 ? "#000" : "#fff";
        return cell;
      });
      row.append(element("th", word.text, { scope: "row" }), ...cells);
      return row;
    });
    const thead = element("thead"), tbody = element("tbody");
    thead.append(head);
    tbody.append(...rows);
    find(".alignment").replaceChildren(thead, tbody);
  }

  function place(index) {
    if (!data.image) return `on "${data.source[index]}"`;
    const [rows, columns] = data.grid;
    return `in row ${Math.floor(index / columns) + 1} of ${rows}, column ${(index % columns) + 1} of ${columns}`;
  }

  function describe(word) {
    if (!word) return `${data.caption}. Log-probability of the caption: ${data.log_p.toFixed(2)} nats.`;
    const parts = [`"${word.text}", word ${state.word + 1} of ${count}: probability ${percent(word.probability)}.`];
    if (hasMap) {
      const map = weights(word);
      const index = map.indexOf(Math.max(...map));
      parts.push(`The largest attention weight is ${(map[index] / UNIT).toFixed(2)}, ${place(index)}.`);
      if (word.location !== null) parts.push(`The model read only the location ${place(word.location)}.`);
    }
    return parts.join(" ");
  }

  function drawPrediction(word) {
    show(".prediction", word);
    if (!word) return;
    show(".gate", word.beta !== null);
    if (word.beta !== null) {
      find("meter").value = word.beta;
      find(".gate span").textContent = word.beta.toFixed(2);
    }
    find(".likeliest tbody").replaceChildren(...word.likeliest.map(([text, probability]) => {
      const row = element("tr"), cell = element("td"), bar = element("div", "", { className: "bar" });
      bar.style.width = `${100 * probability}%`;
      cell.append(bar);
      row.append(element("th", text, { scope: "row", className: text === word.text ? "written" : "" }),
        cell, element("td", percent(probability)));
      return row;
    }));
    const before = data.words.slice(0, state.word).map((other) => other.text).join(" ");
    find(".beams ol").replaceChildren(...word.beams.map(([text, log_p]) => element(
      "li", `${text || "(no word yet)"}  (log p ${log_p.toFixed(2)})`, { className: text === before ? "chosen" : "" })));
  }

  function draw() {
    const word = data.words[state.word] || null;
    const largest = hasMap ? scale() : 1;
    buttons.forEach((button, k) => {
      button.setAttribute("aria-pressed", String(k === state.word + 1));
      button.tabIndex = k === state.word + 1 ? 0 : -1;
    });
    show(".scale", hasMap && (word || !data.image));
    show(".alignment", hasMap && !data.image);
    find(".largest").textContent = (largest / UNIT).toFixed(2);
    if (data.image) drawMap(hasMap ? word : null, largest);
    else if (hasMap) drawAlignment();
    find(".status").textContent = describe(word);
    drawPrediction(word);
  }

  function choose(index) {
    if (index === state.word) return;
    state.word = index;
    draw();
  }

  const alone = element("button", data.image ? "image" : "phrase", { type: "button", className: "alone" });
  alone.setAttribute("aria-label", `the ${alone.textContent} alone`);
  buttons.push(alone, ...data.words.map((word, t) => {
    const button = element("button", word.text, { type: "button" });
    button.setAttribute("aria-label", `word ${t + 1} of ${count}: ${word.text}`);
    return button;
  }));
  buttons.forEach((button, k) => {
    button.addEventListener("click", () => choose(k - 1));
    button.addEventListener("focus", () => choose(k - 1));
    // Not pointerenter, which fires as well when the page scrolls below a pointer at rest.
    button.addEventListener("pointermove", (event) => { if (event.pointerType === "mouse") choose(k - 1); });
  });
  find(".words").append(...buttons);
  find(".words").addEventListener("keydown", (event) => {
    const last = buttons.length - 1, current = state.word + 1;
    const target = {
      ArrowRight: Math.min(current + 1, last), ArrowDown: Math.min(current + 1, last),
      ArrowLeft: Math.max(current - 1, 0), ArrowUp: Math.max(current - 1, 0), Home: 0, End: last, Escape: 0,
    }[event.key];
    if (target === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    buttons[target].focus();
  });
  if (hasHeads) {
    ["the mean of all heads", ...data.words[0].heads.map((_, k) => `head ${k + 1}`)].forEach((text, k) => {
      const label = element("label"), input = element("input", "", { type: "radio", checked: k === 0 });
      input.name = `head-${parent.children.length}`;
      input.addEventListener("change", () => { state.head = k - 1; draw(); });
      label.append(input, ` ${text}`);
      find(".heads").append(label);
    });
  }
  draw();
  parent.append(root);
  return root;
}

for (const entry of JSON.parse(document.getElementById("data").textContent)) {
  addEntry(entry, document.getElementById("entries"));
}
