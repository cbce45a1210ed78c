// The forward pass, literally: every layer of every loop, dense softmax attention, from the numbers of the
// model file and nothing else.
//
// A result of an operation is rounded to the model's format, a matrix product counting as one operation;
// sums inside are of float64. Nothing here depends on the circuit.

import { FORMATS } from "./arithmetic.js";

// rows × inner times inner × columns, plus an optional bias, rounded.
function affine(x, rows, inner, w, wStart, columns, bias, biasStart, round) {
  const result = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    const at = i * columns;
    for (let c = 0; c < inner; c++) {
      const value = x[i * inner + c];
      const from = wStart + c * columns;
      for (let j = 0; j < columns; j++) result[at + j] += value * w[from + j];
    }
    for (let j = 0; j < columns; j++) {
      const product = round(result[at + j]);
      result[at + j] = bias ? round(product + bias[biasStart + j]) : product;
    }
  }
  return result;
}

// In place: exp(x - max) / Σ exp(x - max) over the first `n` numbers from `start`, 0 in the rest.
function softmax(scores, start, n, total, round) {
  let max = -Infinity;
  for (let j = 0; j < n; j++) if (!(scores[start + j] <= max)) max = scores[start + j];
  let sum = 0;
  for (let j = 0; j < n; j++) {
    const term = round(Math.exp(round(scores[start + j] - max)));
    scores[start + j] = term;
    if (term !== 0) sum = round(sum + term);
  }
  if (sum !== 1) for (let j = 0; j < n; j++) scores[start + j] = round(scores[start + j] / sum);
  scores.fill(0, start + n, start + total);
}

export function makeRunner(model) {
  const { round } = FORMATS[model.dtype];
  const { nCtx: n, dModel: d, dHead, dMlp, nHeads } = model;
  const tensor = (name) => model.tensors.get(name).data;
  const layers = Array.from({ length: model.nLayers }, (_, l) => {
    const names = ["attn.W_Q", "attn.b_Q", "attn.W_K", "attn.b_K", "attn.W_V", "attn.b_V", "attn.W_O",
      "attn.b_O", "mlp.W_in", "mlp.b_in", "mlp.W_out", "mlp.b_out"];
    return Object.fromEntries(names.map((name) => [name.split(".")[1], tensor(`blocks.${l}.${name}`)]));
  });
  // The last pattern of each layer and head: equal queries and keys have equal patterns.
  const memory = new Map();

  function embed(bits) {
    const [tokens, positions] = [tensor("embed.W_E"), tensor("pos_embed.W_pos")];
    const token = new Array(n).fill(2);
    model.inputPositions.forEach((position, i) => { token[position] = bits[i]; });
    const x = new Float64Array(n * d);
    for (let i = 0; i < n; i++) {
      for (let c = 0; c < d; c++) x[i * d + c] = round(tokens[token[i] * d + c] + positions[i * d + c]);
    }
    return x;
  }

  const project = (x, layer, name, head) =>
    affine(x, n, d, layer[`W_${name}`], head * d * dHead, dHead, layer[`b_${name}`], head * dHead, round);

  // Scores before the softmax, [n, n]; a causal model's are kept for j ≤ i.
  function scores(x, l, head) {
    const q = project(x, layers[l], "Q", head);
    const k = project(x, layers[l], "K", head);
    const known = memory.get(`${l} ${head}`);
    if (known && same(known.q, q) && same(known.k, k)) return known;
    const s = new Float64Array(n * n);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        let sum = 0;
        for (let c = 0; c < dHead; c++) sum += q[i * dHead + c] * k[j * dHead + c];
        s[i * n + j] = round(sum);
      }
    }
    const pattern = s.slice();
    for (let i = 0; i < n; i++) softmax(pattern, i * n, model.causal ? i + 1 : n, n, round);
    const entry = { q, k, scores: s, pattern };
    memory.set(`${l} ${head}`, entry);
    return entry;
  }

  // softmax(q kᵀ) v W_O, where a zero weight adds nothing unless the value is no number.
  function headOutput(x, l, head) {
    const { pattern } = scores(x, l, head);
    const v = project(x, layers[l], "V", head);
    const plain = v.every(Number.isFinite);
    const read = new Float64Array(n * dHead);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        const weight = pattern[i * n + j];
        if (weight === 0 && plain) continue;
        for (let c = 0; c < dHead; c++) read[i * dHead + c] += weight * v[j * dHead + c];
      }
    }
    const rounded = read.map(round);
    return affine(rounded, n, dHead, layers[l].W_O, head * dHead * d, d, null, 0, round);
  }

  function layerStep(x, l) {
    const layer = layers[l];
    let sum = new Float64Array(n * d);
    for (let head = 0; head < nHeads; head++) {
      const written = headOutput(x, l, head);
      for (let i = 0; i < sum.length; i++) sum[i] = round(sum[i] + written[i]);
    }
    const middle = x.map((value, i) => round(value + round(sum[i] + layer.b_O[i % d])));
    const hidden = affine(middle, n, d, layer.W_in, 0, dMlp, layer.b_in, 0, round);
    for (let i = 0; i < hidden.length; i++) if (hidden[i] < 0) hidden[i] = 0;
    const written = affine(hidden, n, dMlp, layer.W_out, 0, d, layer.b_out, 0, round);
    return middle.map((value, i) => round(value + written[i]));
  }

  // The bit at each position: 1 iff logit 1 exceeds logit 0.
  function readBits(x) {
    const logits = affine(x, n, d, tensor("unembed.W_U"), 0, 2, tensor("unembed.b_U"), 0, round);
    return Uint8Array.from({ length: n }, (_, i) => (logits[2 * i + 1] > logits[2 * i] ? 1 : 0));
  }

  // The streams ([n, d], flat) and bits before the first layer and after each, and the outputs.
  function run(bits, nLoops, keepStreams = true) {
    let x = embed(bits);
    const trace = { bits: [readBits(x)], streams: [x], nLayers: model.nLayers };
    for (let loop = 0; loop < nLoops; loop++) {
      for (let l = 0; l < model.nLayers; l++) {
        x = layerStep(x, l);
        trace.bits.push(readBits(x));
        if (keepStreams) trace.streams.push(x);
      }
    }
    const last = trace.bits[trace.bits.length - 1];
    trace.outputs = model.outputPositions.map((position) => last[position]);
    return trace;
  }

  // The pattern of a head in layer `l` on stream `x`, and its scores, [n, n].
  const attention = (x, l, head) => scores(x, l, head);
  const once = (x) => layers.reduce((stream, _, l) => layerStep(stream, l), x);
  return { model, run, attention, once };
}

export function same(a, b) {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return a.length === b.length;
}
