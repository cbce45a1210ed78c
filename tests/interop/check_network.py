"""The network in the weights: its ports, its levels, and that it is the circuit; the last part of check_certificate.py.

Written from the sections on the circuit, levels and claims in examples/certificate.md.
"""
import collections
import numpy as np

FALSE, TRUE = -2, -1  # the constant literals; `o ^ 1` is the complement of `o`

class Refused(Exception): pass

def need(condition, what):
    if not np.all(condition):
        raise Refused(what)

def integers(value, n, low, high, what):
    need(type(value) is list and len(value) == n, f"{what} has {n} entries")
    need(all(type(x) is int and low <= x < high for x in value), f"{what} is from {low} to below {high}")
    return value

def table_over(operands, at):
    """The operands that matter, sorted, and the rows over them; FALSE is no operand."""
    kept = sorted(set(operands) - {FALSE})
    place = {operand: i for i, operand in enumerate(kept)}
    rows = [at(sum((r >> place[o] & 1) << h for h, o in enumerate(operands) if o in place)) for r in range(1 << len(kept))]
    for i in reversed(range(len(kept))):
        if all(rows[r] == rows[r ^ 1 << i] for r in range(len(rows))):
            rows = [value for r, value in enumerate(rows) if not r >> i & 1]
            del kept[i]
    return tuple(kept), tuple(rows)

