// The page: what is chosen, what follows from it, and the elements that show it.

import { FORMATS } from "./arithmetic.js";
import { changedModel, decodeBase64, readModel } from "./weights.js";
import { makeRunner, same } from "./forward.js";
import { MARKS, chainOfThought, evaluate, held, knownSince, marks } from "./netlist.js";
import { findTargets, judge, measure } from "./proof.js";
import { Grid, drawArcs, drawCircuit, element, signedCell, updateCircuit } from "./draw.js";

const data = JSON.parse(document.getElementById("data").textContent);
const { netlist, layout } = data;
const model = readModel(decodeBase64(data.model));
const original = makeRunner(model);
const find = (id) => document.getElementById(id);

// What the reader chose.
const chosen = {
  bits: new Array(netlist.nInputs).fill(0),
  step: 0,
  selected: Math.min(netlist.nInputs, netlist.nodes.length - 1),
  tokens: 0,
  ...unbroken(),
};

function unbroken() {
  return { nLoops: model.nLoops, scaleQ: 1, dtype: model.dtype, edits: [] };
}

// What follows: the runner, its trace, the circuit's values and what the inequalities say.
const derived = { runner: original, trace: null, values: null, since: null, fixed: null, proof: null };
const targets = findTargets(original, chosen.bits);

function isBroken() {
  return chosen.scaleQ !== 1 || chosen.dtype !== model.dtype || chosen.edits.length > 0;
}

function rebuild() {
  const { round } = FORMATS[chosen.dtype];
  derived.runner = isBroken() ? makeRunner(changedModel(model, round, chosen)) : original;
  derived.proof = null;
  recompute();
}

function recompute() {
  const { runner } = derived;
  derived.values = evaluate(netlist, chosen.bits);
  derived.since = knownSince(netlist, derived.values);
  derived.trace = runner.run(chosen.bits, chosen.nLoops);
  derived.fixed = fixedLoop(runner, derived.trace);
  // Scores do not depend on the input, unless a weight was changed.
  if (derived.proof === null || chosen.edits.length > 0) {
    derived.proof = judge(measure(runner, targets, derived.trace.streams[0]), runner.model);
  }
  chosen.step = Math.min(chosen.step, lastStep());
  render();
}

const lastStep = () => chosen.nLoops * model.nLayers;

// The first number of loops after which one more changes no number; null if there is none.
function fixedLoop(runner, { streams }) {
  for (let loop = 0; loop <= chosen.nLoops; loop++) {
    const x = streams[loop * model.nLayers];
    const next = loop < chosen.nLoops ? streams[(loop + 1) * model.nLayers] : runner.once(x);
    if (same(x, next)) return loop;
  }
  return null;
}

const marksAt = (step) =>
  marks(netlist, derived.trace.bits[step], derived.values, derived.since, step, derived.trace.known[step]);
const heldAt = (step) => held(derived.trace.bits[step], derived.trace.known[step]);
const hasThreeValues = model.halting !== undefined;

function stepText(step) {
  if (step === 0) return "embedding, no layer yet";
  const loop = Math.floor((step - 1) / model.nLayers) + 1;
  const layer = ((step - 1) % model.nLayers) + 1;
  const loops = `loop ${loop} of ${chosen.nLoops}`;
  return model.nLayers === 1 ? loops : `${loops}, layer ${layer} of ${model.nLayers}`;
}

// --- What is shown -----------------------------------------------------------------------------------

const drawing = drawCircuit(find("circuit"), data, select);
const order = netlist.nodes.map((_, id) => id).sort((a, b) =>
  netlist.nodes[a].position - netlist.nodes[b].position);
const nodeAt = new Map(netlist.nodes.map((node, id) => [node.position, id]));
const nameAt = (position) => netlist.nodes[nodeAt.get(position)]?.name ?? `p${position}`;
const positions = Array.from({ length: model.nCtx }, (_, i) => i);

const stream = new Grid(find("stream"), find("stream-label"), {
  rowNames: positions.map(nameAt),
  columnNames: model.channelNames,
  cell: 13,
  describe: (r, c) => `${nameAt(r)}, ${model.channelNames[c]}: ${number(streamNow()[r * model.dModel + c])}`,
});
const matrix = new Grid(find("matrix"), find("matrix-label"), {
  rowNames: positions.map(nameAt),
  columnNames: model.nCtx <= 120 ? positions.map(nameAt) : null,
  cell: Math.max(4, Math.min(14, Math.floor(900 / Math.max(1, model.nCtx)))),
  describe: (r, c) => `${nameAt(r)} reads ${nameAt(c)}: ${number(patternNow(Number(find("head").value))[r * model.nCtx + c])}`,
});

