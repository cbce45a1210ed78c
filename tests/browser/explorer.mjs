// The explorer's pages in headless Chromium, held against the toolkit's own answers.
//
// usage: node explorer.mjs [PROGRAM [CASE…]]     PROGRAM is circuit2tf, by default target/release/circuit2tf
// Screenshots go to target/explorer/. CHROMIUM names another browser than /usr/bin/chromium.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const program = process.argv[2] ?? join(root, "target", "release", "circuit2tf");
const pictures = join(root, "target", "explorer");
const folder = mkdtempSync(join(tmpdir(), "explorer-"));
const at = (name) => join(folder, name);

const call = (...args) => execFileSync(program, args, { encoding: "utf8", maxBuffer: 1 << 28, stdio: ["ignore", "pipe", "ignore"] });
const json = (...args) => JSON.parse(call(...args, "--json"));

const FULL_ADDER = `INPUT(a)\nINPUT(b)\nINPUT(c)\nOUTPUT(sum)\nOUTPUT(carry)
p = XOR(a, b)\nsum = XOR(p, c)\ng = AND(a, b)\nt = AND(p, c)\ncarry = OR(g, t)\n`;
// Names that would end an element, a script or a string if they were put into the page as they are.
const HOSTILE = `.model hostile\n.inputs </script><script>document.title="hacked"</script> <!-- "&'\n.outputs </svg><b>\n.names </script><script>document.title="hacked"</script> <!-- w\n11 1\n.names w "&' </svg><b>\n10 1\n01 1\n.end\n`;

const WIRE = ".model wire\n.inputs a b\n.outputs y a one\n.names b y\n1 1\n.names one\n1\n.end\n";
const CONSTANT = ".model constant\n.outputs zero one\n.names zero\n.names one\n1\n.end\n";

const CASES = [
  { name: "full-adder", circuit: "full-adder.bench", flags: ["--layers", "2"], pictured: true },
  { name: "hostile", circuit: "hostile.blif", flags: [] },
  { name: "wire", circuit: "wire.blif", flags: [] },
  { name: "constant", circuit: "constant.blif", flags: [] },
  { name: "adder-4", circuit: "adder:4", flags: [], pictured: true },
  { name: "parity-8", circuit: "parity:8", flags: ["--heads", "3"] },
  { name: "c17", circuit: join(root, "circuits", "c17.bench"), flags: ["--layers", "2", "--dtype", "bf16"] },
  { name: "mux", circuit: "mux:2", flags: ["--dtype", "f64"] },
  { name: "causal-f16", circuit: "comparator:3", flags: ["--causal", "--dtype", "f16"] },
  { name: "ten-inputs", circuit: "adder:5", flags: ["--layers", "3"] },
  { name: "universal", circuit: "and:8", flags: ["--scheme", "universal"], threeValues: true, pictured: true },
  { name: "large", circuit: "random:n=20,gates=275,seed=3", flags: [], pictured: true },
];

// All inputs of up to 8 bits, else as many as are asked for, by a linear congruential sequence.
function inputs(n, most) {
  if (n <= 8 && 2 ** n <= most) {
    return Array.from({ length: 2 ** n }, (_, i) => Array.from({ length: n }, (_, b) => (i >> b) & 1));
  }
  let word = 12345;
  const bit = () => {
    word = (Math.imul(word, 1103515245) + 12345) >>> 0;
    return (word >>> 16) & 1;
  };
  return Array.from({ length: most }, () => Array.from({ length: n }, bit));
}

const traces = new Map();

function trace(test, bits, ...flags) {
  const key = [test.name, bits.join(""), ...flags].join(" ");
  if (!traces.has(key)) {
    traces.set(key, json("trace", test.model, bits.join(""), "--circuit", test.circuit, ...flags));
  }
  return traces.get(key);
}

// Marks of the trace in the page's order of nodes, which is the toolkit's.
const marksOf = (step) => [...step.marks];

