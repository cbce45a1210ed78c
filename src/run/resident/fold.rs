//! Folding: what each type of position computes, with everything that never varies taken out.
//!
//! Over the reachable states some dynamic channels are constant, and some are affine in another one, such as a
//! value and its negated twin; the others are kept. For each type and kept channel the layer is an affine map
//! of the kept channels of the position and of its targets, plus hidden units. A unit that no combination of
//! reachable states activates is left out, one that all of them activate is linear and joins the affine map;
//! the others stay as they are, `w relu(b + Σ a x)`. What comes out, a [`Cell`], is then checked, as if it had
//! been found by guessing: on every combination it gives what the layer gives, and no sum in it rounds.

use super::exact::{Bound, Sum};
use super::frame::Frame;
use super::refuse;
use super::states::{Layer, States, bits};
use crate::error::Result;
use crate::model::Dtype;

/// A dynamic channel in terms of the kept ones: `scale · kept[i] + shift`; scale 0 for a constant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Derived {
    pub kept: usize,
    pub scale: f64,
    pub shift: f64,
}

/// Which dynamic channels are kept.
#[derive(Debug)]
pub struct Basis {
    /// Dynamic indices of the kept channels.
    pub kept: Vec<usize>,
    /// `[d_dynamic]`
    pub derived: Vec<Derived>,
}

impl Basis {
    pub fn new(states: &States, d_dynamic: usize) -> Self {
        let mut basis = Basis { kept: Vec::new(), derived: Vec::new() };
        let column = |d: usize| states.vectors.iter().map(move |vector| vector[d]);
        for d in 0..d_dynamic {
            let constant = Derived { kept: 0, scale: 0.0, shift: states.vectors[0][d] };
            // The scales of twins are 1 and -1: a value that is held twice has no other, and these cannot round.
            let twins = basis.kept.iter().enumerate().flat_map(|(kept, &of)| {
                [1.0, -1.0].map(|scale| {
                    let shift = states.vectors[0][d] - scale * states.vectors[0][of];
                    (of, Derived { kept, scale, shift })
                })
            });
            let found = std::iter::once((d, constant)).chain(twins).find(|&(of, derived)| {
                column(d).zip(column(of)).all(|(x, y)| derived.scale * y + derived.shift == x)
            });
            let derived = found.map(|(_, derived)| derived).unwrap_or_else(|| {
                basis.kept.push(d);
                Derived { kept: basis.kept.len() - 1, scale: 1.0, shift: 0.0 }
            });
            basis.derived.push(derived);
        }
        basis
    }
}

/// `b + Σ a x` over variables: the kept channels of the position itself, then of each head's target.
#[derive(Debug, Clone, PartialEq)]
pub struct Form {
    pub constant: f64,
    pub weights: Vec<f64>,
}

impl Form {
    fn constant(constant: f64, n_variables: usize) -> Self {
        Form { constant, weights: vec![0.0; n_variables] }
    }

    fn add(&mut self, other: &Form, factor: f64) {
        self.constant += factor * other.constant;
        for (a, b) in self.weights.iter_mut().zip(&other.weights) {
            *a += factor * b;
        }
    }

    fn numbers(&self) -> impl Iterator<Item = f64> {
        self.weights.iter().copied().chain([self.constant])
    }

    /// The sum at the given variables.
    fn at(&self, variables: &[f64]) -> Sum {
        let mut sum = Sum::new(self.constant);
        self.weights.iter().zip(variables).for_each(|(&a, &x)| sum.add_product(a, x));
        sum
    }
}

/// A kept channel of a type after the layer: `affine + Σ w relu(form)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    pub affine: Form,
    pub units: Vec<(Form, f64)>,
}

impl Cell {
    /// The variables that it reads.
    pub fn variables(&self) -> Vec<usize> {
        let forms = || self.units.iter().map(|(form, _)| form).chain([&self.affine]);
        let n = self.affine.weights.len();
        (0..n).filter(|&v| forms().any(|form| form.weights[v] != 0.0)).collect()
    }

    /// A key for cells that compute the same of the same variables.
    pub fn bits(&self) -> Vec<u64> {
        let units = self.units.iter().flat_map(|(form, w)| form.numbers().chain([*w]));
        bits(&self.affine.numbers().chain(units).collect::<Vec<f64>>())
    }
}

/// What becomes of the hidden units, over all cells.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Folded {
    /// Those that are 0, whatever the input.
    pub silent: usize,
    /// Those that are never cut off at 0.
    pub linear: usize,
    /// The others.
    pub computed: usize,
}

impl Folded {
    /// Adds the units of other cells.
    pub fn add(&mut self, other: Folded) {
        self.silent += other.silent;
        self.linear += other.linear;
        self.computed += other.computed;
    }
}

/// Whether a unit is ever positive, ever negative.
type Range = (bool, bool);

/// The cells of every type, kept channel by kept channel, `[n_types, n_kept]`; `computed_in` is the format of
/// the computation.
///
/// # Errors
/// A check failed: the layer cannot be folded exactly.
pub fn fold(
    frame: &Frame,
    layer: &Layer,
    states: &States,
    basis: &Basis,
    computed_in: Dtype,
) -> Result<(Vec<Cell>, Folded)> {
    let dtype = frame.model.dtype;
    // Over all combinations first: that a unit is linear is known only after the last.
    let mut ranges: Vec<Vec<Range>> =
        vec![vec![(false, false); layer.units.len()]; layer.types.len()];
    layer.for_each_transition(states, dtype, |t, transition| {
        for (range, &x) in ranges[t].iter_mut().zip(&transition.inflow) {
            *range = (range.0 || x > 0.0, range.1 || x < 0.0);
        }
        Ok(())
    })?;
    let mut cells = Vec::new();
    let mut folded = Folded::default();
    for (t, ranges) in ranges.iter().enumerate() {
        cells.extend(cells_of_type(layer, basis, t, ranges, &mut folded));
    }
    cells.iter().try_for_each(|cell| require_exact(cell, states, basis, computed_in))?;
    require_same(frame, layer, states, basis, &cells)?;
    Ok((cells, folded))
}

