"""The forward pass of circuit2tf's parallel schemes in plain numpy; shares nothing with the crate.

usage: run_schemes.py MODEL < INPUTS      one bit string per line, in and out

recurrent with a prelude and a coda, pause, and universal, which stops for each input when its outputs are
known; `read_out` also tells after how many loops. Files of version 1 are also read by run_model.py.
"""
import json, sys
import ml_dtypes, numpy as np

DTYPES = {"F32": np.float32, "F16": np.float16, "F64": np.float64, "BF16": ml_dtypes.bfloat16, "I64": np.int64}

# Products are accumulated in f32 or wider and rounded once, softmax is f32 inside; f64 is its own.
wide = lambda x: x.astype(np.float64 if x.dtype == np.float64 else np.float32)
times = lambda a, b: (wide(a) @ wide(b)).astype(a.dtype)

def softmax(s):
    e = np.exp(wide(s) - wide(s).max(1, keepdims=True))
    return (e / e.sum(1, keepdims=True)).astype(s.dtype)

def load(path):
    data = open(path, "rb").read()
    n = int.from_bytes(data[:8], "little")
    header = json.loads(data[8:8 + n])
    meta = header.pop("__metadata__")
    view = lambda t: np.frombuffer(data[8 + n:], np.uint8)[slice(*t["data_offsets"])].view(DTYPES[t["dtype"]])
    return meta, {name: view(t).reshape(t["shape"]) for name, t in header.items()}

def layer(meta, w, l, x):
    b = lambda name: w[f"blocks.{l}.{name}"]
    hidden = np.triu(np.ones((len(x), len(x)), bool), 1) & (meta["attention"] == "causal")
    out = b("attn.b_O")
    for h in range(int(meta["n_heads"])):
        q, k, v = (times(x, b(f"attn.W_{c}")[h]) + b(f"attn.b_{c}")[h] for c in "QKV")
        s = times(q, k.T)
        s[hidden] = -np.inf
        out = out + times(times(softmax(s), v), b("attn.W_O")[h])
    x = x + out
    units = np.maximum(times(x, b("mlp.W_in")) + b("mlp.b_in"), 0)
    return x + (times(units, b("mlp.W_out")) + b("mlp.b_out"))

def read_out(meta, w, bits):
    """The logits of the outputs, and after how many loops they were read."""
    prelude, coda = int(meta.get("n_prelude", 0)), int(meta.get("n_coda", 0))
    core = int(meta["n_core"] if meta["version"] == "2" else meta["n_layers"])
    tokens = np.full(int(meta["n_ctx"]), 2)
    tokens[w["ports.input_positions"]] = [int(bit) for bit in bits]
    outputs, n_done = w["ports.output_positions"], 0
    x = w["embed.W_E"][tokens] + w["pos_embed.W_pos"]
    for l in range(prelude):
        x = layer(meta, w, l, x)
    for _ in range(int(meta["n_loops"])):
        if meta["scheme"] == "universal" and (x[outputs][:, w["scheme.halting"][0]] > 0.5).all():
            break
        for l in range(prelude, prelude + core):
            x = layer(meta, w, l, x)
        n_done += 1
    for l in range(prelude + core, prelude + core + coda):
        x = layer(meta, w, l, x)
    return times(x[outputs], w["unembed.W_U"]) + w["unembed.b_U"], n_done

def run(meta, w, bits):
    return "".join("1" if one > zero else "0" for zero, one in read_out(meta, w, bits)[0])

if __name__ == "__main__":
    model = load(sys.argv[1])
    for line in sys.stdin:
        print(run(*model, line.strip()))