async function open(browser, test, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 1000 }, ...options });
  const page = await context.newPage();
  const trouble = [];
  page.on("console", (message) => message.type() !== "debug" && trouble.push(message.text()));
  page.on("pageerror", (error) => trouble.push(String(error)));
  page.on("request", (request) => {
    if (!/^(data:|file:.*\.html$)/.test(request.url())) trouble.push(`request ${request.url()}`);
  });
  await page.goto(pathToFileURL(test.page).href);
  await page.waitForFunction(() => window.explorer !== undefined);
  const close = async () => {
    assert.deepEqual(trouble, [], `${test.name}: console and network are silent`);
    await context.close();
  };
  return { page, close };
}

// The page's own run of the weights against the toolkit's trace of the same model file, for every input up to
// 2^10 and a sample above: the bit of every position after every layer of every loop.
async function compareBits(page, test) {
  const n = test.nInputs;
  const all = n <= 10 ? counting(n) : inputs(n, test.sampled ?? 64);
  writeFileSync(at("inputs"), all.map((bits) => `${bits.join("")}\n`).join(""));
  const expected = json("trace", test.model, "--inputs", at("inputs")).traces;
  const found = await page.evaluate((all) => window.explorer.runMany(all), all);
  assert.equal(expected.length, all.length);
  expected.forEach(({ inputs, steps }, i) => {
    assert.equal(inputs, all[i].join(""));
    assert.deepEqual(found[i], steps, `${test.name} ${inputs}: bits of all positions`);
  });
  return all.length;
}

const counting = (n) => Array.from({ length: 2 ** n }, (_, i) => Array.from({ length: n }, (_, b) => (i >> b) & 1));

// Bits, marks, outputs and the chain of thought of some inputs, against the toolkit's trace of each. What a
// model of three values does not know is what three-valued logic does not know.
async function compareRuns(page, test) {
  const all = inputs(test.nInputs, test.nInputs <= 5 ? 32 : 24);
  const found = await page.evaluate((all) => all.map((bits) => window.explorer.run(bits)), all);
  all.forEach((bits, i) => {
    const expected = trace(test, bits);
    const name = `${test.name} ${bits.join("")}`;
    assert.deepEqual(found[i].bits, expected.steps.map((step) => step.bits), `${name}: bits`);
    if (test.threeValues) compareKnowledge(found[i], expected, name);
    else assert.deepEqual(found[i].marks.map((marks) => [...marks]), expected.steps.map(marksOf), `${name}: marks`);
    assert.equal(found[i].outputs, expected.outputs, `${name}: outputs`);
    for (const { id, bit } of found[i].thought) {
      assert.equal(bit, expected.nodes[id].expected, `${name}: chain of thought, node ${id}`);
    }
    assert.equal(found[i].thought.length, expected.nodes.length - test.nInputs);
  });
  return all.length;
}

function compareKnowledge(found, expected, name) {
  expected.steps.forEach((_, step) => expected.nodes.forEach((node, id) => {
    const isKnown = node.known_since_step <= step;
    const where = `${name}: step ${step}, node ${id}`;
    assert.equal(found.holds[step][node.position], isKnown ? String(node.expected) : "–", where);
    assert.equal([...found.marks[step]][id], isKnown ? "✓" : "?", where);
  }));
}

// Outputs for every input up to 2^10, and 200 above, against the oracle.
async function compareOutputs(page, test) {
  const n = test.nInputs;
  const all = n <= 10 ? counting(n) : inputs(n, 200);
  writeFileSync(at("inputs"), all.map((bits) => `${bits.join("")}\n`).join(""));
  const expected = json("eval", test.circuit, "--inputs", at("inputs")).outputs;
  const found = await page.evaluate((all) => all.map((bits) => window.explorer.run(bits).outputs), all);
  assert.deepEqual(found, expected, `${test.name}: outputs`);
  return all.length;
}

const slide = (page, id, value) => page.locator(`#${id}`).fill(String(value));

// Everything that the page shows of one input after one number of layers.
const shown = (page) => page.evaluate(() => ({
  nodes: [...document.querySelectorAll("#circuit .node")].map((node) => ({
    position: Number(node.dataset.position), bit: node.querySelector(".bit").textContent,
    mark: node.querySelector(".mark").textContent, label: node.getAttribute("aria-label"),
  })),
  outputs: [...document.querySelectorAll("#outputs output")].map((output) => output.dataset.bit).join(""),
  table: [...document.querySelectorAll("#nodes tbody tr")].map((row) => [...row.cells].map((cell) => cell.textContent)),
}));

