//! The certificate under attack: corrupted models, and a judge that runs each on all inputs.
//!
//! For every mutant the judge, the reference engine, says whether the function changed; a mutant whose
//! function changed and that the certificate calls verified is a failure. What is verified is also run
//! for more loops, and with every sum in reverse order, as the certificate speaks of these too.

use circuit2tf::batch::Batch;
use circuit2tf::circuit::{Circuit, Oracle};
use circuit2tf::model::{Attention, Model, Parts};
use circuit2tf::run::{Engine, Reference};
use circuit2tf::verify::certificate::certify;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

/// A model to corrupt, and what it computes.
pub struct Subject {
    pub name: String,
    pub circuit: Circuit,
    pub model: Model,
}

/// What became of the mutants.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Matrix {
    pub mutants: usize,
    /// Mutants that compute another function at their number of loops.
    pub changed: usize,
    /// Of these, not verified.
    pub refused: usize,
    pub unchanged_verified: usize,
    pub unchanged_unknown: usize,
    /// Descriptions of mutants that were verified and are wrong.
    pub failures: Vec<String>,
}

/// What can be done to one number.
#[derive(Debug, Clone, Copy)]
pub enum Corruption {
    Negate,
    Zero,
    Up,
    Down,
    Double,
    Halve,
    SwapWithNext,
    One,
    MinusOne,
    Largest,
    Nan,
    Infinity,
    MinusInfinity,
}

pub const CORRUPTIONS: [Corruption; 13] = [
    Corruption::Negate,
    Corruption::Zero,
    Corruption::Up,
    Corruption::Down,
    Corruption::Double,
    Corruption::Halve,
    Corruption::SwapWithNext,
    Corruption::One,
    Corruption::MinusOne,
    Corruption::Largest,
    Corruption::Nan,
    Corruption::Infinity,
    Corruption::MinusInfinity,
];

/// A change of a model's parts, with its description.
struct Mutation {
    text: String,
    parts: Parts,
}

/// Attacks every subject: half of the mutants have one number corrupted, evenly spread over all numbers and
/// corruptions (all of them, if `n_mutants` suffices), the others one to three changes of any kind at random.
pub fn attack(subjects: &[Subject], n_mutants: usize) -> Matrix {
    let share = n_mutants.div_ceil(subjects.len().max(1));
    let matrices = subjects.iter().enumerate().map(|(s, subject)| {
        let oracle = truth(&subject.circuit);
        let n_sites = n_numbers(&subject.model) * CORRUPTIONS.len();
        let stride = n_sites.div_ceil(share.div_ceil(2)).max(1);
        let sites: Vec<usize> = (s % stride..n_sites).step_by(stride).collect();
        let n_random = share.saturating_sub(sites.len());
        let single = sites.par_iter().filter_map(|&site| single_number(&subject.model, site));
        let random = (0..n_random as u64).into_par_iter().map(|seed| {
            let (text, parts) = combined(&subject.model, seed);
            Mutation { text, parts }
        });
        let judged = |mutation: Mutation| judge(subject, &oracle, mutation);
        let matrix = single.map(judged).reduce(Matrix::default, Matrix::merge);
        random.map(judged).reduce(Matrix::default, Matrix::merge).merge(matrix)
    });
    matrices.fold(Matrix::default(), Matrix::merge)
}

impl Matrix {
    fn merge(mut self, other: Matrix) -> Matrix {
        self.mutants += other.mutants;
        self.changed += other.changed;
        self.refused += other.refused;
        self.unchanged_verified += other.unchanged_verified;
        self.unchanged_unknown += other.unchanged_unknown;
        self.failures.extend(other.failures);
        self
    }
}

/// All assignments and the circuit's outputs on them.
pub fn truth(circuit: &Circuit) -> (Batch, Batch) {
    let n = circuit.inputs().len();
    let inputs = Batch::counting(n, 0, 1 << n);
    let outputs = Oracle::new(circuit).unwrap().run(&inputs).unwrap();
    (inputs, outputs)
}

