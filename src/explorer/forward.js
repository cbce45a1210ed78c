// The forward pass, literally: every layer of every loop, dense softmax attention, from the numbers of the
// model file and nothing else.
//
// A result of an operation is rounded to the model's format, a matrix product counting as one operation, a
// softmax, taken in f32 at least, as another; sums inside are of float64. A zero weight is skipped where all numbers are finite, and a pattern is kept
// while queries and keys stay the same: the same numbers, sooner. Nothing here depends on the circuit.

import { FORMATS } from "./arithmetic.js";

// The matrix inner × columns that begins at `start` of `w`: row by row its nonzero entries.
function sparse(w, start, inner, columns) {
  const dense = w.subarray(start, start + inner * columns);
  const starts = new Uint32Array(inner + 1);
  const places = [];
  const numbers = [];
  for (let c = 0; c < inner; c++) {
    for (let j = 0; j < columns; j++) {
      const weight = dense[c * columns + j];
      if (weight === 0) continue;
      places.push(j);
      numbers.push(weight);
    }
    starts[c + 1] = places.length;
  }
  return { inner, columns, dense, starts, places: Uint32Array.from(places), numbers: Float64Array.from(numbers) };
}

// x, of `rows` rows, times a matrix, plus a bias if there is one; rounded.
function affine(x, rows, m, bias, round) {
  const { inner, columns } = m;
  const result = new Float64Array(rows * columns);
  const add = allFinite(x) ? addSparse : addDense;
  for (let i = 0; i < rows; i++) add(result, i * columns, x, i * inner, m);
  for (let i = 0; i < result.length; i++) {
    const product = round(result[i]);
    result[i] = bias ? round(product + bias[i % columns]) : product;
  }
  return result;
}

function allFinite(x) {
  for (let i = 0; i < x.length; i++) if (!Number.isFinite(x[i])) return false;
  return true;
}

// A matrix times v, of `columns` columns; not rounded.
function product({ dense, starts, places, numbers }, v, n, columns) {
  const result = new Float64Array(n * columns);
  const add = (i, j, weight) => {
    for (let c = 0; c < columns; c++) result[i * columns + c] += weight * v[j * columns + c];
  };
  const plain = allFinite(v);
  for (let i = 0; i < n; i++) {
    if (plain) for (let e = starts[i]; e < starts[i + 1]; e++) add(i, places[e], numbers[e]);
    else for (let j = 0; j < n; j++) add(i, j, dense[i * n + j]);
  }
  return result;
}

function addSparse(result, at, x, from, { inner, starts, places, numbers }) {
  for (let c = 0; c < inner; c++) {
    const value = x[from + c];
    for (let e = starts[c]; e < starts[c + 1]; e++) result[at + places[e]] += value * numbers[e];
  }
}

function addDense(result, at, x, from, { inner, columns, dense }) {
  for (let c = 0; c < inner; c++) {
    for (let j = 0; j < columns; j++) result[at + j] += x[from + c] * dense[c * columns + j];
  }
}

// In place: exp(x - max) / Σ exp(x - max) over the first `n` numbers from `start`, 0 in the rest.
function softmax(scores, start, n, total, { round, wide }) {
  let max = -Infinity;
  for (let j = 0; j < n; j++) if (!(scores[start + j] <= max)) max = scores[start + j];
  let sum = 0;
  for (let j = 0; j < n; j++) {
    const term = wide(Math.exp(wide(scores[start + j] - max)));
    scores[start + j] = term;
    sum += term;
  }
  sum = wide(sum);
  for (let j = 0; j < n; j++) scores[start + j] = round(wide(scores[start + j] / sum));
  scores.fill(0, start + n, start + total);
}

