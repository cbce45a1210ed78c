// The inequalities behind the proof, evaluated on the weights at hand.
//
// Exact mode: where the target's score leads every other by at least θ, the other terms of the softmax are
// exactly 0. θ is f32's for f16 and bf16 too, since a softmax may be taken in f32. Leak: else λ = 1 - weight
// of the target; the compiled MLP looks operands up rightly in ideal arithmetic while λ ≤ (s - 1) / (2 k s)
// with s = 4, k heads.

import { FORMATS } from "./arithmetic.js";

export const STEEPNESS = 4;

export function leakBound(nHeads) {
  return (STEEPNESS - 1) / (2 * nHeads * STEEPNESS);
}

// The position each head of each query should read, by layer: where the unchanged model looks.
export function findTargets(runner, bits) {
  const { model } = runner;
  const n = model.nCtx;
  const [x] = runner.run(bits, 0).streams;
  const best = (scores, i) => {
    let place = 0;
    for (let j = 1; j < (model.causal ? i + 1 : n); j++) if (scores[i * n + j] > scores[i * n + place]) place = j;
    return place;
  };
  const byLayer = new Map(runner.distinct.map((l) => [l, Array.from({ length: model.nHeads }, (_, head) => {
    const { scores } = runner.attention(x, l, head);
    return Array.from({ length: n }, (_, i) => best(scores, i));
  })]));
  return runner.firsts.map((l) => byLayer.get(l));
}

// The least lead of a target's score and the largest leak, over the layers' patterns on stream `x`.
export function measure(runner, targets, x) {
  const { model } = runner;
  const n = model.nCtx;
  const found = { gap: Infinity, leak: 0, gapAt: null, leakAt: null };
  for (const l of runner.distinct) {
    for (let head = 0; head < model.nHeads; head++) {
      const { scores } = runner.attention(x, l, head);
      for (let i = 0; i < n; i++) {
        const target = targets[l][head][i];
        let rest = 0;
        for (let j = 0; j < (model.causal ? i + 1 : n); j++) {
          if (j === target) continue;
          const lead = scores[i * n + target] - scores[i * n + j];
          if (!(lead >= found.gap)) Object.assign(found, { gap: lead, gapAt: { l, head, i } });
          rest += Math.exp(-lead);
        }
        const leak = rest === Infinity ? 1 : rest / (1 + rest);
        if (!(leak <= found.leak)) Object.assign(found, { leak, leakAt: { l, head, i } });
      }
    }
  }
  return found;
}

// What the inequalities say: "exact", "ideal" (Theorem 1 in real arithmetic) or "none". The leak bound is of
// the two-valued MLP; a universal model has another.
export function judge(found, model) {
  const { threshold } = FORMATS[model.dtype];
  const bound = leakBound(model.nHeads);
  const hasBound = model.halting === undefined;
  const regime = found.gap >= threshold ? "exact" : hasBound && found.leak <= bound ? "ideal" : "none";
  return { ...found, threshold, bound, regime };
}