/// Whether the model computes the circuit after `n_loops` loops.
pub fn is_right(model: &Model, n_loops: usize, (inputs, expected): &(Batch, Batch)) -> bool {
    let got = Reference::new(model).unwrap().run(inputs, n_loops).unwrap();
    expected.first_difference(&got).is_none()
}

/// Runs the certificate and the judge on a mutant.
fn judge(subject: &Subject, truth: &(Batch, Batch), mutation: Mutation) -> Matrix {
    // Port names and shapes stay as they are, and infinities are let through: every mutant is a model.
    let model = Model::new(mutation.parts).unwrap();
    let changed = !is_right(&model, model.n_loops, truth);
    let verified = certify(&model, &subject.circuit).is_proof();
    let claimed_and_wrong = verified
        && (changed
            || [1, 2, 7].iter().any(|more| !is_right(&model, model.n_loops + more, truth))
            || !is_right(&reversed(&model), model.n_loops, truth));
    let failure = || format!("{}: {}", subject.name, mutation.text);
    Matrix {
        mutants: 1,
        changed: usize::from(changed),
        refused: usize::from(changed && !verified),
        unchanged_verified: usize::from(!changed && verified),
        unchanged_unknown: usize::from(!changed && !verified),
        failures: claimed_and_wrong.then(failure).into_iter().collect(),
    }
}

fn n_numbers(model: &Model) -> usize {
    let mut n = 0;
    let counted = model.for_each_tensor(|_, _, numbers| {
        n += numbers.len();
        Ok(())
    });
    counted.unwrap();
    n
}

/// Corruption `site % 13` of number `site / 13`, if that changes anything.
fn single_number(model: &Model, site: usize) -> Option<Mutation> {
    let corruption = CORRUPTIONS[site % CORRUPTIONS.len()];
    let mut number = site / CORRUPTIONS.len();
    let mut parts = (**model).clone();
    let (name, numbers) = tensors(&mut parts).into_iter().find(|(_, numbers)| {
        let inside = number < numbers.len();
        if !inside {
            number -= numbers.len();
        }
        inside
    })?;
    let text = corrupt(model, &name, numbers, number, corruption)?;
    Some(Mutation { text, parts })
}

/// Corrupts entry `i`; a description, if it changed.
fn corrupt(
    model: &Model,
    name: &str,
    numbers: &mut [f64],
    i: usize,
    corruption: Corruption,
) -> Option<String> {
    let before = numbers.to_vec();
    let x = numbers[i];
    let dtype = model.dtype;
    let ulp = if x == 0.0 || !x.is_finite() {
        f64::from(dtype.min_exponent() - dtype.precision() as i32 + 1).exp2()
    } else {
        (x.abs().log2().floor() - f64::from(dtype.precision()) + 1.0).exp2()
    };
    numbers[i] = dtype.round(match corruption {
        Corruption::Negate => -x,
        Corruption::Zero => 0.0,
        Corruption::Up => x + ulp,
        Corruption::Down => x - ulp,
        Corruption::Double => 2.0 * x,
        Corruption::Halve => x / 2.0,
        Corruption::SwapWithNext => x,
        Corruption::One => 1.0,
        Corruption::MinusOne => -1.0,
        Corruption::Largest => dtype.max_finite(),
        Corruption::Nan => f64::NAN,
        Corruption::Infinity => f64::INFINITY,
        Corruption::MinusInfinity => f64::NEG_INFINITY,
    });
    if let Corruption::SwapWithNext = corruption {
        let next = (i + 1) % numbers.len();
        numbers.swap(i, next);
    }
    (*numbers != before).then(|| format!("{corruption:?} {name}[{i}] of {x}"))
}

