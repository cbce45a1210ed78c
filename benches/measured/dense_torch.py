"""The forward pass of a circuit2tf model file in PyTorch on one thread, for dense.rs.

usage: dense_torch.py MODEL INPUTS LOOPS

Prints the seconds per layer for all lines of INPUTS as one batch, best of several runs in the thread's processor time, with attention
written out and with scaled_dot_product_attention, and then the output bits of each line. As in the dense
engine, the projections of all heads are one matrix.
"""
import json, sys, time
import torch

DTYPES = {"F32": torch.float32, "F16": torch.float16, "F64": torch.float64, "BF16": torch.bfloat16, "I64": torch.int64}
ENOUGH = 1.0


def load(path):
    data = open(path, "rb").read()
    n = int.from_bytes(data[:8], "little")
    header = json.loads(data[8:8 + n])
    meta = header.pop("__metadata__")
    view = lambda t: torch.frombuffer(bytearray(data[8 + n:][slice(*t["data_offsets"])]), dtype=DTYPES[t["dtype"]])
    return meta, {name: view(t).reshape(t["shape"]) for name, t in header.items() if 0 not in t["shape"]}


def written_out(q, k, v):
    return torch.softmax(q @ k.transpose(-1, -2), -1) @ v


def fused(q, k, v):
    return torch.nn.functional.scaled_dot_product_attention(q, k, v, scale=1.0)


def prepare(meta, w):
    layers = []
    for l in range(int(meta["n_layers"])):
        p = {name.split(".", 2)[2]: tensor for name, tensor in w.items() if name.startswith(f"blocks.{l}.")}
        side_by_side = [p[f"attn.W_{c}"].permute(1, 0, 2).flatten(1) for c in "QKV"]
        p["W_QKV"] = torch.cat(side_by_side, 1).contiguous()
        p["b_QKV"] = torch.cat([p[f"attn.b_{c}"].flatten() for c in "QKV"])
        p["W_O"] = p["attn.W_O"].flatten(0, 1)
        layers.append(p)
    return layers


def forward(meta, w, layers, tokens, loops, attention):
    assert meta["attention"] == "bidirectional"
    heads, d_head = int(meta["n_heads"]), int(meta["d_head"])
    x = w["embed.W_E"][tokens] + w["pos_embed.W_pos"]
    batch, n, _ = x.shape
    for _ in range(loops):
        for p in layers:
            qkv = torch.nn.functional.linear(x, p["W_QKV"].T, p["b_QKV"]).view(batch, n, 3, heads, d_head)
            q, k, v = qkv.permute(2, 0, 3, 1, 4)
            read = attention(q, k, v).transpose(1, 2).reshape(batch, n, heads * d_head)
            x = x + torch.nn.functional.linear(read, p["W_O"].T, p["attn.b_O"])
            hidden = torch.relu(torch.nn.functional.linear(x, p["mlp.W_in"].T, p["mlp.b_in"]))
            x = x + torch.nn.functional.linear(hidden, p["mlp.W_out"].T, p["mlp.b_out"])
    return x


def main(model, inputs, loops):
    torch.set_num_threads(1)
    meta, w = load(model)
    lines = open(inputs).read().split()
    tokens = torch.full((len(lines), int(meta["n_ctx"])), 2)
    tokens[:, w["ports.input_positions"]] = torch.tensor([[int(bit) for bit in line] for line in lines])
    layers = prepare(meta, w)
    seconds, bits = [], []
    with torch.inference_mode():
        for attention in (written_out, fused):
            run = lambda: forward(meta, w, layers, tokens, loops, attention)
            x = run()
            logits = x[:, w["ports.output_positions"]] @ w["unembed.W_U"] + w["unembed.b_U"]
            bits.append((logits[..., 1] > logits[..., 0]).int().tolist())
            best, start = float("inf"), time.thread_time()
            while time.thread_time() - start < ENOUGH:
                begin = time.thread_time()
                run()
                best = min(best, time.thread_time() - begin)
            seconds.append(best / (loops * len(layers)))
    assert bits[0] == bits[1], "the two kinds of attention give different bits"
    print(*seconds)
    for row in bits[0]:
        print("".join(map(str, row)))


main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