def fold(nodes):
    """The circuit's normal form: what every node comes down to, and what the roots are functions of."""
    values, forms = [], []
    for i, (kind, *args) in enumerate(nodes):
        table = int(args.pop(0), 16) if kind == "lut" else 0
        operands = [values[o // 2] ^ o & 1 for o in integers(args, len(args), 0, 2 * i, "circuit.nodes")]
        negated, odd = kind in ("nand", "xnor"), 0
        if kind in ("and", "nand"):
            found, none, form = sorted(set(operands) - {TRUE}), TRUE, "and"
            if any(o ^ 1 in found for o in found) or FALSE in found:
                found, none = [], FALSE
        elif kind in ("xor", "xnor"):
            odd, times = sum(o & 1 for o in operands) & 1, collections.Counter(o & ~1 for o in operands)
            found, none, form = sorted(o for o, n in times.items() if n % 2 and o != FALSE), FALSE, "xor"
        elif kind == "lut":
            need(len(operands) <= 6 and table >> (1 << len(operands)) == 0, "tables have six operands at most")
            flips = sum((o & 1) << h for h, o in enumerate(operands))
            found, form = table_over([o & ~1 for o in operands], lambda row: table >> (row ^ flips) & 1)
            none, odd = FALSE, form[0] if len(found) < 2 else 0
        else:
            need(kind == "input" and not operands, f"{kind} is a kind of node")
            found, none, form = [], 2 * i, None
        values.append((2 * i if len(found) > 1 else [*found, none][0]) ^ odd ^ negated)
        forms.append((form, found) if len(found) > 1 else None)
    return values, forms

def paired(have, want, positions):
    places = collections.defaultdict(list)
    for name, position in zip(have, positions):
        places[name].append(position)
    return [places[name].pop(0) for name in want]

def levels_of(m, wirings, start, kept):
    """The positions that outputs depend on, operands first."""
    read, order = set(m.ports[1]), sorted((p for p in range(m.n) if kept[p] >= 0), key=lambda p: kept[p])
    for p in order:
        nodes = [wiring[p] for wiring in wirings]
        if p in m.ports[0]:
            need(kept[p] == 0 and all(node == ((p,), (0, 1)) for node in nodes), f"input {p} is latched")
            continue
        operands = {o for node in nodes for o in node[0]}
        read |= operands
        need(all(kept[o] >= 0 for o in operands), f"what position {p} reads has a level")
        stays = all(node == ((), (int(start[p]),)) for node in nodes)
        need(kept[p] == max([int(not stays), *(kept[o] + 1 for o in operands)]), f"the level of {p}")
    need(read == set(order), "levels are those of the cone")
    return order, max([kept[p] for p in m.ports[1]], default=0)

class Comparison:
    def __init__(self, m, forms, wiring, values):
        self.inputs, self.forms, self.wiring, self.values = set(m.ports[0]), forms, wiring, values

    def expand(self, node, operands, is_leaf, leaves, inner):
        """Leaves and what is above them, operands first; whether these are few."""
        if node in leaves or node in inner:
            return True
        if is_leaf(node):
            leaves.append(node)
        else:
            self.begun += 1
            if self.begun > 512 or not all(self.expand(o, operands, is_leaf, leaves, inner) for o in operands(node)):
                return False
            inner.append(node)
        return len(leaves) <= 12

    def same(self, position, goal):
        leaves, inner, nodes, self.begun = [], [], [], 0
        is_leaf = lambda p: self.values[p] is not None and (p != position or p in self.inputs)
        small = self.expand(position, lambda p: self.wiring[p][0], is_leaf, leaves, inner)
        variables, self.begun = sorted({self.values[p] // 2 for p in leaves if self.values[p] >= 0}), 0
        if small and (goal < 0 or self.expand(goal // 2, lambda n: [o // 2 for o in self.forms[n][1]],
                                              lambda n: not self.forms[n], variables, nodes)):
            return self.by_rows(leaves, inner, variables, nodes)[position] == self.words[goal // 2] ^ -(goal & 1) & self.all
        form, found = self.forms[goal // 2] if goal >= 0 and self.forms[goal // 2] else (None, [])
        if form == "and":
            self.begun = 4 * len(found) + 16
            literals = self.conjuncts(position, not goal & 1)
            return literals is not None and sorted(set(literals)) == found
        if form == "xor":
            self.begun = 4 * len(found) + 16
            literals = self.summands(position)
            times = collections.Counter(o & ~1 for o in literals or ())
            odd = sum(o & 1 for o in literals or ()) & 1
            return literals is not None and odd == goal & 1 and sorted(o for o, n in times.items() if n % 2 and o >= 0) == found
        return False

    def by_rows(self, leaves, inner, variables, nodes):
        n = len(variables)
        self.all = (1 << (1 << n)) - 1
        self.words = {FALSE // 2: 0}
        for i, variable in enumerate(variables):
            self.words[variable] = sum(1 << row for row in range(1 << n) if row >> i & 1)
        literal = lambda o: self.words[o // 2] ^ -(o & 1) & self.all
        for node in nodes:
            form, operands = self.forms[node]
            words = [literal(o) for o in operands]
            self.words[node] = self.look_up(form, words)
        positions = {p: literal(self.values[p]) for p in leaves}
        for p in inner:
            positions[p] = self.look_up(self.wiring[p][1], [positions[o] for o in self.wiring[p][0]])
        return positions

    def look_up(self, form, words):
        result = self.all if form == "and" else 0
        if form in ("and", "xor"):
            for word in words:
                result = result & word if form == "and" else result ^ word
            return result
        for row in (row for row, value in enumerate(form) if value):
            term = self.all
            for h, word in enumerate(words):
                term &= word if row >> h & 1 else ~word
            result |= term
        return result

    def conjuncts(self, position, phase):
        operands, rows = self.wiring[position]
        self.begun -= 1
        if self.begun < 0 or rows.count(phase) != 1:
            return None
        row, found = rows.index(phase), []
        for h, o in enumerate(operands):
            value = self.values[o]
            inner = self.conjuncts(o, row >> h & 1) if value is None else [value ^ 1 ^ row >> h & 1]
            if inner is None or FALSE in inner:
                return None
            found += [literal for literal in inner if literal != TRUE]
        return found

    def summands(self, position):
        operands, rows = self.wiring[position]
        self.begun -= 1
        if self.begun < 0 or any(value != rows[0] ^ row.bit_count() & 1 for row, value in enumerate(rows)):
            return None
        found = [TRUE] if rows[0] else []
        for o in operands:
            inner = self.summands(o) if self.values[o] is None else [self.values[o]]
            if inner is None:
                return None
            found += inner
        return found

def require_circuit(m, nodes, goals, wirings, order, claims):
    """Every claim on the positions in `order`, and every output, in every layer."""
    values, forms = fold(nodes)
    literal = lambda o: values[o // 2] ^ o & 1
    integers(claims, m.n, -1, 2 * len(nodes), "claims")
    need(all(claims[p] == -1 for p in set(range(m.n)) - set(order)), "claims are those of the cone")
    held = [None if claim < 0 else literal(claim) for claim in claims]
    inputs = dict(zip(m.ports[0], (i for i, node in enumerate(nodes) if node[0] == "input")))
    for p, node in inputs.items():
        need(p not in order or claims[p] == 2 * node, "the claims of inputs are these")
        held[p] = 2 * node
    for k, wiring in enumerate(wirings):
        comparison = Comparison(m, forms, wiring, held)
        for p in order:
            if p not in inputs and (k == 0 or wiring[p] != wirings[0][p]):
                need(k == 0 if held[p] is None else comparison.same(p, held[p]), f"position {p} holds its claim")
        for p, goal in zip(m.ports[1], map(literal, goals)):
            need(held[p] == goal or comparison.same(p, goal), f"the output at {p} is the circuit's")