const streamNow = () => derived.trace.streams[chosen.step];

// The layer that comes next, and at the end the last again: its pattern on the stream shown.
const layerNow = () => chosen.step % model.nLayers;
const patternNow = (head) => derived.runner.attention(streamNow(), layerNow(), head).pattern;

function number(x) {
  return Number.isInteger(x) ? String(x) : x.toPrecision(4);
}

function render() {
  renderControls();
  renderCircuit();
  renderProof();
  renderHalting();
  renderThought();
  renderNumbers();
}

function renderControls() {
  const holds = heldAt(chosen.step);
  find("inputs").querySelectorAll("button").forEach((button, i) => {
    button.setAttribute("aria-pressed", chosen.bits[i] === 1);
    button.querySelector("b").textContent = chosen.bits[i];
  });
  const now = marksAt(chosen.step);
  find("outputs").querySelectorAll("output").forEach((shown, i) => {
    const { node } = netlist.outputs[i];
    const bit = holds[netlist.nodes[node].position];
    shown.dataset.bit = bit;
    shown.querySelector("b").textContent = `${bit} ${MARKS[now[node]].symbol}`;
    shown.title = MARKS[now[node]].text;
  });
  const slider = find("step");
  slider.max = lastStep();
  slider.value = chosen.step;
  slider.setAttribute("aria-valuetext", stepText(chosen.step));
  find("step-label").textContent = stepText(chosen.step);
}

function renderCircuit() {
  const { values } = derived;
  const bits = heldAt(chosen.step);
  const now = marksAt(chosen.step);
  updateCircuit(drawing, netlist, { bits, values, marks: now, selected: chosen.selected });
  if (find("nodes").closest("details").open) renderTable(bits, now);
  find("node-detail").textContent = describeNode(chosen.selected, now);
}

function renderTable(bits, now) {
  const { values, since } = derived;
  find("nodes").tBodies[0].replaceChildren(...netlist.nodes.map((node, id) => element("tr", {}, [
    node.level, node.name, node.gate, bits[node.position], values[id],
    `${MARKS[now[id]].symbol} ${MARKS[now[id]].text}`, since[id],
  ].map((cell) => element("td", {}, [String(cell)])))));
}

function describeNode(id, now) {
  const node = netlist.nodes[id];
  if (!node) return "";
  const bit = heldAt(chosen.step)[node.position];
  const reads = node.operands.map((operand) => netlist.nodes[operand].name).join(", ");
  const heads = Array.from({ length: model.nHeads }, (_, head) => {
    const row = patternNow(head).subarray(node.position * model.nCtx, (node.position + 1) * model.nCtx);
    const best = row.indexOf(Math.max(...row));
    return `head ${head} reads ${nameAt(best)} (weight ${number(row[best])})`;
  });
  const what = node.operands.length ? `${node.gate} of ${reads}, table ${node.rows}` : node.gate;
  return `${node.name}: ${what}. Holds ${bit === "–" ? "no value" : bit}, ${MARKS[now[id]].text}; the circuit says ${derived.values[id]}, ` +
    `known after layer ${derived.since[id]}. In the layer shown, ${heads.join("; ")}.`;
}

const small = (x) => (x === 0 ? "0" : x < 1e-3 ? x.toExponential(1) : x.toFixed(4));

