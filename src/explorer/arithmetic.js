// Number formats: rounding to nearest, ties to even, and where exp underflows.
//
// A number of any format is held as a JavaScript number, which contains all of them exactly.

const pair = new DataView(new ArrayBuffer(4));

// The nearest bfloat16: the upper half of a float32.
function roundToBf16(x) {
  const single = Math.fround(x);
  if (!Number.isFinite(single)) return single;
  pair.setFloat32(0, single);
  const bits = pair.getUint32(0);
  const odd = (bits >>> 16) & 1;
  pair.setUint32(0, ((bits + 0x7fff + odd) & 0xffff0000) >>> 0);
  return pair.getFloat32(0);
}

// The nearest float16: ulps of 2^(e-10), and of 2^-24 among the subnormal numbers.
function roundToF16(x) {
  if (!Number.isFinite(x) || x === 0) return x;
  const exponent = Math.max(Math.floor(Math.log2(Math.abs(x))), -14);
  const ulp = 2 ** (exponent - 10);
  const scaled = x / ulp;
  let whole = Math.floor(scaled);
  const rest = scaled - whole;
  if (rest > 0.5 || (rest === 0.5 && whole % 2 !== 0)) whole += 1;
  const rounded = whole * ulp;
  return Math.abs(rounded) > 65504 ? Math.sign(x) * Infinity : rounded;
}

const SINGLE = { wide: Math.fround, threshold: (24 + 126) * Math.LN2 };

// Per format: rounding to it; rounding to the format that a softmax is taken in, f32 at least; and the
// threshold θ = (p - e_min) ln 2 of that one beyond which exp(-θ) rounds to zero.
export const FORMATS = {
  f32: { round: Math.fround, ...SINGLE },
  f16: { round: roundToF16, ...SINGLE },
  bf16: { round: roundToBf16, ...SINGLE },
  f64: { round: (x) => x, wide: (x) => x, threshold: (53 + 1022) * Math.LN2 },
};
