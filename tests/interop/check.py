"""Holds `circuit2tf run` and `circuit2tf eval` against numpy (run_model.py, run_decoder.py), bit by bit.

usage: check.py [PROGRAM]               default: target/release/circuit2tf

Circuits x options x dtypes on all inputs, or 64 random ones where there are more. Two controls show
that the comparison can fail: models with one number changed must be seen to be wrong, and files full
of random numbers, whose attention is soft, must still give the bits that numpy gives, so that no part
of the forward pass goes unread. Models whose attention averages are written by tests/literal_pass.rs, each
with bounds in which every runner's numbers must lie: numpy's must. Without numpy a virtual environment is
made in target/.
"""
import collections, importlib.util, json, os, pathlib, random, subprocess, sys, tempfile, venv
from concurrent.futures import ProcessPoolExecutor

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
ENVIRONMENT = REPOSITORY / "target" / "interop-venv"

if not all(importlib.util.find_spec(name) for name in ("numpy", "ml_dtypes")):
    python = ENVIRONMENT / ("Scripts" if os.name == "nt" else "bin") / "python"
    if pathlib.Path(sys.prefix) == ENVIRONMENT:
        sys.exit("error: numpy and ml_dtypes are not there after their installation")
    venv.create(ENVIRONMENT, with_pip=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", "numpy", "ml_dtypes"], check=True)
    sys.exit(subprocess.run([python, *sys.argv]).returncode)

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the matrices are small and the processes many
import numpy as np
import check_certificate, run_decoder, run_model, run_schemes

PROGRAM = sys.argv[1] if len(sys.argv) > 1 else REPOSITORY / "target" / "release" / "circuit2tf"
DTYPES = ["f32", "f16", "bf16", "f64"]
OPTIONS = ["", "--layers 3", "--unroll", "--causal", "--heads 3", "--heads 4 --causal --layers 2"]
# Schemes whose whole sequence goes through the layers, beyond the plain loop.
SCHEMES = ["--prelude 1 --coda 2", "--prelude 2 --layers 2", "--scheme pause", "--scheme universal",
           "--scheme universal --heads 3 --layers 2"]
# Schemes that go token by token or thought by thought.
DECODERS = ["--scheme cot", "--scheme cot --vocab 16", "--scheme coconut", "--scheme coconut --layers 3"]
FAMILIES = ["parity:5", "adder:2", "majority:5", "mux:2", "decoder:3", "eq:3", "popcount:4", "hamming74",
            "sort-bitonic:4", "comparator:3", "mult:2", "crc:n=6,poly=0x13", "random:n=9,gates=30,seed=3"]
LARGE = ["aes-sbox"]  # in f32 without options only
FILES = ["circuits/spec/" + name for name in (
             "no_inputs.bench input_is_output.bench multiplexer_and_tables.bench one_operand.bench "
             "covers.blif hierarchy.blif wide_covers.blif primitives.v vectors.v").split()]
FILES += ["circuits/public/" + name for name in (
             "iscas85/c17.bench aiger/true.aag aiger/false.aag aiger/inverter.aag aiger/halfadder.aag "
             "mcnc_blif/cm82a.blif mcnc_blif/b1.blif mcnc_blif/majority.blif").split()]


def program(*arguments, lines=()):
    text = "".join(f"{line}\n" for line in lines)
    done = subprocess.run([PROGRAM, *arguments], input=text, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, arguments))}: {done.stderr.strip()}")
    return done.stdout


def compile_model(folder, circuit, options, dtype):
    model = pathlib.Path(folder) / "model.safetensors"
    program("compile", circuit, "-o", model, "--dtype", dtype, *options.split())
    return model


def assignments(circuit):
    n = json.loads(program("info", circuit, "--json"))["inputs"]
    if n <= 6:
        return [f"{number:0{n}b}" if n else "" for number in range(2**n)]
    generator = random.Random(n)
    return ["0" * n, "1" * n] + ["".join(generator.choices("01", k=n)) for _ in range(62)]


def engine(model, lines):
    return program("run", model, "--inputs", "-", lines=lines).splitlines()


def runner_of(meta):
    return {"cot": run_decoder, "coconut": run_decoder, "universal": run_schemes, "pause": run_schemes}.get(
        meta.get("scheme"), run_schemes if meta["version"] == "2" else run_model)


def numpy(model, lines):
    meta, weights = run_model.load(model)
    return [runner_of(meta).run(meta, weights, line) for line in lines]