// Clicks the inputs, moves the slider, and reads every bit that is drawn.
async function compareDrawing(page, test) {
  await page.locator("#nodes").evaluate((table) => { table.closest("details").open = true; });
  for (const bits of inputs(test.nInputs, test.nInputs <= 3 ? 8 : 5)) {
    const buttons = page.locator("#inputs button");
    for (let i = 0; i < bits.length; i++) {
      const pressed = (await buttons.nth(i).getAttribute("aria-pressed")) === "true";
      if (pressed !== (bits[i] === 1)) await buttons.nth(i).click();
    }
    const expected = trace(test, bits);
    for (const [step, { bits: row }] of expected.steps.entries()) {
      await slide(page, "step", step);
      const now = await shown(page);
      const marks = marksOf(expected.steps[step]);
      assert.equal(now.nodes.length, expected.nodes.length);
      now.nodes.forEach((node, id) => {
        const where = `${test.name} ${bits.join("")} step ${step} node ${id}`;
        assert.equal(node.position, expected.nodes[id].position, where);
        assert.equal(node.bit, row[node.position], where);
        assert.equal(node.mark, marks[id], where);
        assert.ok(node.label.startsWith(expected.nodes[id].name), where);
        assert.deepEqual(now.table[id].slice(3, 5), [row[node.position], String(expected.nodes[id].expected)], where);
        assert.equal(now.table[id][6], String(expected.nodes[id].known_since_step), where);
      });
      const outputs = expected.output_nodes.map(({ node }) => row[expected.nodes[node].position]).join("");
      assert.equal(now.outputs, outputs);
    }
    await compareHalting(page, expected);
    await compareThought(page, test, expected);
  }
}

async function compareHalting(page, expected) {
  const rows = await page.locator("#halting tbody tr").evaluateAll((rows) =>
    rows.map((row) => [...row.cells].map((cell) => cell.textContent)));
  assert.deepEqual(rows.map((row) => [row[0], row[2]]),
    expected.output_nodes.map((output) => [output.name, String(output.known_after_loop)]));
  const fixed = await page.locator("#fixed").textContent();
  if (expected.fixed_since_loop !== null) assert.ok(fixed.includes(`after loop ${expected.fixed_since_loop},`), fixed);
}

async function compareThought(page, test, expected) {
  const n = expected.nodes.length - test.nInputs;
  await slide(page, "tokens", n);
  const tokens = await page.locator("#thought li").allTextContents();
  assert.deepEqual(tokens, expected.nodes.map((node) => `${node.name} = ${node.expected}`));
  if (n > 1) {
    await slide(page, "tokens", 1);
    const written = await page.locator("#thought li.token").allTextContents();
    assert.equal(written.length, 1, "one token is written");
    const reads = await page.locator("#thought li.reads").evaluateAll((all) => all.map((li) => Number(li.dataset.node)));
    assert.deepEqual(reads, [...expected.nodes[test.nInputs].operands].sort((a, b) => a - b));
  }
}

// What a page of a model of three values shows: dashes until a value is known, and when the model stops.
async function watchKnowledge(page, test) {
  const bits = new Array(test.nInputs).fill(1);
  await page.evaluate((bits) => window.explorer.set(bits), bits);
  const expected = trace(test, bits);
  for (let step = 0; step < expected.steps.length; step++) {
    await slide(page, "step", step);
    const now = await shown(page);
    now.nodes.forEach((node, id) => {
      const { known_since_step: since, expected: value } = expected.nodes[id];
      assert.equal(node.bit, since <= step ? String(value) : "–", `${test.name} step ${step} node ${id}`);
      assert.equal(node.mark, since <= step ? "✓" : "?");
    });
  }
  const last = Math.max(...expected.output_nodes.map((output) => output.known_after_loop));
  assert.match(await page.locator("#fixed").textContent(), new RegExp(`known after loop ${last}: there the model stops`));
  assert.match(await verdict(page), /The inequalities hold/);
  await page.locator("#fewer").click();
  assert.match(await page.locator("#fixed").textContent(), /does not stop/);
  assert.match(await verdict(page), /The proof fails/);
  await page.locator("#reset").click();
}

