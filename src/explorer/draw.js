// Drawing: the circuit and the attention arcs as SVG, the stream and the attention matrix on canvas.
//
// Nothing is told by colour alone: bits are digits, marks are symbols and line styles, cells carry signs.

import { MARKS } from "./netlist.js";

const SVG = "http://www.w3.org/2000/svg";

export function element(name, attributes = {}, children = []) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

export function shape(name, attributes = {}, children = []) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

const COLUMN = 138;
const ROW = 38;
const BOX = { width: 96, height: 28 };
const MARGIN = 14;
const HEAD = 22;

const short = (text, n) => (text.length > n ? `${text.slice(0, n - 1)}…` : text);

// A small drawing grows to the width there is, a large one shrinks a little and scrolls.
function fit(svg, width, height) {
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.style.width = `clamp(${width * 0.85}px, 100%, ${width * 1.6}px)`;
  svg.style.height = "auto";
}

// Draws the circuit by levels; returns what changes with time: {nodes, wires}.
export function drawCircuit(svg, { netlist, layout }, onSelect) {
  const x = (column) => MARGIN + column * COLUMN;
  const y = (row) => HEAD + MARGIN + row * ROW;
  const outputs = outputNames(netlist);
  const width = x(layout.columns - 1) + BOX.width + MARGIN + (outputs.size ? 70 : 0);
  const height = y(layout.height) + MARGIN;
  fit(svg, width, height);
  for (let level = 0; level < layout.columns; level++) {
    const label = level === 0 ? "inputs" : `level ${level}`;
    svg.append(shape("text", { x: x(level) + BOX.width / 2, y: 15, class: "level" }, [label]));
  }
  const wires = layout.wires.map((wire) => {
    const path = shape("path", { d: wirePath(wire.points, x, y), class: "wire" });
    svg.append(path);
    return { ...wire, path };
  });
  const nodes = netlist.nodes.map((node, id) => {
    const at = { x: x(node.level), y: y(layout.rows[id]) - BOX.height / 2 };
    return drawNode(svg, node, id, at, outputs.get(id), onSelect);
  });
  return { nodes, wires };
}

function outputNames(netlist) {
  const names = new Map();
  for (const { name, node } of netlist.outputs) names.set(node, [...(names.get(node) ?? []), name]);
  return names;
}

function wirePath(points, x, y) {
  const [[column, row], ...rest] = points;
  let from = [x(column) + BOX.width, y(row)];
  let d = `M${from[0]} ${from[1].toFixed(1)}`;
  rest.forEach(([c, r], i) => {
    const to = [x(c), y(r)];
    const middle = (from[0] + to[0]) / 2;
    d += `C${middle} ${from[1].toFixed(1)} ${middle} ${to[1].toFixed(1)} ${to[0]} ${to[1].toFixed(1)}`;
    from = to;
    if (i < rest.length - 1) {
      from = [x(c) + BOX.width, y(r)];
      d += `L${from[0]} ${from[1].toFixed(1)}`;
    }
  });
  return d;
}

function drawNode(svg, node, id, at, outputs, onSelect) {
  const name = shape("text", { x: 8, y: 12, class: "name" }, [short(node.name, 10)]);
  const gate = shape("text", { x: 8, y: 23, class: "gate" }, [short(node.gate, 11)]);
  const bit = shape("text", { x: BOX.width - 28, y: 19, class: "bit" });
  const mark = shape("text", { x: BOX.width - 12, y: 19, class: "mark" });
  const box = shape("rect", { width: BOX.width, height: BOX.height, rx: 6 });
  const group = shape("g", {
    class: "node", role: "button", tabindex: id === 0 ? 0 : -1, transform: `translate(${at.x} ${at.y})`,
    "data-node": id, "data-position": node.position,
  }, [box, name, gate, bit, mark]);
  if (outputs) {
    const label = `→ ${short(outputs.join(", "), 9)}`;
    group.append(shape("text", { x: BOX.width + 6, y: 19, class: "output" }, [label]));
  }
  group.addEventListener("click", () => onSelect(id));
  svg.append(group);
  return { group, bit, mark };
}

