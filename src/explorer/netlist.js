// The circuit: values by definition, three-valued knowledge, marks, halting, and the chain of thought.
//
// Nodes are in topological order, the inputs first: {name, gate, level, position, operands, rows}, where
// `rows` is a string of the value at every row of the operands, operand 0 least significant.

// The value of every node.
export function evaluate(netlist, bits) {
  const values = new Uint8Array(netlist.nodes.length);
  netlist.nodes.forEach((node, id) => {
    values[id] = id < netlist.nInputs ? bits[id] : Number(node.rows[rowOf(node, values)]);
  });
  return values;
}

function rowOf(node, values) {
  return node.operands.reduce((row, operand, h) => row | (values[operand] << h), 0);
}

// Per node the number of layers after which its value follows from the inputs, whatever gates held before:
// the least t such that the operands known after t - 1 fix it.
export function knownSince(netlist, values) {
  const since = new Uint32Array(netlist.nodes.length);
  netlist.nodes.forEach((node, id) => {
    if (node.operands.length === 0) return;
    const times = node.operands.map((operand) => since[operand]).sort((a, b) => a - b);
    since[id] = 1 + times.find((time) => isFixed(node, values, (operand) => since[operand] <= time));
  });
  return since;
}

function isFixed(node, values, known) {
  const found = new Set();
  for (let row = 0; row < node.rows.length; row++) {
    const agrees = node.operands.every((o, h) => !known(o) || ((row >> h) & 1) === values[o]);
    if (agrees) found.add(node.rows[row]);
  }
  return found.size === 1;
}

export const MARKS = {
  right: { symbol: "✓", text: "right" },
  unknown: { symbol: "?", text: "not yet known" },
  stale: { symbol: "~", text: "stale" },
  wrong: { symbol: "✗", text: "wrong" },
};

// The mark of every node after `step` layers: known and right, right by chance, stale, or wrong for good.
// A model of three values says itself what it knows: `known` is then an array by position.
export function marks(netlist, bits, values, since, step, known) {
  return netlist.nodes.map((node, id) => {
    const right = bits[node.position] === values[id];
    if (known && !known[node.position]) return since[id] <= step ? "wrong" : "unknown";
    if (known) return right ? "right" : "wrong";
    if (since[id] <= step) return right ? "right" : "wrong";
    return right ? "unknown" : "stale";
  });
}

// What each position holds, to be shown: its bit, or a dash where a model of three values knows none yet.
export function held(bits, known) {
  return Array.from(bits, (bit, position) => (known && !known[position] ? "–" : bit));
}

// The tokens a chain of thought would write: one gate after the other, each from earlier tokens.
export function chainOfThought(netlist, bits) {
  const values = evaluate(netlist, bits);
  const gates = netlist.nodes.map((_, id) => id).slice(netlist.nInputs);
  return gates.map((id) => ({ id, bit: values[id] }));
}