def numbers(meta, weights, line):
    """A decoder's hidden states, else the logits."""
    if runner_of(meta) is run_decoder:
        return run_decoder.decode(meta, weights, line)[1]
    if runner_of(meta) is run_schemes:
        return run_schemes.read_out(meta, weights, line)[0]
    tokens = np.full(int(meta["n_ctx"]), 2)
    tokens[weights["ports.input_positions"]] = [int(bit) for bit in line]
    return run_model.forward(meta, weights, tokens)


def inside_of_bounds(case):
    """A model with, for each input, the bits on which all runners agree and the bounds of their numbers."""
    case = pathlib.Path(case[1])
    meta, weights = run_model.load(case.with_suffix(".safetensors"))
    for row in json.loads(case.read_text()):
        line = row["inputs"]
        bits = {"numpy": runner_of(meta).run(meta, weights, line)}
        try:
            bits["run"] = engine(case.with_suffix(".safetensors"), [line])[0]
        except RuntimeError as error:
            return str(error)
        must = row.get("must", row["bits"])
        if any(said not in ("?", bit) for bit, said in zip(bits["numpy"], must, strict=True)):
            return f"numpy gives {bits['numpy']} at {line}, and the verdict stands for {must}"
        for name, found in bits.items():
            if any(expected not in ("?", bit) for bit, expected in zip(found, row["bits"], strict=True)):
                return f"{name} gives {found} at {line}, and every runner {row['bits']}"
        if row["bounds"]:
            found = np.ravel(np.asarray(numbers(meta, weights, line), np.float64))
            # An end that is infinite is written as null.
            low, high = (np.array([sign * np.inf if x is None else x for x in column], np.float64)
                         for sign, column in zip((-1, 1), zip(*row["bounds"])))
            found = found[:len(low)]  # what follows depends on the runner
            at = np.flatnonzero(~((low <= found) & (found <= high)) & np.isfinite(low) & np.isfinite(high))
            if at.size:
                return f"numpy's numbers {at[:3]} at {line} are {found[at[:3]]}, outside of {row['bounds'][at[0]]}"
    return ""


def written_cases(folder):
    """Models whose attention averages, and mutants with verdicts, from the tests that judge the engines."""
    subprocess.run(["cargo", "test", "--release", "--quiet", "--test", "literal_pass", "--test", "verdict_attack",
                    "cases_for_numpy", "--", "--ignored"], env={**os.environ, "CIRCUIT2TF_LITERAL_CASES": folder}, check=True,
                   stdout=subprocess.DEVNULL)
    return [("averaging attention", path) for path in sorted(map(str, pathlib.Path(folder).glob("*.json")))]


def written_certificates(folder):
    """Certificates, whole and changed, of models, whole and changed, with what the program's checker says of each."""
    os.mkdir(folder)
    subprocess.run(["cargo", "test", "--release", "--quiet", "--test", "checker", "cases_for_numpy",
                    "--", "--ignored"],
                   env={**os.environ, "CIRCUIT2TF_CERTIFICATE_CASES": folder}, check=True, stdout=subprocess.DEVNULL)
    lines = (pathlib.Path(folder) / "cases.jsonl").read_text().splitlines()
    return [("certificates", lines[at:at + 50]) for at in range(0, len(lines), 50)]


def judged_alike(case):
    """Some of these, judged once more in numpy."""
    for line in map(json.loads, case[1]):
        kept, data = line["case"], bytearray(pathlib.Path(line["model"]).read_bytes())
        for at, byte in line["patch"]:
            data[at] = byte
        accepted = check_certificate.accepts(kept["certificate"], bytes(data), kept["circuit_sha256"], kept["pairing"])
        if accepted != kept["accepted"]:
            return f"{kept['kind']}: numpy {'accepts' if accepted else 'refuses'} {line}"
    return ""


def compare(case):
    """One model in its own process: what is wrong with it, or nothing."""
    circuit, options, dtype = case
    try:
        lines = assignments(circuit)
        expected = program("eval", circuit, "--inputs", "-", lines=lines).splitlines()
        with tempfile.TemporaryDirectory() as folder:
            model = compile_model(folder, circuit, options, dtype)
            answers = {"run": engine(model, lines), "numpy": numpy(model, lines)}
    except RuntimeError as error:
        return str(error)
    wrong = [f"{name} differs from eval at {line}" for name, bits in answers.items()
             for line, bit, right in zip(lines, bits, expected, strict=True) if bit != right]
    return "; ".join(wrong[:2])