function renderProof() {
  const { proof, runner } = derived;
  const depth = Math.max(0, ...netlist.outputs.map(({ node }) => netlist.nodes[node].level));
  const enough = lastStep() >= depth;
  const edited = chosen.edits.length;
  const gap = proof.gap === Infinity ? "∞" : number(proof.gap);
  const format = `θ = ${proof.threshold.toFixed(2)} (${runner.model.dtype})`;
  const bound = `(s−1)/(2ks) = ${proof.bound.toFixed(4)}`;
  const worst = proof.leakAt ? `, worst at ${nameAt(proof.leakAt.i)}, head ${proof.leakAt.head}` : "";
  const softmax = {
    exact: `✓ Score gap ${gap} ≥ ${format}: every other softmax weight is exactly 0.`,
    ideal: `◐ Score gap ${gap} < ${format}, so other weights remain; but leak λ = ${small(proof.leak)} ≤ ${bound}: ` +
      "right in ideal arithmetic (Theorem 1).",
    none: hasThreeValues ? `✗ Score gap ${gap} < ${format}${worst}: nothing is shown of the rest.` :
      `✗ Score gap ${gap} < ${format}, and leak λ = ${small(proof.leak)} > ${bound}${worst}.`,
  }[proof.regime];
  const layers = `${enough ? "✓" : "✗"} Layers ${model.nLayers} × loops ${chosen.nLoops} = ${lastStep()} ` +
    `${enough ? "≥" : "<"} depth ${depth}.`;
  const weights = hasThreeValues && !edited ?
    "◐ The certificate is for models of two values; `circuit2tf verify` runs this one on all inputs." :
    !data.proved && !hasThreeValues ? "✗ The certificate refuses this model file." : edited ? `✗ ${edited} weight${edited > 1 ? "s" : ""} changed: the certificate no longer covers them.` : "";
  const wrong = wrongNodes();
  const state = (!data.proved && !hasThreeValues) || edited || !enough || proof.regime === "none" ? "none" : proof.regime;
  const heading = {
    exact: hasThreeValues ? "✓ The inequalities hold" : "✓ The proof holds, for every input",
    ideal: "◐ The exact proof fails, the leak bound holds",
    none: "✗ The proof fails",
  }[state];
  const verdict = find("verdict");
  verdict.className = state;
  verdict.dataset.regime = proof.regime;
  verdict.replaceChildren(element("b", {}, [heading]), ...[softmax, layers, weights, wrong].filter(Boolean)
    .map((text) => element("span", {}, [text])));
  find("temperature-label").textContent = `β = ${number(largest("W_Q") * chosen.scaleQ)}`;
  find("loops").textContent = chosen.nLoops;
  find("dtype").value = chosen.dtype;
}

function largest(name) {
  return model.tensors.get(`blocks.0.attn.${name}`).data.reduce((max, x) => Math.max(max, Math.abs(x)), 0);
}

// What is wrong after the last layer, on this input.
function wrongNodes() {
  const bits = heldAt(lastStep());
  const wrong = netlist.nodes.filter((node, id) => bits[node.position] !== derived.values[id]);
  const outputs = netlist.outputs.filter(({ node }) => wrong.includes(netlist.nodes[node]));
  if (wrong.length === 0) return "✓ On this input every node is right after the last layer.";
  const names = wrong.slice(0, 12).map((node) => node.name).join(", ") + (wrong.length > 12 ? ", …" : "");
  const out = outputs.length ? `outputs ${outputs.map(({ name }) => name).slice(0, 12).join(", ")}` : "no output";
  return `✗ On this input ${wrong.length} node${wrong.length > 1 ? "s end" : " ends"} wrong (${names}), ${out}.`;
}

function renderHalting() {
  const { trace, values, since, fixed } = derived;
  const now = marksAt(chosen.step);
  find("halting").tBodies[0].replaceChildren(...netlist.outputs.map(({ name, node }) => {
    const { position } = netlist.nodes[node];
    const ends = trace.bits.filter((_, step) => step % model.nLayers === 0).map((bits) => bits[position]);
    const lastWrong = ends.lastIndexOf(values[node] ^ 1);
    const from = lastWrong === ends.length - 1 ? "never" : lastWrong + 1;
    const known = Math.ceil(since[node] / model.nLayers);
    const mark = MARKS[now[node]];
    const cells = [name, heldAt(chosen.step)[position], known, from, `${mark.symbol} ${mark.text}`];
    return element("tr", {}, cells.map((cell) => element("td", {}, [String(cell)])));
  }));
  find("fixed").textContent = fixed === null
    ? `No fixed point within ${chosen.nLoops} loops: one more loop would change the stream.`
    : `Fixed point: after loop ${fixed}, one more changes no number of the stream.`;
  if (hasThreeValues) find("fixed").textContent += ` ${stopText()}`;
}

// When the model stops by itself: the first loop after which it knows every output.
function stopText() {
  const { known } = derived.trace;
  for (let loop = 0; loop <= chosen.nLoops; loop++) {
    const at = known[loop * model.nLayers];
    if (model.outputPositions.every((position) => at[position])) {
      return `All outputs are known after loop ${loop}: there the model stops.`;
    }
  }
  return `After ${chosen.nLoops} loops an output is not known: the model does not stop.`;
}

