"""Holds the Verilog reader against Yosys, on random modules of the subset that it accepts.

usage: verilog_yosys.py [PROGRAM [MODULES [SEED]]]      default: target/release/circuit2tf 2000 1

Modules use every operator on vectors of mixed widths and signs, parameters, instances, gate primitives,
part selects, macros and conditional text. A file holds many of them and a top with a copy of each. Yosys
reads it, flattens it and writes BLIF; the program converts it to AIGER; ABC proves both equal (`cec`), so
that nothing of the program but the reader and the AIGER writer takes part. A file that the program refuses
counts as a failure: all are in the subset.

Controls: a file in which one operator was changed for the program alone must not be found equal. The yosys
recipe in the program's own hint is run on files that it refuses, and on a plain one; what comes out must be
read, and be equal.
"""
import os, pathlib, random, re, shutil, subprocess, sys, tempfile
from concurrent.futures import ThreadPoolExecutor

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = sys.argv[1] if len(sys.argv) > 1 else REPOSITORY / "target" / "release" / "circuit2tf"
MODULES = int(sys.argv[2]) if len(sys.argv) > 2 else 2000
SEED = int(sys.argv[3]) if len(sys.argv) > 3 else 1
ABC = shutil.which("berkeley-abc")
YOSYS = shutil.which("yosys")
MODULES_IN_A_FILE = 50
INPUTS = 11  # of the top; every module reads some of them
FLOW = "proc; flatten; opt_expr; techmap; opt_clean; write_blif {}"


def call(*arguments):
    done = subprocess.run(list(map(str, arguments)), capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, arguments))[:200]}: {(done.stderr or done.stdout).strip()[-600:]}")
    return done.stdout


class Vector:
    """A declared vector: its name as written, and the indices of its range, or None for a scalar."""

    def __init__(self, name, left, right):
        self.name, self.left, self.right = name, left, right

    @staticmethod
    def random(rng, name, widest):
        width = rng.randint(1, widest)
        if width == 1 and rng.random() < 0.7:
            return Vector(name, None, None)
        low = rng.choice([0, 0, 0, 1, 3])
        ends = (low + width - 1, low)
        return Vector(name, *(ends if rng.random() < 0.8 else ends[::-1]))

    def width(self):
        return 1 if self.left is None else abs(self.left - self.right) + 1

    def range(self):
        return "" if self.left is None else f"[{self.left}:{self.right}] "

    def select(self, rng):
        """The vector, a bit or a part of it."""
        if self.left is None or rng.random() < 0.6:
            return self.name
        low, high = sorted((self.left, self.right))
        a, b = sorted((rng.randint(low, high), rng.randint(low, high)))
        kind = rng.randrange(4)
        if kind == 0:
            return f"{self.name}[{a}]"
        if kind == 1:
            return f"{self.name}[{a} +: {b - a + 1}]"
        if kind == 2:
            return f"{self.name}[{b} -: {b - a + 1}]"
        return f"{self.name}[{b}:{a}]" if self.left >= self.right else f"{self.name}[{a}:{b}]"


UNARY = ["~", "!", "-", "+", "&", "|", "^", "~&", "~|", "~^", "^~"]
BINARY = ["&", "|", "^", "~^", "^~", "&&", "||", "==", "!=", "===", "!==", "<", "<=", ">", ">=", "+", "-", "<<", ">>",
          "<<<", ">>>"]