def rewrite(model, change):
    """Lets `change(name, numbers)` alter the float tensors of a model file in place."""
    data = bytearray(model.read_bytes())
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    for name, tensor in sorted(header.items()):
        if name != "__metadata__" and tensor["dtype"] != "I64":
            begin, end = (start + offset for offset in tensor["data_offsets"])
            numbers = np.frombuffer(data[begin:end], run_model.DTYPES[tensor["dtype"]]).copy()
            change(name, numbers)
            data[begin:end] = numbers.tobytes()
    model.write_bytes(data)


def one_number_changed(case):
    """The model with one number negated must differ from the circuit, and run as numpy runs it."""
    tensor, options, dtype = case
    with tempfile.TemporaryDirectory() as folder:
        model = compile_model(folder, "eq:2", options, dtype)
        lines = assignments("eq:2")
        right = numpy(model, lines)

        def negate_first(name, numbers):
            if name == tensor:
                numbers[np.flatnonzero(numbers)[0]] *= -1

        rewrite(model, negate_first)
        if numpy(model, lines) == right:
            return "numpy does not see the change"
        return "" if engine(model, lines) == numpy(model, lines) else "run and numpy differ"


def random_numbers(options):
    """Files of random numbers must run as numpy runs them, and some must compute something."""
    varying, lines = 0, assignments("adder:2")
    with tempfile.TemporaryDirectory() as folder:
        model = compile_model(folder, "adder:2", " ".join(options), "f64")
        for seed in range(8):
            generator = np.random.default_rng(seed)

            def randomize(name, numbers):
                scale = 2.0 if name == "embed.W_E" else 0.2
                numbers[:] = generator.normal(0, scale, len(numbers))

            rewrite(model, randomize)
            bits = numpy(model, lines)
            varying += len(set(bits)) > 1
            if engine(model, lines) != bits:
                return f"run and numpy differ with seed {seed}"
    return "" if varying > 3 else "the outputs hardly depend on the inputs"


def main():
    circuits = FAMILIES + [name for name in FILES if os.path.isfile(name)]
    cases = [(circuit, options, dtype) for circuit in circuits for options in OPTIONS + SCHEMES + DECODERS
             for dtype in DTYPES]
    cases += [(circuit, "", "f32") for circuit in LARGE]
    tensors = ["embed.W_E", "unembed.W_U", "blocks.0.attn.W_V", "blocks.0.attn.W_O", "blocks.0.attn.b_O",
               "blocks.0.mlp.W_in", "blocks.0.mlp.b_in", "blocks.0.mlp.W_out", "blocks.0.mlp.b_out"]
    changed = [(tensor, "", dtype) for tensor in tensors for dtype in DTYPES]
    tensors = ["embed.W_E", "unembed.W_U", "blocks.0.mlp.W_out"]
    changed += [(tensor, options, dtype) for tensor in tensors for options in DECODERS for dtype in DTYPES]
    randoms = [("--layers", "1"), ("--layers", "2"), ("--causal", "--layers", "2"), ("--unroll", "--heads", "3"),
               ("--scheme", "cot", "--vocab", "4"), ("--scheme", "coconut", "--layers", "2")]

    table = collections.defaultdict(list)
    with ProcessPoolExecutor() as pool, tempfile.TemporaryDirectory() as folder:
        for title, check, these in [("", compare, cases), ("one number changed", one_number_changed, changed),
                                    ("random numbers", random_numbers, randoms),
                                    ("averaging attention", inside_of_bounds, written_cases(folder)),
                                    ("certificates", judged_alike, written_certificates(os.path.join(folder, "certificates")))]:
            for case, problem in zip(these, pool.map(check, these)):
                table[title or case[0]].append((case, problem))
    for title, rows in table.items():
        bad = [row for row in rows if row[1]]
        print(f"{title:48} {len(rows) - len(bad):4} passed {len(bad):4} failed")
        for case, problem in bad:
            print(f"    {' '.join(map(str, case[1:] if case[0] == title else case))[:200]}: {problem}")
    failed = sum(bool(problem) for rows in table.values() for _, problem in rows)
    print(f"{sum(map(len, table.values())) - failed} passed, {failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    os.chdir(REPOSITORY)
    main()
