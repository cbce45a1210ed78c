// The model file: safetensors bytes become named arrays of numbers.

export function decodeBase64(text) {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

const DECODERS = {
  F32: [4, (view, at) => view.getFloat32(at, true)],
  F64: [8, (view, at) => view.getFloat64(at, true)],
  I64: [8, (view, at) => Number(view.getBigInt64(at, true))],
  BF16: [2, (view, at) => float32OfBits(view.getUint16(at, true) << 16)],
  F16: [2, (view, at) => float16OfBits(view.getUint16(at, true))],
};

function float32OfBits(bits) {
  const view = new DataView(new ArrayBuffer(4));
  view.setInt32(0, bits);
  return view.getFloat32(0);
}

function float16OfBits(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

// A model: its metadata, and tensors {shape, data} by name. `data` is a Float64Array.
export function readModel(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = Number(view.getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  const { __metadata__: metadata, ...entries } = header;
  const tensors = new Map();
  for (const [name, { dtype, shape, data_offsets: [start] }] of Object.entries(entries)) {
    const [size, decode] = DECODERS[dtype];
    const data = new Float64Array(shape.reduce((product, n) => product * n, 1));
    for (let i = 0; i < data.length; i++) data[i] = decode(view, 8 + length + start + i * size);
    tensors.set(name, { shape, data });
  }
  const number = (key) => Number(metadata[key]);
  return {
    tensors,
    dtype: entries["embed.W_E"].dtype.toLowerCase(),
    causal: metadata.attention === "causal",
    nLayers: number("n_layers"),
    nLoops: number("n_loops"),
    nHeads: number("n_heads"),
    dModel: number("d_model"),
    dHead: number("d_head"),
    dMlp: number("d_mlp"),
    nCtx: number("n_ctx"),
    channelNames: JSON.parse(metadata.channel_names),
    inputPositions: Array.from(tensors.get("ports.input_positions").data),
    // The channel that is 1 where a universal model's value is known; undefined for other schemes.
    halting: tensors.get("scheme.halting")?.data[0],
    outputPositions: Array.from(tensors.get("ports.output_positions").data),
  };
}

// The same model with some numbers changed: `scaleQ` multiplies every query (the inverse temperature),
// `edits` are {tensor, index, value}, and all numbers are rounded to the format `dtype`.
export function changedModel(model, round, { dtype, scaleQ = 1, edits = [] }) {
  const tensors = new Map();
  for (const [name, { shape, data }] of model.tensors) {
    if (name.startsWith("ports.") || name.startsWith("claim.")) {
      tensors.set(name, { shape, data });
      continue;
    }
    const factor = /\.attn\.[Wb]_Q$/.test(name) ? scaleQ : 1;
    const changed = Float64Array.from(data, (x) => x * factor);
    for (const edit of edits) if (edit.tensor === name) changed[edit.index] = edit.value;
    tensors.set(name, { shape, data: changed.map(round) });
  }
  return { ...model, dtype, tensors };
}
