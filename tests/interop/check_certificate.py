"""Checks a kept certificate against its model file, in numpy; shares nothing with the program.

usage: check_certificate.py CERTIFICATE MODEL; exit status 0 verified, 1 refused, 3 unknown

Written from examples/certificate.md, which says what the file means and what is to be checked.
"""
import hashlib, sys
import numpy as np
from check_model import EMPTY, FORMATS, exact, fits, low, parse, plus, read_model
from check_network import Refused, integers, levels_of, need, paired, require_circuit, table_over

KEYS = "format version program model_sha256 circuit_sha256 pairing loops circuit witness"

def entries(value, keys):
    need(type(value) is dict and set(value) == set(keys.split()), f"the entries are {keys}")
    return [value[key] for key in keys.split()]

def states(m, dynamic, kept):
    """Channels and states; the static stream, which state occurs, and where positions start."""
    changes = m.w_e[0] != m.w_e[1]
    for b in m.blocks:
        changes = changes | (b["W_O"] != 0).any((0, 1)) | (b["b_O"] != 0) | (b["W_out"] != 0).any(0) | (b["b_out"] != 0)
    need(integers(dynamic, len(dynamic), 0, m.d, "dynamic") == np.flatnonzero(changes).tolist(), "dynamic channels")
    tokens = np.full(m.n, 2)
    tokens[m.ports[0]] = 0
    embed = lambda x, token: (need((x == 0) | (token == 0) | fits(m, plus(plus(EMPTY, x), token)), "x is exact"), x + token)[1]
    stream, ones = embed(m.w_pos, m.w_e[tokens]), embed(m.w_pos[m.ports[0]], m.w_e[1])
    occurs = [state is not None for state in kept]
    need(len(kept) == 2 and any(occurs) and (all(occurs) or len(m.ports[0]) == 0), "two states, or one without inputs")
    vectors = [np.array(kept[b] if occurs[b] else kept[1 - b], float) for b in (0, 1)]
    need([v.shape == (len(dynamic),) and np.isfinite(v).all() for v in vectors], "a number for each dynamic channel")
    need(not all(occurs) or (vectors[0] != vectors[1]).any(), "states differ")
    at = [(stream[:, dynamic] == v).all(1) & occurs[b] for b, v in enumerate(vectors)]
    need(at[0] | at[1], "positions start in a state")
    need(at[0][m.ports[0]], "inputs start in state 0") or need(ones[:, dynamic] == vectors[1], "and in state 1")
    need(len(m.ports[0]) > 0 or m.n == 0 or occurs == [bool(a.any()) for a in at], "states are those that occur")
    return stream, vectors, occurs, at[1]

def project(m, b, stream, dynamic, letter, h):
    weights, total = b[f"W_{letter}"][h], plus(EMPTY, np.broadcast_to(b[f"b_{letter}"][h], (m.n, m.t)))
    need(weights[dynamic] == 0, f"W_{letter} reads static channels")
    for c in np.flatnonzero(weights.any(1)):
        total = plus(total, stream[:, c, None], weights[c])
    return exact(m, total, f"a query or key of head {h}")

def attention(m, b, stream, dynamic, targets):
    """Every row is one-hot at its target; the least lead of a score."""
    need(targets < m.visible[:, None], "targets are seen")
    gap, threshold = np.inf, max(FORMATS["F32"][0] - FORMATS["F32"][1], m.format[0] - m.format[1]) * np.log(2)
    for h in range(m.h):
        keys, queries = (project(m, b, stream, dynamic, letter, h) for letter in "KQ")
        kappa, beta, signs = abs(keys[:1, 0]), abs(queries[:, 0]), keys > 0
        is_code = m.t <= 64 and (abs(keys) == kappa).all() and len({row.tobytes() for row in signs}) == m.n
        far = 4 if len(set(signs.sum(1) % 2)) == 1 else 2  # twice the least Hamming distance of two keys
        product = lambda times: (0, times * beta * kappa, low(beta) + low(kappa))
        lemma = is_code & (beta * kappa > 0) & (abs(queries) == beta[:, None]).all(1) & fits(m, product(2 * m.t))
        lemma &= ((queries > 0) == signs[targets[:, h]]).all(1) & fits(m, product(far)) & (far * beta * kappa > threshold)
        gap = min([gap, *(far * beta * kappa)[lemma]])
        for i in np.flatnonzero(~lemma):
            total = EMPTY
            for t in range(m.t):
                total = plus(total, queries[i, t], keys[:, t])
            scores = exact(m, total, "a score")
            others = np.delete(scores, targets[i, h])[:m.visible[i] - 1]
            if len(others):
                ends = np.array([others.min(), others.max()])
                lead = exact(m, plus(plus(EMPTY, scores[targets[i, h]]), -ends), "a lead")[1]
                need(lead > threshold, f"position {i}, head {h} leads")
                gap = min(gap, lead)
    return gap