/// Every float tensor of the file.
fn tensors(parts: &mut Parts) -> Vec<(String, &mut [f64])> {
    let mut all: Vec<(String, &mut [f64])> = vec![
        ("W_E".to_string(), parts.w_e.as_slice_mut().unwrap()),
        ("W_pos".to_string(), parts.w_pos.as_slice_mut().unwrap()),
        ("W_U".to_string(), parts.w_u.as_slice_mut().unwrap()),
        ("b_U".to_string(), parts.b_u.as_slice_mut().unwrap()),
    ];
    for (l, block) in parts.blocks.iter_mut().enumerate() {
        let of_block = [
            ("W_Q", block.w_q.as_slice_mut()),
            ("W_K", block.w_k.as_slice_mut()),
            ("W_V", block.w_v.as_slice_mut()),
            ("b_Q", block.b_q.as_slice_mut()),
            ("b_K", block.b_k.as_slice_mut()),
            ("b_V", block.b_v.as_slice_mut()),
            ("W_O", block.w_o.as_slice_mut()),
            ("b_O", block.b_o.as_slice_mut()),
            ("W_in", block.w_in.as_slice_mut()),
            ("b_in", block.b_in.as_slice_mut()),
            ("W_out", block.w_out.as_slice_mut()),
            ("b_out", block.b_out.as_slice_mut()),
        ];
        all.extend(of_block.map(|(name, numbers)| (format!("{l}.{name}"), numbers.unwrap())));
    }
    all
}

/// One to three changes of any kind, and what they are.
pub fn combined(model: &Model, seed: u64) -> (String, Parts) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut parts = (**model).clone();
    let mut texts = Vec::new();
    for _ in 0..rng.random_range(1..=3) {
        texts.push(match rng.random_range(0..10) {
            0..5 => a_number(model, &mut parts, &mut rng),
            5 => a_row(&mut parts, &mut rng),
            6 => an_entry_of_a_row(&mut parts, &mut rng),
            7 => a_port(&mut parts, &mut rng),
            8 => the_claim(&mut parts, &mut rng),
            _ => the_whole(&mut parts, &mut rng),
        });
    }
    (format!("seed {seed}: {}", texts.join("; ")), parts)
}

/// Any corruption of any number, all tensors alike.
fn a_number(model: &Model, parts: &mut Parts, rng: &mut impl Rng) -> String {
    let mut all = tensors(parts);
    all.retain(|(_, numbers)| !numbers.is_empty());
    let t = rng.random_range(0..all.len());
    let (name, numbers) = &mut all[t];
    // Numbers that are not zero are few and matter more.
    let used: Vec<usize> = (0..numbers.len()).filter(|&i| numbers[i] != 0.0).collect();
    let i = if used.is_empty() || rng.random_bool(0.3) {
        rng.random_range(0..numbers.len())
    } else {
        used[rng.random_range(0..used.len())]
    };
    let corruption = CORRUPTIONS[rng.random_range(0..CORRUPTIONS.len())];
    corrupt(model, name, numbers, i, corruption).unwrap_or_else(|| "nothing".to_string())
}

/// A row of the position table written over another, or exchanged with it.
fn a_row(parts: &mut Parts, rng: &mut impl Rng) -> String {
    let n = parts.w_pos.nrows();
    let (from, to) = (rng.random_range(0..n), rng.random_range(0..n));
    let rows = [parts.w_pos.row(from).to_owned(), parts.w_pos.row(to).to_owned()];
    parts.w_pos.row_mut(to).assign(&rows[0]);
    if rng.random() {
        parts.w_pos.row_mut(from).assign(&rows[1]);
        return format!("rows {from} and {to} of W_pos exchanged");
    }
    format!("row {from} of W_pos copied to {to}")
}

/// A run of channels, such as an address or a pointer, taken from another position or another place.
fn an_entry_of_a_row(parts: &mut Parts, rng: &mut impl Rng) -> String {
    let (n, d) = parts.w_pos.dim();
    let (from, to) = (rng.random_range(0..n), rng.random_range(0..n));
    let width = rng.random_range(1..=d.min(8));
    let (a, b) = (rng.random_range(0..=d - width), rng.random_range(0..=d - width));
    let b = if rng.random_bool(0.7) { a } else { b };
    for c in 0..width {
        parts.w_pos[[to, b + c]] = parts.w_pos[[from, a + c]];
    }
    format!("{width} numbers of W_pos from {from}, {a} to {to}, {b}")
}

