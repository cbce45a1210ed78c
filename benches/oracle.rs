//! The oracle's speed: gate evaluations (gates times assignments) per second on one core for random
//! netlists, by instruction set and block size, and the time of comparing two adders exhaustively.
//!
//! Random netlists have 128 inputs and as many AND as XOR gates; operands are two of all earlier nodes
//! ("uniform", hard on caches) or of the last 512 ("local"). Every gate without a reader is an output,
//! so no gate is dead. In "cached" operands are of the last 64 and one gate is an output: the state fits
//! the first-level cache and shows what the loops alone allow. Inputs are filled in and outputs read in
//! place; filling is timed.

use std::hint::black_box;
use std::time::Instant;

use circuit2tf::Result;
use circuit2tf::circuit::eval::{Comparison, Simd, Simulator, compare_exhaustively};
use circuit2tf::circuit::{Builder, Circuit, GateKind, Literal, Oracle};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const N_INPUTS: usize = 128;
const LOCAL: usize = 512;
const CACHED: usize = 64;
const REPEATS: usize = 200;

fn main() -> Result<()> {
    println!(
        "{:<18} {:>7} {:>7} {:>6} {:>8} {:>6} {:>10} {:>9}",
        "netlist", "gates", "slots", "runs", "compile", "words", "set", "1e9 g/s"
    );
    for (name, n_gates, window) in [
        ("cached", 10_000, CACHED),
        ("10k uniform", 10_000, usize::MAX),
        ("10k local", 10_000, LOCAL),
        ("100k uniform", 100_000, usize::MAX),
        ("100k local", 100_000, LOCAL),
    ] {
        report(name, &random(n_gates, window, window >= LOCAL)?)?;
    }
    for width in [8, 12] {
        compare_adders(width)?;
    }
    Ok(())
}

/// A random netlist whose gates read two of the last `window` nodes; outputs are all gates that have no
/// reader, or the last one only.
fn random(n_gates: usize, window: usize, all_outputs: bool) -> Result<Circuit> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut builder = Builder::new();
    let mut nodes: Vec<Literal> = Vec::new();
    for i in 0..N_INPUTS {
        nodes.push(builder.input(format!("x{i}"))?.into());
    }
    let mut read = vec![false; N_INPUTS + n_gates];
    for _ in 0..n_gates {
        let start = nodes.len().saturating_sub(window);
        let a = rng.random_range(start..nodes.len());
        let b =
            (a - start + rng.random_range(1..nodes.len() - start)) % (nodes.len() - start) + start;
        [read[a], read[b]] = [true, true];
        let kind = if rng.random() { GateKind::And } else { GateKind::Xor };
        nodes.push(builder.gate(kind, &[nodes[a], nodes[b]])?.into());
    }
    for (i, &node) in nodes.iter().enumerate().skip(N_INPUTS) {
        if i + 1 == nodes.len() || all_outputs && !read[i] {
            builder.output(format!("y{i}"), node)?;
        }
    }
    builder.finish()
}

/// Prints one line per instruction set and block size.
fn report(name: &str, circuit: &Circuit) -> Result<()> {
    let mut compile = f64::INFINITY;
    for _ in 0..5 {
        let start = Instant::now();
        black_box(Oracle::new(circuit)?);
        compile = compile.min(start.elapsed().as_secs_f64());
    }
    let oracle = Oracle::new(circuit)?;
    let chosen = oracle.simulator().words();
    for (simd, words) in [
        (Simd::Plain, 1),
        (Simd::Plain, chosen),
        (Simd::Avx2, chosen),
        (Simd::Avx512, 8),
        (Simd::Avx512, 16),
    ] {
        if !simd.is_available() {
            continue;
        }
        let rate = rate(&mut oracle.simulator_with(simd, words)?, oracle.n_operations());
        println!(
            "{name:<18} {:>7} {:>7} {:>6} {:>6.1}ms {:>6} {:>10} {:>9.0}",
            oracle.n_operations(),
            oracle.n_slots(),
            oracle.n_runs(),
            1e3 * compile,
            words,
            format!("{simd:?}"),
            rate / 1e9
        );
    }
    Ok(())
}