def layer(m, b, frame, gap, types, tables):
    """The tables hold for every type; no leak changes a value."""
    stream, vectors, occurs, dynamic = frame
    p, q, _ = m.format
    added = []
    for h in range(m.h):
        need(np.delete(b["W_V"][h], dynamic, 0) == 0, "W_V reads dynamic channels")
        values = []
        for v in vectors:
            total = plus(EMPTY, b["b_V"][h])
            for i, c in enumerate(dynamic):
                total = plus(total, v[i], b["W_V"][h, c])
            values.append(exact(m, total, "a value"))
        added.append(values)
    pairs = [(max(x, y), v) for values in added for x, y in zip(*abs(np.array(values))) for v in (x, y)]
    for largest, v in [(1.0, 1.0), *pairs]:
        with np.errstate(divide="ignore"):
            half = (q - p) * np.log(2) if v == 0 else np.log(v) - (p + 1) * np.log(2)
            need(gap > np.log(32.0 * (m.n - 1)) + m.n / 2**23 + np.log(largest) - half, "leaks are rounded away")
    static = [c for c in np.flatnonzero(b["W_in"].any(1)) if c not in set(dynamic)]
    first = {kind: i for i, kind in reversed(list(enumerate(types)))}
    example = [first[kind] for kind in range(len(tables))]
    need(example == sorted(example) and len(first) == len(tables), "types are numbered as they come")
    need(stream[:, static] == stream[example][:, static][types], "positions are of their type")
    need(len({tuple(row) for row in stream[example][:, static] + 0.0}) == len(tables), "types differ")
    corners = [(row, old) for row in range(1 << m.h) for old in (0, 1)]
    total = plus(plus(EMPTY, np.array([vectors[old] for _, old in corners])), b["b_O"][dynamic])
    for h in range(m.h):
        for t in range(m.t):
            values = np.array([added[h][row >> h & 1][t] for row, _ in corners])
            total = plus(total, values[:, None], b["W_O"][h, t, dynamic])
    after = exact(m, total, "the stream after the heads")
    total = plus(EMPTY, np.broadcast_to(b["b_in"], (1, len(tables), m.f)))
    for c in static:
        total = plus(total, stream[example, c][:, None], b["W_in"][c])
    for i, c in enumerate(dynamic):
        total = plus(total, after[:, i, None, None], b["W_in"][c])
    hidden = np.maximum(exact(m, total, "a hidden unit"), 0)
    total = plus(plus(EMPTY, after[:, None, :]), b["b_out"][dynamic])
    for u in range(m.f):
        total = plus(total, hidden[:, :, u, None], b["W_out"][u, dynamic])
    new = exact(m, total, "the stream after the layer")
    is_state = [(new == v).all(2) & occurs[bit] for bit, v in enumerate(vectors)]
    wanted = np.array([[int(table, 16) >> row & 1 for table in tables] for row, _ in corners])
    need(np.where(wanted, is_state[1], is_state[0]), "tables are what the layer does")