fn a_port(parts: &mut Parts, rng: &mut impl Rng) -> String {
    let n = parts.w_pos.nrows();
    let (ins, outs) = (parts.input_positions.len(), parts.output_positions.len());
    match rng.random_range(0..3) {
        0 if ins > 1 => {
            let (a, b) = (rng.random_range(0..ins), rng.random_range(0..ins));
            parts.input_positions.swap(a, b);
            format!("inputs {a} and {b} exchanged")
        }
        1 if outs > 1 => {
            let (a, b) = (rng.random_range(0..outs), rng.random_range(0..outs));
            parts.output_positions.swap(a, b);
            format!("outputs {a} and {b} exchanged")
        }
        _ => {
            let (o, position) = (rng.random_range(0..outs), rng.random_range(0..n));
            parts.output_positions[o] = position;
            format!("output {o} at {position}")
        }
    }
}

fn the_claim(parts: &mut Parts, rng: &mut impl Rng) -> String {
    let names: Vec<String> = parts.claim.keys().cloned().collect();
    let name = &names[rng.random_range(0..names.len())];
    let vector = parts.claim.get_mut(name).unwrap();
    let n = vector.len() as i64;
    match rng.random_range(0..8) {
        0 => {
            vector.pop();
        }
        1 => vector.push(0),
        // Another change has emptied it.
        _ if n == 0 => vector.push(0),
        2 => vector.fill(-1),
        _ => {
            let i = rng.random_range(0..vector.len());
            vector[i] = rng.random_range(-1..=n);
        }
    }
    format!("{name} is {vector:?}")
}

/// The number of loops, the mask, the order of the layers.
fn the_whole(parts: &mut Parts, rng: &mut impl Rng) -> String {
    match rng.random_range(0..4) {
        0 => parts.n_loops = parts.n_loops.saturating_sub(1),
        1 => parts.n_loops += 1,
        2 => {
            parts.attention = match parts.attention {
                Attention::Causal => Attention::Bidirectional,
                Attention::Bidirectional => Attention::Causal,
            }
        }
        _ => parts.blocks.truncate(1.max(parts.blocks.len() - 1)),
    }
    format!("{} loops, {} layers, {:?}", parts.n_loops, parts.blocks.len(), parts.attention)
}

/// The model with its channels, head entries and hidden units in reverse order: the same function, if no
/// sum depends on the order of its terms.
pub fn reversed(model: &Model) -> Model {
    let mut parts = (**model).clone();
    parts.w_e = flip2(&parts.w_e, [false, true]);
    parts.w_pos = flip2(&parts.w_pos, [false, true]);
    parts.w_u = flip2(&parts.w_u, [true, false]);
    for block in &mut parts.blocks {
        for w in [&mut block.w_q, &mut block.w_k, &mut block.w_v, &mut block.w_o] {
            for mut head in w.outer_iter_mut() {
                let flipped = flip2(&head.to_owned(), [true, true]);
                head.assign(&flipped);
            }
        }
        for b in [&mut block.b_q, &mut block.b_k, &mut block.b_v] {
            *b = flip2(b, [false, true]);
        }
        block.w_in = flip2(&block.w_in, [true, true]);
        block.w_out = flip2(&block.w_out, [true, true]);
        for b in [&mut block.b_o, &mut block.b_in, &mut block.b_out] {
            *b = b.iter().rev().copied().collect();
        }
    }
    Model::new(parts).unwrap()
}

fn flip2(w: &ndarray::Array2<f64>, [rows, columns]: [bool; 2]) -> ndarray::Array2<f64> {
    let (n, m) = w.dim();
    let at = |i: usize, n: usize, flip: bool| if flip { n - 1 - i } else { i };
    ndarray::Array2::from_shape_fn((n, m), |(i, j)| w[[at(i, n, rows), at(j, m, columns)]])
}