function renderThought() {
  const tokens = chainOfThought(netlist, chosen.bits);
  const written = chosen.tokens;
  const last = tokens[written - 1];
  const reads = last ? netlist.nodes[last.id].operands : [];
  const chip = (id, text, kind) => element("li", {
    class: `${kind}${reads.includes(id) ? " reads" : ""}${last && id === last.id ? " last" : ""}`, "data-node": id,
  }, [text]);
  const prompt = chosen.bits.map((bit, id) => chip(id, `${netlist.nodes[id].name} = ${bit}`, "prompt"));
  const thought = tokens.map(({ id, bit }, t) =>
    t < written ? chip(id, `${netlist.nodes[id].name} = ${bit}`, "token") : chip(id, netlist.nodes[id].name, "todo"));
  find("thought").replaceChildren(...prompt, ...thought);
  find("tokens").max = tokens.length;
  find("tokens").value = written;
  const now = last ? `: ${netlist.nodes[last.id].name} = ${last.bit}` : "";
  find("tokens-label").textContent = `token ${written} of ${tokens.length}${now}`;
  const depth = Math.max(0, ...netlist.nodes.map((node) => node.level));
  find("thought-note").textContent = `Looped, ${depth} layers one after the other, each for all nodes at once; ` +
    `as chain of thought ${tokens.length} tokens one after the other, a gate each. Computed from the list of ` +
    "nodes, not by a second model. Dashed: the prompt; underlined: what the last token reads.";
}

function renderNumbers() {
  const x = streamNow();
  const row = netlist.nodes[chosen.selected]?.position;
  stream.show(model.nCtx, model.dModel, (r, c) => signedCell(x[r * model.dModel + c]), row);
  const heads = Array.from({ length: model.nHeads }, (_, head) => patternNow(head));
  drawArcs(find("arcs"), netlist, order, heads, chosen.selected);
  const pattern = heads[Number(find("head").value) || 0];
  if (pattern) {
    matrix.show(model.nCtx, model.nCtx, (r, c) => ({ size: Math.sqrt(pattern[r * model.nCtx + c]), kind: "ink" }), row);
  }
  const where = `layer ${layerNow() + 1}, on the stream shown`;
  find("arc-note").textContent = `Pattern of ${where}. Arcs lead to what a position reads, head 0 above and solid, ` +
    "head 1 below and dashed, further heads in turn; thin arcs are small weights.";
}

// --- What the reader does ----------------------------------------------------------------------------

function select(id) {
  chosen.selected = id;
  renderCircuit();
  renderNumbers();
}

// Scrolls the drawing, not the page, to a node.
function centre(id) {
  const pane = find("circuit").parentElement;
  const node = drawing.nodes[id]?.group.getBoundingClientRect();
  const frame = pane.getBoundingClientRect();
  if (node) pane.scrollTop += node.top - frame.top - frame.height / 2;
}

function setBits(bits) {
  chosen.bits = bits;
  recompute();
}

function setStep(step) {
  chosen.step = Math.max(0, Math.min(lastStep(), step));
  renderControls();
  renderCircuit();
  renderHalting();
  renderNumbers();
}

function setUp() {
  const format = `${model.dtype}, ${model.causal ? "causal" : "bidirectional"}`;
  find("facts").textContent = `${netlist.nInputs} inputs, ${netlist.outputs.length} outputs, ` +
    `${netlist.nodes.length} nodes, depth ${data.depth}: ${model.nLayers} layer${model.nLayers > 1 ? "s" : ""} × ` +
    `${model.nLoops} loops, ${model.nHeads} heads, d_model ${model.dModel}, ${data.parameters} parameters, ${format}. ` +
    "The weights of the model file run in this page.";
  find("inputs").append(...netlist.nodes.slice(0, netlist.nInputs).map((node, i) => {
    const button = element("button", { type: "button", class: "port", "data-input": i }, [node.name, element("b")]);
    button.addEventListener("click", () => setBits(chosen.bits.map((bit, j) => (i === j ? 1 - bit : bit))));
    return button;
  }));
  find("outputs").append(...netlist.outputs.map(({ name }, i) =>
    element("output", { class: "port", "data-output": i }, [name, element("b")])));
  find("legend").append(...Object.values(MARKS).map(({ symbol, text }) =>
    element("span", {}, [element("b", {}, [symbol]), ` ${text}`])),
  element("span", {}, ["filled: bit 1"]));
  find("head").append(...Array.from({ length: model.nHeads }, (_, h) => element("option", { value: h }, [String(h)])));
  find("tensor").append(...[...model.tensors.keys()].filter((name) => !/^(ports|claim|scheme)\./.test(name))
    .map((name) => element("option", { value: name }, [name])));
  listen();
  listenToBreaking();
}