const regime = (page) => page.locator("#verdict").getAttribute("data-regime");
const verdict = (page) => page.locator("#verdict").textContent();

async function breakTemperature(page) {
  assert.equal(await regime(page), "exact");
  assert.match(await verdict(page), /every node is right/);
  await slide(page, "temperature", -4);
  assert.equal(await regime(page), "ideal", "gap 64 < 103.97, but next to no leak");
  assert.match(await verdict(page), /every node is right/);
  await slide(page, "temperature", -12);
  assert.equal(await regime(page), "none");
  assert.match(await verdict(page), /ends? wrong/);
  assert.ok(await page.locator(".node.wrong").count() > 0, "wrong nodes are marked");
  await page.locator("#reset").click();
  assert.equal(await regime(page), "exact");
  assert.equal(await page.locator(".node.wrong").count(), 0);
}

async function breakLoops(page, test) {
  const loops = json("info", test.model).n_loops - 1;
  await page.locator("#fewer").click();
  assert.match(await verdict(page), /< depth/);
  const all = inputs(test.nInputs, 256);
  writeFileSync(at("inputs"), all.map((bits) => `${bits.join("")}\n`).join(""));
  const oracle = json("eval", test.circuit, "--inputs", at("inputs")).outputs;
  const model = json("run", test.model, "--loops", String(loops), "--inputs", at("inputs")).outputs;
  const wrong = oracle.filter((line, i) => line !== model[i]).length;
  await page.locator("#all").click();
  await page.waitForFunction(() => /^[✓✗]/.test(document.getElementById("all-label").textContent));
  const text = await page.locator("#all-label").textContent();
  assert.ok(wrong > 0 && text.includes(`wrong on ${wrong} of all ${all.length}`), text);
  await page.locator("#reset").click();
  await page.locator("#all").click();
  await page.waitForFunction(() => /^✓ Every/.test(document.getElementById("all-label").textContent));
}

async function breakWeight(page) {
  const gate = page.locator("#circuit .node").nth(await page.evaluate(() => window.explorer.netlist.nInputs));
  await gate.click();
  await page.locator("#flip").click();
  assert.match(await verdict(page), /1 weight changed/);
  assert.match(await verdict(page), /wrong/);
  await slide(page, "step", await page.locator("#step").getAttribute("max"));
  assert.match(await gate.getAttribute("class"), /wrong/, "the node itself goes wrong");
  await page.locator("#reset").click();
  await page.locator("#tensor").selectOption("blocks.0.mlp.W_out");
  await page.locator("#index").fill("99, 99");
  assert.match(await page.locator("#edit-label").textContent(), /shape/);
  await page.locator("#tensor").selectOption("unembed.b_U");
  await page.locator("#index").fill("1");
  await page.locator("#value").fill("100");
  await page.locator("#edit").click();
  assert.match(await verdict(page), /wrong/, "every bit is read as 1");
  await page.locator("#reset").click();
}

async function breakFormat(page) {
  for (const dtype of ["f16", "bf16", "f64", "f32"]) {
    await page.locator("#dtype").selectOption(dtype);
    assert.equal(await regime(page), "exact", dtype);
    assert.match(await verdict(page), new RegExp(`\\(${dtype}\\)`));
    assert.match(await verdict(page), /every node is right/);
  }
  await page.locator("#reset").click();
}