class Expressions:
    def __init__(self, rng, vectors, parameters, macros):
        self.rng, self.vectors, self.parameters, self.macros = rng, vectors, parameters, macros

    def constant(self, sized):
        rng = self.rng
        width = rng.randint(1, 6)
        value = rng.randrange(1 << width)
        signed = rng.choice(["", "", "s"])
        kinds = [f"{width}'{signed}b{value:b}", f"{width}'{signed}h{value:x}", f"{width} '{signed}d {value}",
                 f"{width}'{signed}o{value:o}"]
        if not sized:
            kinds += [str(value), f"'{signed}h{value:x}", f"'d{value}"]
        return rng.choice(kinds)

    def leaf(self, sized):
        rng = self.rng
        draw = rng.random()
        if draw < 0.2:
            return self.constant(sized)
        if draw < 0.3 and self.parameters and not sized:
            return rng.choice(self.parameters)
        if draw < 0.36 and self.macros:
            return rng.choice(self.macros)(self.vectors)
        return rng.choice(self.vectors).select(rng)

    def any(self, depth, sized=False):
        """An expression; `sized` where no constant without a width may be an operand."""
        rng = self.rng
        if depth == 0:
            return self.leaf(sized)
        inner = lambda sized=sized: self.any(depth - 1 - (rng.random() < 0.3 and depth > 1), sized)
        draw = rng.random()
        if draw < 0.2:
            return f"{rng.choice(UNARY)}({inner()})" if rng.random() < 0.7 else f"{rng.choice(UNARY)}{self.leaf(sized)}"
        if draw < 0.62:
            operator = rng.choice(BINARY)
            right = inner()
            if "<<" in operator or ">>" in operator:
                right = rng.choice([self.rng.choice(self.vectors).select(rng), str(rng.randrange(9)), f"({right})"])
            return f"({inner()} {operator} {right})" if rng.random() < 0.8 else f"{inner()} {operator} {self.leaf(sized)}"
        if draw < 0.66:
            return f"({self.leaf(True)} * {self.leaf(True)})"
        if draw < 0.76:
            return f"({inner()} ? {inner()} : {inner()})"
        if draw < 0.86:
            items = ", ".join(self.any(depth - 1, True) for _ in range(rng.randint(1, 3)))
            return f"{{{items}}}"
        if draw < 0.92:
            return f"{{{rng.randint(1, 3)}{{{self.any(depth - 1, True)}}}}}"
        return f"{rng.choice(['$signed', '$unsigned'])}({self.any(depth - 1, sized)})"


def directives(rng, text):
    """A statement inside conditional text that lets it stand, beside another that it drops."""
    junk = "assign nowhere = ~nothing; and (oops"
    return rng.choice([
        f"`ifdef NEVER_{rng.randrange(9)}\n  {junk}\n`else\n  {text}\n`endif",
        f"`ifndef ALWAYS\n  {junk} // `endif\n`elsif ALWAYS\n  {text}\n`else\n  {junk} \"`endif\"\n`endif",
        f"`ifdef ALWAYS\n`ifdef NEVER\n {junk}\n`ifdef X\n`else\n`endif\n`else\n  {text}\n`endif\n`endif",
        f"`define T_{rng.randrange(99)} {junk}\n  {text}",
    ])


PRELUDE = """`timescale 1ns / 1ps
`define ALWAYS
`define INVERT(v) (~(v))
`define BOTH(l, r) ((l) & \\
    (r))
`define WIDTH 3
"""
MACROS = [lambda v: f"`INVERT({v[0].name})", lambda v: f"`BOTH({v[-1].name}, `INVERT({v[0].name}))",
          lambda v: "`WIDTH'd5", lambda v: "`BOTH(`WIDTH'b101, {" + v[0].name + ", 1'b1})"]


def leaf_module(rng, name):
    """A module with parameters, to be instantiated: text, ports and parameter names."""
    a, b = Vector("a", None, None), Vector("b", "W-1", 0)
    shift = rng.randrange(3)
    body = rng.choice(["a ? b : ~b", "b + K", "{W{a}} ^ b", "b - a", f"(b >> {shift}) | K", "b * K", "-b", "!b"])
    flag = rng.choice(["&b", "b == K", "^b ^ a", "b < K", "b[0]", "b[W-1] && a"])
    signed = rng.choice(["", "signed "])
    if rng.random() < 0.5:
        head = f"#(parameter W = 2, parameter [2:0] K = 1) (input a, input {signed}[W-1:0] b, output [W-1:0] y, output f);"
    else:
        head = (f"(a, b, y, f);\n  parameter W = 2;\n  parameter [2:0] K = 1;\n  input a;\n  input {signed}[W-1:0] b;\n"
                "  output [W-1:0] y;\n  output f;")
    return f"module {name} {head}\n  localparam L = W * 2 - 1;\n  wire {signed}[W:0] t = {body};\n" \
           f"  assign y = t;\n  assign f = {flag};\nendmodule\n"