/// Gates times assignments per second, the best of many short measurements: a long one is interrupted
/// on a busy machine.
fn rate(simulator: &mut Simulator, n_gates: usize) -> f64 {
    let blocks = (1_000_000 / (n_gates * simulator.words())).max(1);
    let mut best = f64::INFINITY;
    for _ in 0..REPEATS {
        let start = Instant::now();
        for block in 0..blocks {
            simulator.block(|input, words| words.fill(black_box((input * 31 + block) as u64)));
        }
        best = best.min(start.elapsed().as_secs_f64());
        black_box(simulator.output(0).fold(0, |all, word| all ^ word));
    }
    (blocks * n_gates * simulator.words() * 64) as f64 / best
}

/// Times the exhaustive comparison of two adders of `width` and `width` bits.
fn compare_adders(width: usize) -> Result<()> {
    let [ripple, select] = [ripple_adder(width)?, select_adder(width)?];
    let [a, b] = [Oracle::new(&ripple)?, Oracle::new(&select)?];
    let mut best = f64::INFINITY;
    for _ in 0..20 {
        let start = Instant::now();
        let result = compare_exhaustively(&a, &b, &())?;
        assert_eq!(result, Comparison::Equal, "both add");
        best = best.min(start.elapsed().as_secs_f64());
    }
    println!(
        "\nripple against carry-select adder, {} inputs: {} + {} gates, all {} assignments, \
         {} threads: {:.1} ms ({:.1e} assignments/s)",
        2 * width,
        a.n_operations(),
        b.n_operations(),
        1u64 << (2 * width),
        rayon::current_num_threads(),
        1e3 * best,
        (1u64 << (2 * width)) as f64 / best
    );
    Ok(())
}

/// Two words of inputs.
fn two_words(builder: &mut Builder, width: usize) -> Result<[Vec<Literal>; 2]> {
    let mut words = [Vec::new(), Vec::new()];
    for (word, name) in words.iter_mut().zip(["a", "b"]) {
        for i in 0..width {
            word.push(builder.input(format!("{name}[{i}]"))?.into());
        }
    }
    Ok(words)
}

fn finish(mut builder: Builder, sum: &[Literal]) -> Result<Circuit> {
    for (i, &bit) in sum.iter().enumerate() {
        builder.output(format!("s[{i}]"), bit)?;
    }
    builder.finish()
}

/// A chain of full adders from two-input gates.
fn ripple_adder(width: usize) -> Result<Circuit> {
    let mut builder = Builder::new();
    let [a, b] = two_words(&mut builder, width)?;
    let mut carry: Literal = builder.constant(false)?.into();
    let mut sum = Vec::new();
    for (&a, &b) in a.iter().zip(&b) {
        let mut gate = |kind, x, y| builder.gate(kind, &[x, y]).map(Literal::from);
        let half = gate(GateKind::Xor, a, b)?;
        sum.push(gate(GateKind::Xor, half, carry)?);
        let both = gate(GateKind::And, a, b)?;
        let through = gate(GateKind::And, half, carry)?;
        carry = gate(GateKind::Or, both, through)?;
    }
    sum.push(carry);
    finish(builder, &sum)
}

/// Groups of four bits computed for carry 0 and carry 1 and selected by the carry that comes.
fn select_adder(width: usize) -> Result<Circuit> {
    let mut builder = Builder::new();
    let [a, b] = two_words(&mut builder, width)?;
    let constants = [false, true].map(|value| builder.constant(value));
    let mut carry: Literal = constants[0].clone()?.into();
    let mut sum = Vec::new();
    for (a, b) in a.chunks(4).zip(b.chunks(4)) {
        let mut cases = [Vec::new(), Vec::new()];
        for (case, constant) in cases.iter_mut().zip(&constants) {
            let mut inner: Literal = constant.clone()?.into();
            for (&a, &b) in a.iter().zip(b) {
                case.push(builder.gate(GateKind::Xor, &[a, b, inner])?.literal());
                inner = builder.gate(GateKind::Maj, &[a, b, inner])?.into();
            }
            case.push(inner);
        }
        let bits = cases[0].iter().zip(&cases[1]);
        let mut chosen = Vec::new();
        for (&without, &with) in bits {
            chosen.push(builder.gate(GateKind::Mux, &[carry, without, with])?.literal());
        }
        carry = chosen.pop().expect("a group ends with its carry");
        sum.append(&mut chosen);
    }
    sum.push(carry);
    finish(builder, &sum)
}