function listen() {
  find("step").addEventListener("input", (event) => setStep(Number(event.target.value)));
  find("tokens").addEventListener("input", (event) => {
    chosen.tokens = Number(event.target.value);
    renderThought();
  });
  find("head").addEventListener("change", renderNumbers);
  find("play").addEventListener("click", togglePlay);
  find("circuit").addEventListener("keydown", moveSelection);
  find("nodes").closest("details").addEventListener("toggle", renderCircuit);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", renderNumbers);
}

let timer = null;

function togglePlay() {
  const stop = () => {
    clearInterval(timer);
    timer = null;
    find("play").textContent = "▶";
    find("play").setAttribute("aria-label", "Play");
  };
  if (timer !== null) return stop();
  if (chosen.step >= lastStep()) setStep(0);
  find("play").textContent = "❚❚";
  find("play").setAttribute("aria-label", "Pause");
  timer = setInterval(() => {
    setStep(chosen.step + 1);
    if (chosen.step >= lastStep()) stop();
  }, 700);
  return undefined;
}

// Arrow keys: left and right along the levels, up and down within one; Enter flips an input.
function moveSelection(event) {
  const node = netlist.nodes[chosen.selected];
  if (!node) return;
  const isInput = chosen.selected < netlist.nInputs;
  if ((event.key === "Enter" || event.key === " ") && isInput) {
    event.preventDefault();
    setBits(chosen.bits.map((bit, j) => (j === chosen.selected ? 1 - bit : bit)));
    return;
  }
  const across = { ArrowLeft: -1, ArrowRight: 1 }[event.key] ?? 0;
  const along = { ArrowUp: -1, ArrowDown: 1 }[event.key] ?? 0;
  if (!across && !along) return;
  event.preventDefault();
  const row = layout.rows[chosen.selected];
  const candidates = netlist.nodes.map((other, id) => ({ id, level: other.level, off: layout.rows[id] - row }))
    .filter(({ id, level, off }) => id !== chosen.selected &&
      level === node.level + across && (!along || off * along > 0));
  candidates.sort((a, b) => Math.abs(a.off) - Math.abs(b.off) || a.id - b.id);
  if (candidates.length) {
    select(candidates[0].id);
    drawing.nodes[candidates[0].id].group.focus();
  }
}

function listenToBreaking() {
  find("temperature").addEventListener("input", (event) => {
    chosen.scaleQ = 2 ** Number(event.target.value);
    rebuild();
  });
  const loops = (by) => () => {
    chosen.nLoops = Math.max(0, chosen.nLoops + by);
    chosen.step = lastStep();
    recompute();
  };
  find("fewer").addEventListener("click", loops(-1));
  find("more").addEventListener("click", loops(1));
  find("dtype").addEventListener("change", (event) => {
    chosen.dtype = event.target.value;
    rebuild();
  });
  find("edit").addEventListener("click", () => editWeight(find("tensor").value, find("index").value));
  find("flip").addEventListener("click", flipTableRow);
  find("reset").addEventListener("click", repair);
  find("all").addEventListener("click", tryAll);
  for (const id of ["tensor", "index"]) find(id).addEventListener("input", showWeight);
}

function repair() {
  Object.assign(chosen, unbroken());
  find("temperature").value = 0;
  find("edit-label").textContent = "";
  find("all-label").textContent = "";
  rebuild();
}

// The flat index of a text such as "0, 12, 3", or null if it is none of the tensor.
function flatIndex(shape, text) {
  const indices = text.split(/[\s,]+/).filter(Boolean).map(Number);
  const fits = indices.length === shape.length && indices.every((i, axis) => Number.isInteger(i) && i >= 0 && i < shape[axis]);
  return fits ? indices.reduce((flat, i, axis) => flat * shape[axis] + i, 0) : null;
}

function showWeight() {
  const tensor = find("tensor").value;
  const { shape, data: numbers } = derived.runner.model.tensors.get(tensor);
  const index = flatIndex(shape, find("index").value);
  const limit = `${tensor} has the shape [${shape.join(", ")}]`;
  find("edit-label").textContent = index === null ? `${limit}: give ${shape.length} indices from 0` :
    `${limit}; this weight is ${number(numbers[index])}`;
  return index;
}