def check(text, data, *about):
    """What the certificate proves of the model in these bytes; Refused if it proves nothing."""
    document = parse(text)
    form, version, _, model_sha256, circuit_sha256, pairing, loops, circuit, witness = entries(document, KEYS)
    need(not about or about == (circuit_sha256, pairing), "it is about this circuit")
    need((form, version) == ("circuit2tf certificate", "3"), "the version is 3")
    need(model_sha256 == hashlib.sha256(data).hexdigest(), "model_sha256")
    m = read_model(data)
    input_names, nodes, outputs = entries(circuit, "inputs nodes outputs")
    goals = integers([o for _, o in outputs], len(outputs), 0, 2 * len(nodes), "circuit.outputs")
    inputs = [i for i, node in enumerate(nodes) if node[0] == "input"]
    need(len(inputs) == len(input_names) == len(m.ports[0]) and len(outputs) == len(m.ports[1]), "ports")
    need(all(type(name) is str for name in input_names + [name for name, _ in outputs]), "names are text")
    need(pairing in ("name", "position"), "pairing")
    if pairing == "name":
        m.ports = [paired(*x) for x in zip(m.names, [input_names, [name for name, _ in outputs]], m.ports)]
    integers([loops], 1, 0, 2**64, "loops")
    dynamic, kept_states, kinds, layers, levels, claims = entries(witness, "dynamic states kinds layers levels claims")
    stream, vectors, occurs, start = states(m, dynamic, kept_states)
    distinct = []
    for kind, block in zip(integers(kinds, len(m.blocks), 0, len(m.blocks), "kinds"), m.blocks):
        same = [all((block[name] == other[name]).all() for name in block) for other in distinct]
        need(kind == (same.index(True) if any(same) else len(distinct)), "kinds")
        distinct += [] if any(same) else [block]
    need(len(layers) == len(distinct), "a layer for each kind")
    wirings = []
    for block, kept in zip(distinct, layers):
        targets, types, tables = entries(kept, "targets types tables")
        need(all(len(t) == ((1 << m.h) + 3) // 4 and int(t, 16) >> (1 << m.h) == 0 and f"{int(t, 16):x}".zfill(len(t)) == t
                 for t in tables), "tables")
        targets = np.array(integers(targets, m.n * m.h, 0, m.n, "targets"), int).reshape(m.n, m.h)
        integers(types, m.n, 0, len(tables), "types")
        gap = attention(m, block, stream, dynamic, targets)
        layer(m, block, (stream, vectors, occurs, dynamic), gap, types, tables)
        tables = [int(table, 16) for table in tables]
        wirings.append([table_over(row, lambda r: tables[kind] >> r & 1) for row, kind in zip(targets.tolist(), types)])
    order, depth = levels_of(m, wirings, start, integers(levels, m.n, -1, m.n + 1, "levels"))
    need(m.once + m.looped * loops >= depth, "loops")
    for bit in [bit for bit in (0, 1) if occurs[bit]]:
        after = stream[m.ports[1]]
        after[:, dynamic] = vectors[bit]
        total = plus(EMPTY, np.broadcast_to(m.b_u, (len(after), 2)))
        for c in np.flatnonzero(m.w_u.any(1)):
            total = plus(total, after[:, c, None], m.w_u[c])
        logits = exact(m, total, "a logit")
        need((logits[:, 1] > logits[:, 0]) == bit, f"state {bit} is read as {bit}")
    if claims is None:
        return "UNKNOWN", f"all but the circuit: loops>={loops} depth={depth}"
    require_circuit(m, nodes, goals, wirings, order, claims)
    return "VERIFIED", f"certificate all 2^{len(inputs)} inputs loops>={loops} depth={depth}"

FAULTS = (Refused, ArithmeticError, LookupError, RecursionError, TypeError, ValueError)

def accepts(*arguments):
    try:
        return check(*arguments)[0] == "VERIFIED"
    except FAULTS:
        return False

if __name__ == "__main__":
    try:
        certificate, model = (open(path, "rb").read() for path in sys.argv[1:])
        word, what = check(certificate, model)
        print(word, what)
        sys.exit(0 if word == "VERIFIED" else 3)
    except FAULTS as error:
        sys.exit(f"refused: {error!r}")