// Shows bits and marks, and which node is selected.
export function updateCircuit(drawing, netlist, { bits, values, marks, selected }) {
  drawing.nodes.forEach(({ group, bit, mark }, id) => {
    const node = netlist.nodes[id];
    const value = bits[node.position];
    const { symbol, text } = MARKS[marks[id]];
    bit.textContent = value;
    mark.textContent = symbol;
    group.setAttribute("class", `node bit${value === "–" ? "none" : value} ${marks[id]}${id === selected ? " selected" : ""}`);
    group.dataset.bit = value;
    group.dataset.mark = marks[id];
    group.setAttribute("tabindex", id === selected ? 0 : -1);
    group.setAttribute("aria-pressed", id === selected);
    group.setAttribute("aria-label",
      `${node.name}, ${node.gate}, level ${node.level}: holds ${value === "–" ? "no value" : value}, ${text}, circuit says ${values[id]}`);
  });
  for (const { from, to, path } of drawing.wires) {
    const on = bits[netlist.nodes[from].position] === 1 ? " on" : "";
    path.setAttribute("class", `wire${on}${to === selected ? " read" : from === selected ? " fan" : ""}`);
  }
}

// A canvas of cells with names of rows and columns, a cursor for pointer and keys, and a line of text that
// says what is under it. `describe(row, column)` is that text.
export class Grid {
  constructor(canvas, readout, { rowNames, columnNames, cell, describe }) {
    Object.assign(this, { canvas, readout, rowNames, columnNames, cell, describe });
    const longest = (names) => Math.max(0, ...names.map((name) => Math.min(name.length, 14)));
    this.left = rowNames ? 14 + 5.6 * longest(rowNames) : 4;
    this.top = columnNames ? 12 + 5.6 * longest(columnNames) : 4;
    this.cursor = [0, 0];
    canvas.tabIndex = 0;
    canvas.addEventListener("pointermove", (event) => this.point(event));
    canvas.addEventListener("click", (event) => this.point(event));
    canvas.addEventListener("keydown", (event) => this.press(event));
  }

  // Draws `at(row, column)` for all cells: {size, sign, kind}, kind being "plus", "minus" or "ink".
  show(nRows, nColumns, at, selectedRow) {
    Object.assign(this, { nRows, nColumns, at, selectedRow });
    const ratio = window.devicePixelRatio || 1;
    const width = this.left + nColumns * this.cell + 2;
    const height = this.top + nRows * this.cell + 2;
    this.canvas.width = width * ratio;
    this.canvas.height = height * ratio;
    this.canvas.style.width = `${width}px`;
    this.canvas.style.height = `${height}px`;
    const pen = this.canvas.getContext("2d");
    pen.scale(ratio, ratio);
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    this.colours = Object.fromEntries(["ink", "faint", "rule", "plus", "minus", "paper", "onplus", "onminus", "select"]
      .map((name) => [name, colour(name)]));
    this.drawNames(pen);
    for (let r = 0; r < nRows; r++) for (let c = 0; c < nColumns; c++) this.drawCell(pen, r, c);
    this.drawFrames(pen);
    this.say();
  }

  drawNames(pen) {
    const { cell, left, top, colours } = this;
    pen.font = "10px system-ui, sans-serif";
    pen.textBaseline = "middle";
    if (this.rowNames && cell >= 8) {
      this.rowNames.forEach((name, r) => {
        pen.fillStyle = r === this.selectedRow ? colours.select : colours.ink;
        pen.fillText(short(name, 13), 2, top + (r + 0.5) * cell, left - 6);
      });
    }
    if (this.columnNames) {
      pen.fillStyle = colours.ink;
      this.columnNames.forEach((name, c) => {
        pen.save();
        pen.translate(left + (c + 0.5) * cell, top - 4);
        pen.rotate(-Math.PI / 2);
        pen.fillText(short(name, 15), 0, 0, top - 8);
        pen.restore();
      });
    }
  }

  drawCell(pen, r, c) {
    const { cell, left, top, colours } = this;
    const { size, sign, kind } = this.at(r, c);
    const side = Math.min(1, size) * (cell - (cell > 6 ? 1 : 0));
    if (!(side > 0.2)) return;
    const x = left + (c + 0.5) * cell;
    const y = top + (r + 0.5) * cell;
    pen.fillStyle = colours[kind];
    pen.fillRect(x - side / 2, y - side / 2, side, side);
    if (sign && side >= 8) {
      pen.fillStyle = colours[`on${kind}`] ?? colours.paper;
      pen.font = "9px system-ui, sans-serif";
      pen.textAlign = "center";
      pen.fillText(sign, x, y + 0.5);
      pen.textAlign = "start";
    }
  }

