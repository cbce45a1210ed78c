// The inequalities behind the proof, evaluated on the weights at hand.
//
// Exact mode: where the target's score leads every other by at least θ, the other terms of the softmax are
// exactly 0. Leak: else λ = 1 - weight of the target; the compiled MLP looks operands up rightly in ideal
// arithmetic while λ ≤ (s - 1) / (2 k s) with s = 4, k heads.

import { FORMATS } from "./arithmetic.js";

export const STEEPNESS = 4;

export function leakBound(nHeads) {
  return (STEEPNESS - 1) / (2 * nHeads * STEEPNESS);
}

// The position each head of each query should read: where the unchanged model looks, on its embedding.
export function findTargets(runner, bits) {
  const { model } = runner;
  const [x] = runner.run(bits, 0).streams;
  return Array.from({ length: model.nLayers }, (_, l) =>
    Array.from({ length: model.nHeads }, (_, head) => {
      const { scores } = runner.attention(x, l, head);
      return Array.from({ length: model.nCtx }, (_, i) => {
        let best = 0;
        const end = model.causal ? i : model.nCtx - 1;
        for (let j = 1; j <= end; j++) if (scores[i * model.nCtx + j] > scores[i * model.nCtx + best]) best = j;
        return best;
      });
    }));
}

// The least lead of a target's score and the largest leak, over the layers' patterns on stream `x`.
export function measure(runner, targets, x) {
  const { model } = runner;
  const n = model.nCtx;
  const found = { gap: Infinity, leak: 0, gapAt: null, leakAt: null };
  for (let l = 0; l < model.nLayers; l++) {
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

// What the inequalities say: "exact", "ideal" (Theorem 1 in real arithmetic) or "none".
export function judge(found, model) {
  const { threshold } = FORMATS[model.dtype];
  const bound = leakBound(model.nHeads);
  const regime = found.gap >= threshold ? "exact" : found.leak <= bound ? "ideal" : "none";
  return { ...found, threshold, bound, regime };
}