def module(rng, name, leaf):
    """A module of inputs p, q, r and outputs y, z: text, and the widths of its ports."""
    widest = rng.choice([2, 3, 4])
    ports = [Vector.random(rng, port, widest) for port in ("p", "q", rng.choice(["r", "\\r[1] "]))]
    outputs = [Vector.random(rng, "y", 7), Vector.random(rng, "z", 5)]
    signed = {port.name: rng.random() < 0.4 for port in ports}
    text = []
    sign = lambda vector: "signed " if signed.get(vector.name) else ""
    parameters = ["P", "Q"]
    if rng.random() < 0.5:
        list_ = [f"input {sign(v)}{v.range()}{v.name}" for v in ports] + [f"output {v.range()}{v.name}" for v in outputs]
        head = f"module {name} ({', '.join(list_)});"
    else:
        head = f"module {name} ({', '.join(v.name for v in ports + outputs)});"
        text += [f"input {sign(v)}{v.range()}{v.name};" for v in ports] + [f"output {v.range()}{v.name};" for v in outputs]
    text.append(f"parameter P = {rng.randrange(8)};")
    text.append(f"localparam signed [{rng.randrange(1, 4)}:0] Q = {rng.randrange(-3, 9)} + P;")
    vectors = list(ports)
    expressions = lambda: Expressions(rng, vectors, parameters, MACROS)
    for k in range(rng.randrange(3)):
        wire = Vector.random(rng, f"w{k}", 5)
        kind = rng.choice(["wire", "wire signed"])
        note = rng.choice(["", "(* note = \"*) assign z = p;\", keep *) "])
        text.append(f"{note}{kind} {wire.range()}{wire.name} = {expressions().any(2)};")
        vectors.append(wire)
    if rng.random() < 0.5:
        width = rng.randint(1, 4)
        source = rng.choice([v for v in vectors])
        wires = f"wire [{width - 1}:0] u_y; wire u_f;"
        bits = f"{{{source.name}, {vectors[0].name}, 4'd6}}" if width > source.width() else source.name
        named = rng.random() < 0.5
        over = f"#(.W({width}), .K({rng.randrange(8)}))" if named else f"#({width})"
        select = expressions().any(1)
        ends = f".b({bits}), .f(u_f), .a(|({select})), .y(u_y)" if rng.random() < 0.5 else f"|({select}), {bits}, u_y, u_f"
        text.append(f"{wires}\n  {leaf} {over} u ({ends});")
        vectors += [Vector("u_y", width - 1, 0), Vector("u_f", None, None)]
    if rng.random() < 0.4:
        gate = rng.choice(["and", "or", "xor", "nand", "nor", "xnor"])
        one = lambda: f"^{rng.choice(vectors).name}"
        text.append(f"wire g; {gate} {rng.choice(['', 'G1 '])}(g, {', '.join(one() for _ in range(rng.randint(2, 4)))});")
        text.append(f"not #2 (g0, g1, g);")
        vectors += [Vector(n, None, None) for n in ("g", "g0", "g1")]
    last = f"assign y = {expressions().any(rng.randint(1, 4))};"
    text.append(directives(rng, last) if rng.random() < 0.3 else last)
    if outputs[1].width() > 1 and rng.random() < 0.3:
        left, right = outputs[1].left, outputs[1].right
        rest = f"z[{left + (-1 if left > right else 1)}:{right}]"
        text.append(f"assign {{z[{left}], {rest}}} = {expressions().any(2)};")
    else:
        text.append(f"assign z = {expressions().any(2)};")
    return head + "\n  " + "\n  ".join(text) + "\nendmodule\n", ports, outputs