/// The cells give what the layer gives, on every combination of states.
fn require_same(
    frame: &Frame,
    layer: &Layer,
    states: &States,
    basis: &Basis,
    cells: &[Cell],
) -> Result<()> {
    let n_kept = basis.kept.len();
    let mut variables = Vec::new();
    layer.for_each_transition(states, frame.model.dtype, |t, transition| {
        variables.clear();
        for &state in &transition.from {
            variables.extend(basis.kept.iter().map(|&d| states.vectors[state][d]));
        }
        for (cell, &d) in cells[t * n_kept..(t + 1) * n_kept].iter().zip(&basis.kept) {
            if evaluate(cell, &variables) != transition.after[d] {
                let found = format!("channel {}", frame.dynamic[d]);
                return refuse("a layer that can be folded", found);
            }
        }
        Ok(())
    })
}

fn evaluate(cell: &Cell, variables: &[f64]) -> f64 {
    let unit = |(form, w): &(Form, f64)| w * form.at(variables).value.max(0.0);
    cell.affine.at(variables).value + cell.units.iter().map(unit).sum::<f64>()
}

/// No sum of a cell rounds, whatever states the variables come from.
fn require_exact(cell: &Cell, states: &States, basis: &Basis, dtype: Dtype) -> Result<()> {
    let bounds: Vec<Bound> = basis
        .kept
        .iter()
        .map(|&d| states.vectors.iter().fold(Bound::EMPTY, |b, v| b.or(Bound::of(v[d]))))
        .collect();
    let bound = |form: &Form| {
        // The variables are the kept channels of each place in turn.
        let terms = form.weights.iter().zip(bounds.iter().cycle());
        terms.fold(Bound::of(form.constant), |sum, (&a, x)| sum.plus(x.times(a)))
    };
    let constants = cell.units.iter().flat_map(|(form, w)| form.numbers().chain([*w]));
    if constants.chain(cell.affine.numbers()).any(|x| !Bound::of(x).is_exact_in(dtype)) {
        return refuse("weights that stay exact when folded", "one that rounds");
    }
    let mut total = bound(&cell.affine);
    for (form, w) in &cell.units {
        let inflow = bound(form);
        if !inflow.is_exact_in(dtype) {
            return refuse("units that stay exact when folded", format!("{}", inflow.magnitude));
        }
        total = total.plus(inflow.times(*w));
    }
    if total.is_exact_in(dtype) {
        Ok(())
    } else {
        refuse("sums that stay exact when folded", format!("{}", total.magnitude))
    }
}

fn cells_of_type(
    layer: &Layer,
    basis: &Basis,
    t: usize,
    ranges: &[Range],
    folded: &mut Folded,
) -> Vec<Cell> {
    let (offsets, inflows) = layer.types[t];
    let attended = attended(layer, basis, offsets);
    let n_variables = basis.kept.len() * (1 + layer.n_heads);
    let inflow = |u: usize| {
        let mut form = Form::constant(layer.inflows.values[inflows][u], n_variables);
        layer.units[u].dynamic.iter().for_each(|&(d, w)| form.add(&attended[d], w));
        form
    };
    let mut cells: Vec<Cell> = basis
        .kept
        .iter()
        .map(|&d| {
            let mut affine = attended[d].clone();
            affine.constant += layer.b_out[d];
            Cell { affine, units: Vec::new() }
        })
        .collect();
    for (u, &(rises, falls)) in ranges.iter().enumerate() {
        match (rises, falls) {
            (false, _) => folded.silent += 1,
            (true, false) => folded.linear += 1,
            (true, true) => folded.computed += 1,
        }
        // Never positive, it adds 0; never negative, it is what enters it.
        if !rises {
            continue;
        }
        let form = inflow(u);
        for &(d, w) in &layer.writes[u] {
            // What a derived channel gets follows from the kept one, and `require_same` has that checked.
            let Some(kept) = basis.kept.iter().position(|&of| of == d) else { continue };
            if falls {
                cells[kept].units.push((form.clone(), w))
            } else {
                cells[kept].affine.add(&form, w)
            }
        }
    }
    cells
}

/// The dynamic channels after attention, as forms.
fn attended(layer: &Layer, basis: &Basis, offsets: usize) -> Vec<Form> {
    let n_kept = basis.kept.len();
    let n_variables = n_kept * (1 + layer.n_heads);
    // Dynamic channel `d` of the position itself (place 0) or of the target of head `place - 1`.
    let channel = |place: usize, d: usize| {
        let Derived { kept, scale, shift } = basis.derived[d];
        let mut form = Form::constant(shift, n_variables);
        if scale != 0.0 {
            form.weights[place * n_kept + kept] = scale;
        }
        form
    };
    let mut forms: Vec<Form> = (0..basis.derived.len()).map(|d| channel(0, d)).collect();
    for (form, &offset) in forms.iter_mut().zip(&layer.offsets.values[offsets]) {
        form.constant += offset;
    }
    for value in &layer.values {
        let mut read = Form::constant(0.0, n_variables);
        for &(d, w) in &value.reads.dynamic {
            read.add(&channel(1 + value.head, d), w);
        }
        value.writes.iter().for_each(|&(d, w)| forms[d].add(&read, w));
    }
    forms
}
