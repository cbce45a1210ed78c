"""Exact sums, and the model file; the first part of check_certificate.py."""
import json
import numpy as np
from check_network import need

FORMATS = {"F32": (24, -126, float(np.finfo("f4").max)), "F16": (11, -14, 65504.0),
           "BF16": (8, -126, 255 * 2.0**120), "F64": (53, -1022, float(np.finfo("f8").max))}
NONE = 9999  # the unit of an empty sum
EMPTY = (0.0, 0.0, NONE)

def parse(text):
    def unique(pairs):
        need(len(dict(pairs)) == len(pairs), "no key comes twice")
        return dict(pairs)
    return json.loads(text, object_pairs_hook=unique)

# Exact sums: value, magnitudes added up, and the exponent of the lowest bit of any product.
def low(x):
    mantissa, exponent = np.frexp(x)
    whole = np.abs(mantissa * 2.0**53).astype(np.int64)
    return np.where(whole == 0, NONE, exponent - 53 + np.log2(np.maximum(whole & -whole, 1)).astype(int))

def plus(total, a, b=1.0):
    return total[0] + a * b, total[1] + abs(a * b), np.minimum(total[2], low(a) + low(b))

def fits(m, total):
    (_, size, unit), (p, q, largest) = total, m.format
    with np.errstate(over="ignore"):
        limit = np.ldexp(1.0, np.minimum(unit + p, 1100))
    inside = (size < limit) | (size == limit) & (p < 53)  # in f64 a size may have been rounded down to the limit
    return (unit >= NONE // 2) | inside & (unit >= q) & (size <= largest)

def exact(m, total, what):
    need(fits(m, total), f"{what} is exact")
    return total[0]

def read_model(data):
    m, end = type("Model", (), {}), 8 + int.from_bytes(data[:8], "little")
    need(end <= len(data) and data[8:9] == b"{", "it is a safetensors file")
    header, body = parse(data[8:end]), data[end:]
    meta = header.pop("__metadata__")
    spans = sorted(tensor["data_offsets"] for tensor in header.values())
    need([0] + [to for _, to in spans] == [start for start, _ in spans] + [len(body)], "tensors fill the file")
    for key, values in [("format", "circuit2tf"), ("act_fn", "relu"), ("normalization", "none"), ("attn_scale", "1"),
                        ("attention", "bidirectional causal"), ("d_vocab", "3"), ("d_vocab_out", "2")]:
        need(meta[key] in values.split(), key)
    known = dict.fromkeys(("recurrent", "pause", "unrolled"), "looped") | dict.fromkeys(("universal", "coconut", "cot"))
    way = known.get(meta.get("scheme", "recurrent"), meta.get("pass"))
    need(way == "looped" == meta.get("pass", "looped"), "the scheme has fixed steps")
    dtype = header["pos_embed.W_pos"]["dtype"]
    def tensor(name, *shape, dtype=dtype):
        need(header[name]["dtype"] == dtype and header[name]["shape"] == list(shape), f"the shape of {name}")
        raw = body[slice(*header[name]["data_offsets"])]
        x = np.frombuffer(raw, {"F32": "<f4", "F16": "<f2", "BF16": "<u2", "F64": "<f8", "I64": "<i8"}[dtype])
        x = (x.astype("u4") << 16).view("f4") if dtype == "BF16" else x
        need(np.isfinite(x), f"{name} is finite")
        return (x if dtype == "I64" else x.astype(float)).reshape(shape)
    d, h, t, f, n = (int(meta[key]) for key in "d_model n_heads d_head d_mlp n_ctx".split())
    parts = {"1": ["n_layers"], "2": ["n_prelude", "n_core", "n_coda"]}[meta["version"]]
    parts = [int(meta[key]) for key in parts]
    m.looped, m.d, m.h, m.t, m.f, m.n, m.format = parts[len(parts) // 2], d, h, t, f, n, FORMATS[dtype]
    m.once = sum(parts) - m.looped
    need(d > 0 and t > 0 and 1 <= h <= 8 and m.looped > 0 and min(parts) >= 0, "a model has a size")
    shapes = {"attn.W_Q": (h, d, t), "attn.b_Q": (h, t), "attn.W_K": (h, d, t), "attn.b_K": (h, t),
              "attn.W_V": (h, d, t), "attn.b_V": (h, t), "attn.W_O": (h, t, d), "attn.b_O": (d,),
              "mlp.W_in": (d, f), "mlp.b_in": (f,), "mlp.W_out": (f, d), "mlp.b_out": (d,)}
    m.blocks = [{name[-5:].split(".")[-1]: tensor(f"blocks.{l}.{name}", *shape) for name, shape in shapes.items()}
                for l in range(sum(parts))]
    m.w_e, m.w_pos = tensor("embed.W_E", 3, d), tensor("pos_embed.W_pos", n, d)
    m.w_u, m.b_u = tensor("unembed.W_U", d, 2), tensor("unembed.b_U", 2)
    m.ports = [tensor(f"ports.{p}_positions", *header[f"ports.{p}_positions"]["shape"], dtype="I64").tolist()
               for p in ("input", "output")]
    need(len(set(m.ports[0])) == len(m.ports[0]) and all(0 <= p < n for p in sum(m.ports, [])), "ports are positions")
    m.names = [parse(meta["input_names"]), parse(meta["output_names"])]
    m.visible = np.arange(n) + 1 if meta["attention"] == "causal" else np.full(n, n)
    return m