def file_of_modules(seed, count):
    """Verilog text of `count` modules under a top called `whole`."""
    rng = random.Random(seed)
    text = [PRELUDE]
    ports, body = [f"input [{INPUTS - 1}:0] x"], []
    for k in range(count):
        leaf = f"leaf{k}"
        unit = leaf_module(rng, leaf)
        own, inputs, outputs = module(rng, f"m{k}", leaf)
        text += [unit, own] if f" {leaf} " in own else [own]
        start, ends = 0, []
        for vector in inputs:
            ends.append(f"x[{start + vector.width() - 1}:{start}]")
            start += rng.randint(0, vector.width()) if start + 2 * vector.width() > INPUTS - 4 else vector.width()
        for vector in outputs:
            ports.append(f"output [{vector.width() - 1}:0] m{k}_{vector.name}")
            ends.append(f"m{k}_{vector.name}")
        body.append(f"  m{k} i{k} ({', '.join(ends)});")
    text.append(f"module whole ({', '.join(ports)});\n" + "\n".join(body) + "\nendmodule\n")
    return "\n".join(text)


def by_yosys(source, written, read="hierarchy -top whole"):
    call(YOSYS, "-q", "-p", f"read_verilog {source}; {read}; {FLOW.format(written)}")
    return written


def is_equivalent(left, right):
    """Whether ABC proves the circuits equal, and what it said."""
    said = call(ABC, "-c", f"cec -n {left} {right}")
    if "Networks are equivalent" in said:
        return True, said
    if "NOT EQUIVALENT" in said:
        return False, said
    raise RuntimeError(f"cec {left} {right} says neither: {said.strip()[-400:]}")


def first_difference(text, said):
    """The module whose output ABC names."""
    output = re.search(r"Verification failed for at least 1 outputs?:\s*(\S+)", said) or re.search(r"Output (\S+):", said)
    module = re.match(r"(m\d+)_", output.group(1)) if output else None
    if not module:
        return said.strip()[-300:]
    found = re.search(rf"^module {module.group(1)} .*?^endmodule", text, re.M | re.S)
    return f"{output.group(1)} in\n{found.group(0) if found else said}"


def check_file(case):
    """What is wrong with one file, or nothing."""
    seed, count = case
    text = file_of_modules(seed, count)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        source = folder / "modules.v"
        source.write_text(text)
        try:
            call(PROGRAM, "convert", source, folder / "ours.aig")
            equal, said = is_equivalent(by_yosys(source, folder / "theirs.blif"), folder / "ours.aig")
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            return f"seed {seed}: {error}"
    return "" if equal else f"seed {seed}: {first_difference(text, said)}"


# A slip that a reader might make, as a change of the text: each turns a module into another function.
CHANGES = [("z = !p", "z = ~p"), ("~&p", "&p"), ("p == q", "p != q"), ("{2{r}}", "{r, 1'b0}"), ("`ifdef NO", "`ifndef NO"),
           ("p + q", "p - q"), (".a(q), .b(p)", ".a(p), .b(q)"), ("input signed [2:0] p", "input [2:0] p"),
           ("#(.K(3))", "#(.K(2))"), ("p >>> 1", "p >> 1"), ("p[2:1]", "p[1:0]"), ("(r && p)", "(r & p)")]
CONTROL = """module sub #(parameter K = 1) (input [2:0] a, b, output [3:0] y);
  assign y = (a + K) - (b & K);
endmodule
module whole (input signed [2:0] p, input [2:0] q, input r, output [3:0] a, b, c, d, e, f, g, h, output [3:0] i, output [2:0] z);
  assign z = !p;
  assign a = ~&p; assign b = {4{p == q}}; assign c = {2{r}}; assign d = p + q; assign e = p + 2'sb00;
  sub #(.K(3)) u (.a(q), .b(p), .y(f));
  assign g = p >>> 1; assign h = p[2:1]; assign i = {3'b0, (r && p)}
`ifdef NO
    ^ 4'd9
`endif
  ;
endmodule
"""