async function useKeyboard(page) {
  await page.locator("#step").focus();
  await slide(page, "step", 0);
  await page.keyboard.press("ArrowRight");
  assert.equal(await page.locator("#step").inputValue(), "1");
  await page.locator("#inputs button").first().focus();
  const before = await page.locator("#inputs button b").first().textContent();
  await page.keyboard.press("Space");
  assert.notEqual(await page.locator("#inputs button b").first().textContent(), before);
  await page.locator("#circuit .node[tabindex='0']").focus();
  await page.keyboard.press("ArrowLeft");
  const chosen = await page.evaluate(() => document.activeElement.dataset.node);
  assert.ok(Number(chosen) < await page.evaluate(() => window.explorer.netlist.nInputs), "left of level 1 are inputs");
  await page.keyboard.press("Enter");
  assert.equal(await page.locator("#inputs button b").nth(Number(chosen)).textContent(),
    await page.locator("#circuit .node").nth(Number(chosen)).getAttribute("data-bit"));
  for (const id of ["stream", "matrix"]) {
    await page.locator(`#${id}`).focus();
    const label = page.locator(`#${id}-label`);
    const said = await label.textContent();
    await page.keyboard.press("ArrowRight");
    assert.notEqual(await label.textContent(), said, `the cursor of ${id} moves`);
  }
  const unnamed = await page.evaluate(() => [...document.querySelectorAll("button, input, select")]
    .filter((control) => !control.textContent.trim() && !control.getAttribute("aria-label") && !control.labels?.length)
    .map((control) => control.id));
  assert.deepEqual(unnamed, [], "every control has a name");
}

async function takePictures(browser, test) {
  const looks = [["light", 1440, "light"], ["dark", 1440, "dark"], ["phone", 390, "light"], ["phone-dark", 390, "dark"]];
  for (const [look, width, colorScheme] of looks) {
    const { page, close } = await open(browser, test, { viewport: { width, height: 900 }, colorScheme });
    await page.locator("#inputs button").nth(0).click();
    await page.locator("#inputs button").nth(1).click();
    await slide(page, "step", Math.ceil((await page.locator("#step").getAttribute("max")) / 2));
    const size = await page.evaluate(() => document.documentElement.scrollWidth);
    const wide = await page.evaluate((width) => [...document.querySelectorAll("body *")]
      .filter((node) => node.getBoundingClientRect().right > width && !node.closest(".scroll"))
      .map((node) => node.id || node.tagName), width);
    assert.ok(size <= width, `${test.name} is ${size} px wide at ${width}: ${wide.join(" ")}`);
    await page.screenshot({ path: join(pictures, `${test.name}-${look}.png`), fullPage: true });
    await close();
  }
}

async function check(browser, test) {
  test.model = at(`${test.name}.safetensors`);
  test.page = at(`${test.name}.html`);
  call("compile", test.circuit, "-o", test.model, ...test.flags);
  call("explore", test.model, "--circuit", test.circuit, "-o", test.page);
  const bytes = readFileSync(test.page).length;
  assert.ok(bytes < 2_000_000, `${test.name} has ${bytes} bytes`);
  test.nInputs = json("info", test.model).inputs;
  const { page, close } = await open(browser, test);
  assert.notEqual(await page.title(), "hacked");
  const compared = await compareBits(page, test);
  const traced = await compareRuns(page, test);
  const evaluated = await compareOutputs(page, test);
  if (test.threeValues) await watchKnowledge(page, test);
  else await compareDrawing(page, test);
  if (test.name === "adder-4") {
    await breakTemperature(page);
    await breakLoops(page, test);
    await breakWeight(page);
    await breakFormat(page);
    await useKeyboard(page);
  }
  await close();
  if (test.pictured) await takePictures(browser, test);
  console.log(`ok ${test.name}: ${bytes} bytes, all bits of ${compared} inputs, marks of ${traced}, outputs of ${evaluated}`);
}

mkdirSync(pictures, { recursive: true });
writeFileSync(at("full-adder.bench"), FULL_ADDER);
writeFileSync(at("hostile.blif"), HOSTILE);
writeFileSync(at("wire.blif"), WIRE);
writeFileSync(at("constant.blif"), CONSTANT);
for (const test of CASES) if (/\.(bench|blif)$/.test(test.circuit) && !test.circuit.startsWith("/")) test.circuit = at(test.circuit);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--force-prefers-reduced-motion"],
});
try {
  const wanted = process.argv.slice(3);
  for (const test of CASES) if (wanted.length === 0 || wanted.includes(test.name)) await check(browser, test);
} finally {
  await browser.close();
  rmSync(folder, { recursive: true });
}