function editWeight(tensor) {
  const index = showWeight();
  const value = find("value").valueAsNumber;
  if (index === null || Number.isNaN(value)) return;
  change(tensor, index, value);
}

function change(tensor, index, value) {
  const before = derived.runner.model.tensors.get(tensor).data[index];
  chosen.edits = [...chosen.edits, { tensor, index, value }];
  rebuild();
  find("edit-label").textContent = `${tensor}[${index}]: ${number(before)} became ${number(value)}`;
}

// Negates, in the position embedding, the truth-table entry that the selected node looks up.
function flipTableRow() {
  const { position } = netlist.nodes[chosen.selected];
  const row = targets[0].reduce((sum, head, h) =>
    sum | (derived.values[nodeAt.get(head[position])] << h), 0);
  const channel = model.channelNames.indexOf(`table[${row}]`);
  if (channel < 0) {
    find("edit-label").textContent = "This model has no channels that are called table[…].";
    return;
  }
  const index = position * model.dModel + channel;
  change("pos_embed.W_pos", index, -derived.runner.model.tensors.get("pos_embed.W_pos").data[index]);
}

const MOST_TRIED = 1024;

// Runs all inputs, or the first 1024 numbers, and counts those with a wrong output.
async function tryAll() {
  const n = netlist.nInputs;
  const total = n <= 10 ? 2 ** n : MOST_TRIED;
  const { runner } = derived;
  let wrong = 0;
  let witness = "";
  let pause = performance.now();
  for (let number = 0; number < total; number++) {
    const bits = inputOf(number, n);
    const { outputs, known } = runner.run(bits, chosen.nLoops, false);
    const end = known[known.length - 1];
    const values = evaluate(netlist, bits);
    const isKnown = (i) => !end || end[model.outputPositions[i]];
    if (outputs.some((bit, i) => !isKnown(i) || bit !== values[netlist.outputs[i].node])) {
      wrong += 1;
      witness ||= bits.join("");
    }
    if (performance.now() - pause > 50) {
      find("all-label").textContent = `${number + 1} of ${total} inputs tried, ${wrong} wrong …`;
      await new Promise((resume) => setTimeout(resume));
      if (runner !== derived.runner) return;
      pause = performance.now();
    }
  }
  const scope = n <= 10 ? `all ${total} inputs` : `${total} of 2^${n} inputs`;
  find("all-label").textContent = wrong === 0 ? `✓ Every output is right on ${scope}.` :
    `✗ Outputs are wrong on ${wrong} of ${scope}, first on ${witness}, which is shown.`;
  if (wrong > 0) {
    setBits([...witness].map(Number));
    setStep(lastStep());
  }
}

// Spread over all inputs where there are more than are tried: a Weyl sequence of odd stride.
function inputOf(number, n) {
  if (n <= 10) return Array.from({ length: n }, (_, i) => (number >> i) & 1);
  let word = 0n;
  for (let at = 0; at < n; at += 64) word |= BigInt.asUintN(64, BigInt(number) * 0x9e3779b97f4a7c15n + BigInt(at)) << BigInt(at);
  return Array.from({ length: n }, (_, i) => Number((word >> BigInt(i)) & 1n));
}

// For tests and for the curious: the same numbers without the page.
window.explorer = {
  run(bits, changes = {}) {
    const settings = { ...unbroken(), ...changes };
    const runner = Object.keys(changes).some((key) => key !== "nLoops")
      ? makeRunner(changedModel(model, FORMATS[settings.dtype].round, settings)) : original;
    const trace = runner.run(bits, settings.nLoops, false);
    const values = evaluate(netlist, bits);
    const since = knownSince(netlist, values);
    return {
      bits: trace.bits.map((step) => step.join("")),
      holds: trace.bits.map((step, s) => held(step, trace.known[s]).join("")),
      marks: trace.bits.map((step, s) =>
        marks(netlist, step, values, since, s, trace.known[s]).map((m) => MARKS[m].symbol).join("")),
      outputs: trace.outputs.join(""),
      thought: chainOfThought(netlist, bits),
    };
  },
  // The bits alone, of many inputs: for each the bits after each layer.
  runMany: (all, nLoops = model.nLoops) =>
    all.map((bits) => original.run(bits, nLoops, false).bits.map((step) => step.join(""))),
  set: setBits,
  chosen,
  netlist,
};

setUp();
recompute();
centre(chosen.selected);