def check_control(change):
    """The change must be seen, and its absence must not."""
    old, new = change or ("", "")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for name, text in (("right", CONTROL), ("changed", CONTROL.replace(old, new, 1) if change else CONTROL)):
            (folder / f"{name}.v").write_text(text)
        if change and old not in CONTROL:
            return "the control's text does not hold this"
        try:
            call(PROGRAM, "convert", folder / "changed.v", folder / "ours.aig")
            theirs = by_yosys(folder / "right.v", folder / "theirs.blif")
            equal, _ = is_equivalent(theirs, folder / "ours.aig")
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            return str(error)
    return "" if equal == (change is None) else "found equal" if equal else "found different"


# What the reader refuses, with the hint that holds the recipe, and a plain file.
RECIPE_FILES = {
    "hierarchical": """module half (input a, b, output reg s, c);
  always @* begin s = a ^ b; c = a & b; end
endmodule
module whole (input [3:0] p, input q, output s, c, output reg [1:0] n);
  wire t, u, v;
  half h0 (p[0], q, t, u);
  half h1 (t, p[1], s, v);
  assign c = u | v;
  always @(*) case (p[3:2]) 2'd0: n = 2'd1; 2'd1: n = {q, p[0]}; default: n = ~p[1:0]; endcase
endmodule
""",
    "function": """module whole (input [3:0] p, output [2:0] n);
  function [2:0] count(input [3:0] v);
    integer k;
    begin count = 0; for (k = 0; k < 4; k = k + 1) count = count + v[k]; end
  endfunction
  assign n = count(p);
endmodule
""",
    "plain": """module whole (input [2:0] p, q, output [3:0] s, output e);
  assign s = p + q;
  assign e = p == q;
endmodule
""",
}


def recipe():
    """The yosys commands that the program's own hint gives."""
    done = subprocess.run([str(PROGRAM), "info", "-"], input="module m (clk);\n  always @* x = y;\nendmodule\n",
                          capture_output=True, text=True)
    found = re.search(r"in yosys: (.*)", done.stderr)
    if not found:
        raise RuntimeError(f"no recipe in {done.stderr!r}")
    return found.group(1).strip()


def check_recipe(name):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        source, gates = folder / "source.v", folder / "gates.v"
        source.write_text(RECIPE_FILES[name])
        try:
            refused = subprocess.run([str(PROGRAM), "info", str(source)], capture_output=True, text=True)
            if (refused.returncode == 0) != (name == "plain"):
                return f"the source gives {refused.stderr.strip() or 'a circuit'}"
            if name != "plain" and recipe() not in refused.stderr:
                return f"the error holds no recipe: {refused.stderr.strip()}"
            call(YOSYS, "-q", "-p", f"read_verilog {source}; {recipe()} {gates}")
            call(PROGRAM, "convert", gates, folder / "ours.aig")
            equal, said = is_equivalent(by_yosys(source, folder / "theirs.blif"), folder / "ours.aig")
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            return str(error)
    return "" if equal else said.strip()[-300:]


def main():
    missing = [name for name, path in (("berkeley-abc", ABC), ("yosys", YOSYS)) if path is None]
    if missing:
        sys.exit(f"error: {' and '.join(missing)} not found; Debian has packages of these names")
    failed = 0
    files = [(SEED * 100_000 + k, MODULES_IN_A_FILE) for k in range(-(-MODULES // MODULES_IN_A_FILE))]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for title, check, cases in [
            ("files of random modules", check_file, files),
            ("controls: a changed operator is seen", check_control, [None, *CHANGES]),
            ("the recipe of the hint", check_recipe, list(RECIPE_FILES)),
        ]:
            bad = [(case, problem) for case, problem in zip(cases, pool.map(check, cases)) if problem]
            print(f"{title:48} {len(cases) - len(bad):4} passed {len(bad):4} failed")
            for case, problem in bad:
                print(f"    {case}: {problem}")
            failed += len(bad)
    print(f"{len(files) * MODULES_IN_A_FILE} random modules, {failed} failures")
    sys.exit(failed > 0)


if __name__ == "__main__":
    os.chdir(REPOSITORY)
    main()