export function makeRunner(model) {
  const format = FORMATS[model.dtype];
  const { round } = format;
  const { nCtx: n, dModel: d, dHead, dMlp, nHeads } = model;
  const tensor = (name) => model.tensors.get(name).data;
  const layers = Array.from({ length: model.nLayers }, (_, l) => readLayer(l));
  const unembed = sparse(tensor("unembed.W_U"), 0, d, 2);
  // The last pattern of each head of the different layers: equal queries and keys have equal patterns.
  const memory = new Map();

  function readLayer(l) {
    const get = (name) => tensor(`blocks.${l}.${name}`);
    const heads = Array.from({ length: nHeads }, (_, h) => {
      const head = { O: sparse(get("attn.W_O"), h * dHead * d, dHead, d) };
      for (const name of ["Q", "K", "V"]) {
        head[name] = sparse(get(`attn.W_${name}`), h * d * dHead, d, dHead);
        head[`b${name}`] = get(`attn.b_${name}`).subarray(h * dHead, (h + 1) * dHead);
      }
      return head;
    });
    return {
      heads,
      bO: get("attn.b_O"),
      W_in: sparse(get("mlp.W_in"), 0, d, dMlp),
      bIn: get("mlp.b_in"),
      W_out: sparse(get("mlp.W_out"), 0, dMlp, d),
      bOut: get("mlp.b_out"),
    };
  }

  // Of each layer the first with the same queries and keys.
  const firsts = layers.map((_, l) => {
    const equal = (name, other) => same(tensor(`blocks.${l}.attn.${name}`), tensor(`blocks.${other}.attn.${name}`));
    const isLike = (other) => ["W_Q", "b_Q", "W_K", "b_K"].every((name) => equal(name, other));
    return isLike(0) ? 0 : layers.findIndex((_, other) => isLike(other));
  });

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

  // Scores before the softmax and weights after it, each [n, n]; a causal model's are used for j ≤ i.
  function attention(x, l, h) {
    const head = layers[l].heads[h];
    const q = affine(x, n, head.Q, head.bQ, round);
    const k = affine(x, n, head.K, head.bK, round);
    const key = `${firsts[l]} ${h}`;
    const known = memory.get(key);
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
    for (let i = 0; i < n; i++) softmax(pattern, i * n, model.causal ? i + 1 : n, n, format);
    const entry = { q, k, scores: s, pattern, weights: sparse(pattern, 0, n, n) };
    memory.set(key, entry);
    return entry;
  }

  // softmax(q kᵀ) v W_O
  function headOutput(x, l, h) {
    const head = layers[l].heads[h];
    const { weights } = attention(x, l, h);
    const v = affine(x, n, head.V, head.bV, round);
    const read = product(weights, v, n, dHead);
    for (let i = 0; i < read.length; i++) read[i] = round(read[i]);
    return affine(read, n, head.O, null, round);
  }

  function layerStep(x, l) {
    const layer = layers[l];
    const sum = new Float64Array(n * d);
    for (let h = 0; h < nHeads; h++) {
      const written = headOutput(x, l, h);
      for (let i = 0; i < sum.length; i++) sum[i] = round(sum[i] + written[i]);
    }
    const middle = x.map((value, i) => round(value + round(sum[i] + layer.bO[i % d])));
    const hidden = affine(middle, n, layer.W_in, layer.bIn, round);
    for (let i = 0; i < hidden.length; i++) if (hidden[i] < 0) hidden[i] = 0;
    const written = affine(hidden, n, layer.W_out, layer.bOut, round);
    return middle.map((value, i) => round(value + written[i]));
  }

  // The bit at each position: 1 iff logit 1 exceeds logit 0.
  function readBits(x) {
    const logits = affine(x, n, unembed, tensor("unembed.b_U"), round);
    return Uint8Array.from({ length: n }, (_, i) => (logits[2 * i + 1] > logits[2 * i] ? 1 : 0));
  }

  // Of a universal model: where the halting channel says that the value is known. Others have no such channel.
  function readKnown(x) {
    if (model.halting === undefined) return undefined;
    return Uint8Array.from({ length: n }, (_, i) => (x[i * d + model.halting] > 0.5 ? 1 : 0));
  }

  // The streams ([n, d], flat) and bits before the first layer and after each, and the outputs.
  function run(bits, nLoops, keepStreams = true) {
    let x = embed(bits);
    const trace = { bits: [readBits(x)], known: [readKnown(x)], streams: [x], nLayers: model.nLayers };
    for (let loop = 0; loop < nLoops; loop++) {
      for (let l = 0; l < model.nLayers; l++) {
        x = layerStep(x, l);
        trace.bits.push(readBits(x));
        trace.known.push(readKnown(x));
        if (keepStreams) trace.streams.push(x);
      }
    }
    const last = trace.bits[trace.bits.length - 1];
    trace.outputs = model.outputPositions.map((position) => last[position]);
    return trace;
  }

  // The stream after one more loop.
  const once = (x) => layers.reduce((stream, _, l) => layerStep(stream, l), x);
  const distinct = [...new Set(firsts)];
  return { model, run, attention, once, distinct, firsts };
}

export function same(a, b) {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return a.length === b.length;
}