  drawFrames(pen) {
    const { cell, left, top, colours, nRows, nColumns } = this;
    pen.strokeStyle = colours.rule;
    pen.strokeRect(left - 0.5, top - 0.5, nColumns * cell + 1, nRows * cell + 1);
    if (this.selectedRow !== undefined && this.selectedRow < nRows) {
      pen.strokeStyle = colours.select;
      pen.lineWidth = 1.5;
      pen.strokeRect(left - 1, top + this.selectedRow * cell - 1, nColumns * cell + 2, cell + 1);
    }
  }

  point(event) {
    const box = this.canvas.getBoundingClientRect();
    const r = Math.floor((event.clientY - box.top - this.top) / this.cell);
    const c = Math.floor((event.clientX - box.left - this.left) / this.cell);
    if (r >= 0 && c >= 0 && r < this.nRows && c < this.nColumns) {
      this.cursor = [r, c];
      this.say();
    }
  }

  press(event) {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (!step) return;
    event.preventDefault();
    const clamp = (value, n) => Math.max(0, Math.min(n - 1, value));
    this.cursor = [clamp(this.cursor[0] + step[0], this.nRows), clamp(this.cursor[1] + step[1], this.nColumns)];
    this.say();
  }

  say() {
    const [r, c] = this.cursor;
    if (r < this.nRows && c < this.nColumns) this.readout.textContent = this.describe(r, c);
  }
}

// A cell of a number about ±1: larger is fuller, the sign is written.
export function signedCell(value) {
  if (Number.isNaN(value)) return { size: 1, sign: "!", kind: "ink" };
  const size = Math.min(1, Math.abs(value));
  return { size, sign: value > 0 ? "+" : "−", kind: value > 0 ? "plus" : "minus" };
}


// Positions on a line, and an arc from each position to those a head reads: even heads above, odd below.
export function drawArcs(svg, netlist, order, heads, selected) {
  const place = new Map(order.map((id, i) => [netlist.nodes[id].position, i]));
  const gap = Math.max(15, Math.min(46, 820 / order.length));
  const x = (i) => 30 + i * gap;
  const arcs = heads.flatMap((pattern, head) => strongest(pattern, place).map((arc) => ({ ...arc, head })));
  const reach = Math.max(1, ...arcs.map(({ from, to }) => Math.abs(from - to)));
  const tall = Math.min(150, 20 + reach * gap * 0.4);
  const middle = tall + 14;
  const width = x(order.length - 1) + 30;
  const height = 2 * tall + 82;
  svg.replaceChildren();
  fit(svg, width, height);
  for (const { from, to, weight, head } of arcs) {
    const up = head % 2 === 0;
    const span = Math.abs(from - to);
    const rise = from === to ? 9 : 8 + (tall - 12) * Math.sqrt(span / reach);
    const base = up ? middle - 8 : middle + 8;
    const peak = up ? base - rise * 1.33 : base + rise * 1.33;
    const [left, right] = from === to ? [x(from) - 5, x(from) + 5] : [x(from), x(to)];
    const chosen = selected !== undefined && order[from] === selected ? " chosen" : "";
    svg.append(shape("path", {
      d: `M${left} ${base}C${left} ${peak} ${right} ${peak} ${right} ${base}`,
      class: `arc head${head % 4}${chosen}`, "stroke-width": (0.4 + 1.6 * weight).toFixed(2),
    }));
  }
  order.forEach((id, i) => {
    const chosen = id === selected ? " chosen" : "";
    svg.append(shape("circle", { cx: x(i), cy: middle, r: 4, class: `token${chosen}` }));
    svg.append(shape("text", {
      x: x(i), y: 2 * tall + 30, class: `token${chosen}`, transform: `rotate(60 ${x(i)} ${2 * tall + 30})`,
    }, [short(netlist.nodes[id].name, 9)]));
  });
}

// Per query its three largest weights, as {from, to, weight} of places on the line.
function strongest(pattern, place) {
  const n = Math.sqrt(pattern.length);
  const arcs = [];
  for (const [position, from] of place) {
    const row = Array.from(pattern.subarray(position * n, position * n + n), (weight, j) => ({ weight, j }));
    const large = row.filter(({ weight, j }) => weight > 0.02 && place.has(j));
    large.sort((a, b) => b.weight - a.weight || a.j - b.j);
    for (const { weight, j } of large.slice(0, 3)) arcs.push({ from, to: place.get(j), weight });
  }
  return arcs;
}
