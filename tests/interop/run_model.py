"""The forward pass of a circuit2tf model file in plain numpy; shares nothing with the crate.

usage: run_model.py MODEL < INPUTS      one bit string per line, in and out
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

def forward(meta, w, tokens):
    x = w["embed.W_E"][tokens] + w["pos_embed.W_pos"]
    hidden = np.triu(np.ones((len(x), len(x)), bool), 1) & (meta["attention"] == "causal")
    for _ in range(int(meta["n_loops"])):
        for l in range(int(meta["n_layers"])):
            p = {name: w[f"blocks.{l}.{name}"] for name in
                 ("attn.W_Q attn.b_Q attn.W_K attn.b_K attn.W_V attn.b_V attn.W_O attn.b_O "
                  "mlp.W_in mlp.b_in mlp.W_out mlp.b_out").split()}
            out = p["attn.b_O"]
            for h in range(int(meta["n_heads"])):
                q, k, v = (times(x, p[f"attn.W_{c}"][h]) + p[f"attn.b_{c}"][h] for c in "QKV")
                s = times(q, k.T)
                s[hidden] = -np.inf
                out = out + times(times(softmax(s), v), p["attn.W_O"][h])
            x = x + out
            units = np.maximum(times(x, p["mlp.W_in"]) + p["mlp.b_in"], 0)
            x = x + (times(units, p["mlp.W_out"]) + p["mlp.b_out"])
    return times(x[w["ports.output_positions"]], w["unembed.W_U"]) + w["unembed.b_U"]

def run(meta, w, bits):
    tokens = np.full(int(meta["n_ctx"]), 2)
    tokens[w["ports.input_positions"]] = [int(bit) for bit in bits]
    return "".join("1" if one > zero else "0" for zero, one in forward(meta, w, tokens))

if __name__ == "__main__":
    model = load(sys.argv[1])
    for line in sys.stdin:
        print(run(*model, line.strip()))
