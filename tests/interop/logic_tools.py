"""Holds decompiled models against their circuits in ABC and Yosys.

usage: logic_tools.py [PROGRAM]         default: target/release/circuit2tf

Each model is decompiled into every format that one of the tools reads. ABC reads AIGER, bench and BLIF,
Yosys reads AIGER, BLIF and Verilog and writes what it understood as BLIF; ABC proves each equivalent to
the source (`cec`). A source that ABC can read itself goes to it untouched. Controls: of models with
one bit of a truth table changed, each in all formats, `cec` must find every one not equivalent.
"""
import collections, json, os, pathlib, re, shutil, struct, subprocess, sys, tempfile
from concurrent.futures import ThreadPoolExecutor

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = sys.argv[1] if len(sys.argv) > 1 else REPOSITORY / "target" / "release" / "circuit2tf"
ABC = shutil.which("berkeley-abc")
YOSYS = shutil.which("yosys")

DTYPES = ["f32", "bf16", "f16", "f64"]
OPTIONS = ["", "--layers 3", "--collapse 2", "--heads 3", "--causal --layers 2", "--unroll", "--heads 4 --causal",
           "--collapse 3", "--heads 6"]
FAMILIES = ["adder:8", "adder-ks:8", "parity:16", "parity-chain:9", "majority:7", "mux:3", "decoder:3", "eq:6",
            "popcount:6", "hamming74", "sort-bitonic:4", "comparator:5", "mult:4", "crc:n=6,poly=0x13",
            "random:n=9,gates=60,seed=3", "random:n=12,gates=120,seed=4", "aes-sbox"]
FILES = ["circuits/c17.bench"] + ["circuits/spec/" + name for name in (
             "input_is_output.bench multiplexer_and_tables.bench one_operand.bench covers.blif hierarchy.blif "
             "wide_covers.blif primitives.v assigns.v vectors.v full_adder.txt constants.aag").split()]
# A majority gate in bench, and a cover without lines in BLIF.
BEYOND_ABC = ["circuits/spec/multiplexer_and_tables.bench", "circuits/spec/covers.blif"]
# Names that are numbers, and inputs that are outputs: Yosys 0.23 renames and reorders such ports of AIGER.
AIGER_BEYOND_YOSYS = ["circuits/c17.bench", "circuits/spec/input_is_output.bench", "circuits/spec/constants.aag"]
MODELS_OF_A_CIRCUIT = 2
CHANGED = ["adder:4", "parity:6", "mux:2", "majority:5", "random:n=9,gates=60,seed=3"]

READ_BY_ABC = ["aig", "bench", "blif"]
YOSYS_READS = {"aag": "read_aiger -module_name top", "aig": "read_aiger -module_name top", "blif": "read_blif",
               "v": "read_verilog"}


def call(*arguments):
    done = subprocess.run(list(map(str, arguments)), capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, arguments))}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def source_for_abc(folder, circuit):
    if circuit.endswith((".bench", ".blif")) and circuit not in BEYOND_ABC:
        return REPOSITORY / circuit
    source = folder / "source.blif"
    call(PROGRAM, "convert", circuit, source)
    return source


def through_yosys(folder, extension):
    """What Yosys understood of `circuit.EXTENSION`, as BLIF."""
    written = folder / f"{extension}-by-yosys.blif"
    script = (f"{YOSYS_READS[extension]} {folder}/circuit.{extension}; hierarchy -auto-top; proc; flatten; "
              f"techmap; opt_clean; write_blif {written}")
    call(YOSYS, "-q", "-p", script)
    return written


def verdicts(folder, circuit, model):
    """ABC's verdict, equivalent or not, on each way of reading the decompiled model."""
    source = source_for_abc(folder, circuit)
    for extension in {*READ_BY_ABC, *YOSYS_READS}:
        call(PROGRAM, "decompile", model, "-o", folder / f"circuit.{extension}")
    read = {f"ABC {extension}": folder / f"circuit.{extension}" for extension in READ_BY_ABC}
    read |= {f"Yosys {extension}": through_yosys(folder, extension) for extension in YOSYS_READS
             if not (extension in ("aag", "aig") and circuit in AIGER_BEYOND_YOSYS)}
    return {name: is_equivalent(source, file) for name, file in read.items()}


def is_equivalent(source, file):
    said = call(ABC, "-c", f"cec {source} {file}")
    if re.search("is different in network", said):
        # A format or a tool has renamed a port: match ports by their order.
        said = call(ABC, "-c", f"cec -n {source} {file}")
    if re.search("Networks are equivalent", said):
        return True
    if re.search("Networks are NOT EQUIVALENT", said):
        return False
    raise RuntimeError(f"cec {source.name} {file.name} says neither: {said.strip()}")


def check_model(case):
    """What is wrong with one model, or nothing."""
    circuit, options, dtype = case
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        try:
            model = folder / "model.safetensors"
            call(PROGRAM, "compile", circuit, "-o", model, "--dtype", dtype, *options.split())
            found = verdicts(folder, circuit, model)
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            return str(error)
    return ", ".join(f"{name} is not equivalent" for name, equivalent in found.items() if not equivalent)


def change_table(model):
    """Negates one row of an output's truth table, and the negated twin, in an f32 model file."""
    data = bytearray(model.read_bytes())
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    channels = json.loads(header["__metadata__"]["channel_names"])
    first_output = start + header["ports.output_positions"]["data_offsets"][0]
    position = int.from_bytes(data[first_output:first_output + 8], "little")
    begin = start + header["pos_embed.W_pos"]["data_offsets"][0]
    for channel in ("table[0]", "not_table[0]"):
        at = begin + 4 * (position * len(channels) + channels.index(channel))
        struct.pack_into("<f", data, at, -struct.unpack_from("<f", data, at)[0])
    model.write_bytes(data)


def check_control(circuit):
    """`cec` must tell a model with a changed table from its circuit, in every format."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        try:
            model = folder / "model.safetensors"
            call(PROGRAM, "compile", circuit, "-o", model)
            change_table(model)
            found = verdicts(folder, circuit, model)
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            return str(error)
    return ", ".join(f"{name} is equivalent in spite of the change" for name, same in found.items() if same)


def cases():
    """Each circuit with a few pairs of options and dtype, in turn."""
    turn = 0
    for circuit in FAMILIES + FILES:
        for _ in range(MODELS_OF_A_CIRCUIT):
            yield circuit, OPTIONS[turn % len(OPTIONS)], DTYPES[turn % len(DTYPES)]
            turn += 1


def main():
    missing = [name for name, path in (("berkeley-abc", ABC), ("yosys", YOSYS)) if path is None]
    if missing:
        sys.exit(f"error: {' and '.join(missing)} not found; Debian has packages of these names")
    table = collections.defaultdict(list)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        these = list(cases())
        for case, problem in zip(these, pool.map(check_model, these)):
            table[case[0]].append((f"{case[1]} {case[2]}", problem))
        for circuit, problem in zip(CHANGED, pool.map(check_control, CHANGED)):
            table["one bit of a truth table changed"].append((circuit, problem))
    for title, rows in table.items():
        bad = [row for row in rows if row[1]]
        print(f"{title:48} {len(rows) - len(bad):4} passed {len(bad):4} failed")
        for case, problem in bad:
            print(f"    {case}: {problem}")
    failed = sum(bool(problem) for rows in table.values() for _, problem in rows)
    print(f"{sum(map(len, table.values())) - failed} passed, {failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    os.chdir(REPOSITORY)
    main()
