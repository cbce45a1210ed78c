//! The states that positions can reach, and what a layer does to them, exactly.
//!
//! With constant targets a layer takes the dynamic channels of a position and of its targets, a vector each,
//! to a new vector. Starting from the embeddings, every layer is applied to every combination of vectors
//! seen so far, for every type of position, until no new one appears: the set then holds whatever any
//! position can hold after any layer of any loop for any input. On the way every sum that the forward pass
//! forms is checked to be exact (see `exact`); if none rounds, no order of summation matters. A set that
//! grows large is refused.

use std::collections::HashMap;
use std::ops::Range;

use foldhash::fast::RandomState;

use super::exact::{Bound, Sum};
use super::frame::{Affine, Frame};
use super::{in_chunks, refuse};
use crate::error::Result;
use crate::model::{Block, Dtype};

/// The most vectors that may be reachable; a Boolean model has two.
const MAX_STATES: usize = 64;

/// The most numbers that one pass over all combinations may compute.
const MAX_WORK: usize = 1 << 31;

/// Distinct vectors of dynamic channels.
#[derive(Debug, Default)]
pub struct States {
    pub vectors: Vec<Vec<f64>>,
    known: HashMap<Vec<u64>, usize>,
}

impl States {
    /// The vectors of the embedding.
    pub fn at_start(frame: &Frame) -> Self {
        let mut states = States::default();
        for of_chunk in in_chunks(frame.model.n_ctx(), |positions| States::of(frame, positions)) {
            of_chunk.vectors.iter().for_each(|vector| states.insert(vector));
        }
        states
    }

    fn of(frame: &Frame, positions: Range<usize>) -> Self {
        let mut states = States::default();
        let (mut row, mut vector) = (Vec::new(), Vec::new());
        for position in positions {
            for &bit in frame.bits(position) {
                let row = frame.row(position, bit, &mut row);
                vector.clear();
                vector.extend(frame.dynamic.iter().map(|&c| row[c]));
                // Most positions start alike.
                if !states.vectors.iter().take(2).any(|known| *known == vector) {
                    states.insert(&vector);
                }
            }
        }
        states
    }

    fn insert(&mut self, vector: &[f64]) {
        let next = self.vectors.len();
        if *self.known.entry(bits(vector)).or_insert(next) == next {
            self.vectors.push(vector.to_vec());
        }
    }

    pub fn len(&self) -> usize {
        self.vectors.len()
    }

    /// What bounds the number in dynamic channel `d`.
    fn bound(&self, d: usize) -> Bound {
        self.vectors.iter().fold(Bound::EMPTY, |bound, vector| bound.or(Bound::of(vector[d])))
    }

    /// Adds whatever the layers can reach.
    ///
    /// # Errors
    /// There are too many states, or a sum may round.
    pub fn close(&mut self, layers: &[Layer], dtype: Dtype) -> Result<()> {
        loop {
            let before = self.len();
            if before > MAX_STATES {
                return refuse(
                    &format!("at most {MAX_STATES} states that a position can reach"),
                    "more",
                );
            }
            let mut reached = Vec::new();
            for layer in layers {
                layer.check_values(self, dtype)?;
                layer.for_each_transition(self, dtype, |_, transition| {
                    if !self.known.contains_key(&bits(&transition.after)) {
                        reached.push(transition.after.clone());
                    }
                    if reached.len() > MAX_STATES { refuse("fewer states", "more") } else { Ok(()) }
                })?;
            }
            // Not before the round is over: the bounds that it checked are those of the states that it started from.
            reached.iter().for_each(|vector| self.insert(vector));
            if self.len() == before {
                return Ok(());
            }
        }
    }
}

/// A key for equal numbers; both zeros are one.
pub fn bits(numbers: &[f64]) -> Vec<u64> {
    numbers.iter().map(|x| (x + 0.0).to_bits()).collect()
}

/// Constant vectors of positions, one for each class of equal ones.
#[derive(Debug, Default)]
pub struct Classes {
    pub values: Vec<Vec<f64>>,
    /// Per class and entry, of every position in it.
    bounds: Vec<Vec<Bound>>,
    known: HashMap<Vec<u64>, usize>,
}

impl Classes {
    fn insert(&mut self, sums: &[Sum]) -> usize {
        let values: Vec<f64> = sums.iter().map(|sum| sum.value).collect();
        let class = *self.known.entry(bits(&values)).or_insert(self.values.len());
        if class == self.values.len() {
            self.values.push(values);
            self.bounds.push(vec![Bound::EMPTY; sums.len()]);
        }
        for (bound, sum) in self.bounds[class].iter_mut().zip(sums) {
            *bound = bound.or(sum.bound);
        }
        class
    }
}

/// One entry of a head's values, and where W_O writes it.
#[derive(Debug)]
pub struct Value {
    pub head: usize,
    pub reads: Affine,
    /// What bounds the part that is not dynamic, over all positions.
    fixed: Bound,
    /// Dynamic indices with weights.
    pub writes: Vec<(usize, f64)>,
}

/// A layer without its zeros and with its attention resolved.
#[derive(Debug)]
pub struct Layer {
    pub n_heads: usize,
    /// `[n_ctx, n_heads]`
    pub targets: Vec<u32>,
    pub values: Vec<Value>,
    pub units: Vec<Affine>,
    /// Per unit the dynamic indices that it writes, with weights.
    pub writes: Vec<Vec<(usize, f64)>>,
    /// `[d_dynamic]`
    pub b_out: Vec<f64>,
    /// What attention adds to the dynamic channels, apart from the dynamic part of what it reads.
    pub offsets: Classes,
    /// What enters the units apart from dynamic channels.
    pub inflows: Classes,
    /// Types of positions: a class of offsets and one of inflows.
    pub types: Vec<(usize, usize)>,
    /// `[n_ctx]`
    pub type_of: Vec<u32>,
}

/// The static channels that decide a position's type: two positions that read the same numbers there are of
/// one type.
struct Readings<'f> {
    frame: &'f Frame<'f>,
    /// `[n_ctx, n_heads]`
    targets: &'f [u32],
    n_heads: usize,
    /// Read at the position itself.
    own: Vec<usize>,
    /// Heads with what they read at their target.
    of_targets: Vec<(usize, usize)>,
}

/// Distinct readings, each with the first position that has it, and per position the number of its own.
type Distinct = (Vec<(Vec<u64>, usize)>, Vec<u32>);

impl<'f> Readings<'f> {
    fn new(frame: &'f Frame, layer: &'f Layer) -> Self {
        let values = layer.values.iter().map(|value| &value.reads);
        let mut own: Vec<usize> =
            values.chain(&layer.units).flat_map(|map| &map.fixed).map(|&(c, _)| c).collect();
        own.sort_unstable();
        own.dedup();
        let of_value = |value: &'f Value| value.reads.fixed.iter().map(|&(c, _)| (value.head, c));
        let of_targets = layer.values.iter().flat_map(of_value).collect();
        Readings { frame, targets: &layer.targets, n_heads: layer.n_heads, own, of_targets }
    }

    fn distinct(&self, positions: Range<usize>) -> Distinct {
        let mut known: HashMap<Vec<u64>, u32, RandomState> = HashMap::default();
        let (mut distinct, mut of_positions) = (Vec::new(), Vec::with_capacity(positions.len()));
        let (mut row, mut reading) = (Vec::new(), Vec::new());
        for position in positions {
            let row = self.frame.row(position, false, &mut row);
            reading.clear();
            reading.extend(self.own.iter().map(|&c| row[c].to_bits()));
            reading.extend(self.of_targets.iter().map(|&(head, c)| {
                let target = self.targets[position * self.n_heads + head] as usize;
                self.frame.at(target, c).to_bits()
            }));
            let number = known.get(&reading).copied().unwrap_or(distinct.len() as u32);
            if number as usize == distinct.len() {
                known.insert(reading.clone(), number);
                distinct.push((reading.clone(), position));
            }
            of_positions.push(number);
        }
        (distinct, of_positions)
    }
}

/// What a layer makes of one combination of vectors.
#[derive(Debug)]
pub struct Transition {
    /// Numbers of the states of the position itself and of what each head reads.
    pub from: Vec<usize>,
    /// What enters each unit.
    pub inflow: Vec<f64>,
    /// The dynamic channels after the layer.
    pub after: Vec<f64>,
}

impl Layer {
    /// The layer with the given targets, `[n_ctx, n_heads]`.
    pub fn new(frame: &Frame, block: &Block, targets: Vec<u32>) -> Self {
        let index = |c: usize| frame.index[c].expect("a written channel is dynamic");
        let units = (0..frame.model.d_mlp())
            .map(|u| Affine::new(frame, |c| block.w_in[[c, u]], block.b_in[u]));
        let written = |u: usize| {
            let row = block.w_out.row(u);
            let used = row.indexed_iter().filter(|&(_, &w)| w != 0.0);
            used.map(|(c, &w)| (index(c), w)).collect()
        };
        let mut layer = Layer {
            n_heads: frame.model.n_heads(),
            targets,
            values: values(frame, block),
            units: units.collect(),
            writes: (0..frame.model.d_mlp()).map(written).collect(),
            b_out: frame.dynamic.iter().map(|&c| block.b_out[c]).collect(),
            offsets: Classes::default(),
            inflows: Classes::default(),
            types: Vec::new(),
            type_of: Vec::new(),
        };
        layer.classify(frame, block);
        layer
    }

    /// Finds the type of every position.
    fn classify(&mut self, frame: &Frame, block: &Block) {
        let readings = Readings::new(frame, self);
        let of_chunks = in_chunks(frame.model.n_ctx(), |positions| readings.distinct(positions));
        let mut types: HashMap<Vec<u64>, u32> = HashMap::new();
        let mut numbers: HashMap<(usize, usize), u32> = HashMap::new();
        for (distinct, of_positions) in of_chunks {
            let mut number = |(reading, position): (Vec<u64>, usize)| {
                *types.entry(reading).or_insert_with(|| {
                    let kind = self.type_at(frame, block, position);
                    *numbers.entry(kind).or_insert_with(|| {
                        self.types.push(kind);
                        self.types.len() as u32 - 1
                    })
                })
            };
            let of_distinct: Vec<u32> = distinct.into_iter().map(&mut number).collect();
            self.type_of.extend(of_positions.iter().map(|&of| of_distinct[of as usize]));
        }
    }

    /// The classes of a position, whose bounds they then include.
    fn type_at(&mut self, frame: &Frame, block: &Block, position: usize) -> (usize, usize) {
        let mut offset: Vec<Sum> = frame.dynamic.iter().map(|&c| Sum::new(block.b_o[c])).collect();
        for value in &mut self.values {
            let target = self.targets[position * self.n_heads + value.head] as usize;
            let fixed = value.reads.fixed_part(frame, target);
            // The forward pass computes the values of all positions, of those that nobody reads too.
            value.fixed = value.fixed.or(value.reads.fixed_part(frame, position).bound);
            for &(d, w) in &value.writes {
                offset[d].value += fixed.value * w;
                offset[d].bound = offset[d].bound.plus(fixed.bound.times(w));
            }
        }
        let inflow: Vec<Sum> =
            self.units.iter().map(|unit| unit.fixed_part(frame, position)).collect();
        (self.offsets.insert(&offset), self.inflows.insert(&inflow))
    }

    /// Checks that no head's values round, read or not.
    fn check_values(&self, states: &States, dtype: Dtype) -> Result<()> {
        for value in &self.values {
            let terms = value.reads.dynamic.iter().map(|&(d, w)| states.bound(d).times(w));
            if !terms.fold(value.fixed, Bound::plus).is_exact_in(dtype) {
                return refuse("values that do not round", format!("head {}", value.head));
            }
        }
        Ok(())
    }

    /// Shows every transition of every type, with the type's number.
    ///
    /// # Errors
    /// A sum may round, there is too much to do, or what `show` returns.
    pub fn for_each_transition(
        &self,
        states: &States,
        dtype: Dtype,
        mut show: impl FnMut(usize, &Transition) -> Result<()>,
    ) -> Result<()> {
        let n_combinations = states.len().saturating_pow(1 + self.n_heads as u32);
        // Before it is begun: a file may have as many heads as it likes.
        let width = self.units.len() + self.b_out.len() + 1;
        let work = n_combinations.saturating_mul(width).saturating_mul(self.types.len());
        if work > MAX_WORK {
            return refuse("fewer combinations of reachable states", n_combinations.to_string());
        }
        // Types that differ only in what enters the MLP share the attention sublayer.
        for class in 0..self.offsets.values.len() {
            let of_class: Vec<usize> =
                (0..self.types.len()).filter(|&t| self.types[t].0 == class).collect();
            for combination in 0..n_combinations {
                let from = self.combination(combination, states.len());
                let attended = self.attend(states, &from, class, dtype)?;
                let enters = self.enter(&attended);
                for &t in &of_class {
                    let inflows = self.types[t].1;
                    let (inflow, after) = self.transform(&attended, &enters, inflows, dtype)?;
                    show(t, &Transition { from: from.clone(), inflow, after })?;
                }
            }
        }
        Ok(())
    }

    /// The numbers of the states in a combination: of the position itself and of what each head reads.
    fn combination(&self, mut number: usize, n_states: usize) -> Vec<usize> {
        let mut from = Vec::with_capacity(1 + self.n_heads);
        for _ in 0..=self.n_heads {
            from.push(number % n_states);
            number /= n_states;
        }
        from
    }

    /// The dynamic channels after the attention sublayer.
    fn attend(
        &self,
        states: &States,
        from: &[usize],
        class: usize,
        dtype: Dtype,
    ) -> Result<Vec<f64>> {
        let own = &states.vectors[from[0]];
        let offsets = self.offsets.values[class].iter().zip(&self.offsets.bounds[class]);
        let mut sums: Vec<Sum> = own
            .iter()
            .zip(offsets)
            .map(|(&x, (y, &bound))| Sum { value: x + y, bound: Bound::of(x).plus(bound) })
            .collect();
        for value in &self.values {
            // The fixed part of what is read is in the offsets already.
            let read = dot(&value.reads.dynamic, &states.vectors[from[1 + value.head]]);
            for &(d, w) in &value.writes {
                sums[d].value += read.value * w;
                sums[d].bound = sums[d].bound.plus(read.bound.times(w));
            }
        }
        exact_values(&sums, dtype)
    }

    /// What the dynamic channels contribute to each unit.
    fn enter(&self, attended: &[f64]) -> Vec<Sum> {
        self.units.iter().map(|unit| dot(&unit.dynamic, attended)).collect()
    }

    /// What enters each unit, and the dynamic channels after the MLP.
    fn transform(
        &self,
        attended: &[f64],
        enters: &[Sum],
        class: usize,
        dtype: Dtype,
    ) -> Result<(Vec<f64>, Vec<f64>)> {
        let fixed = self.inflows.values[class].iter().zip(&self.inflows.bounds[class]);
        let inflow: Vec<Sum> = enters
            .iter()
            .zip(fixed)
            .map(|(x, (y, &bound))| Sum { value: x.value + y, bound: x.bound.plus(bound) })
            .collect();
        let inflow = exact_values(&inflow, dtype)?;
        let mut sums: Vec<Sum> = attended.iter().map(|&x| Sum::new(x)).collect();
        sums.iter_mut().zip(&self.b_out).for_each(|(sum, &b)| sum.add_product(b, 1.0));
        for (&x, writes) in inflow.iter().zip(&self.writes) {
            // A unit at 0 adds zeros, which make no sum of any order larger or finer.
            if x > 0.0 {
                writes.iter().for_each(|&(d, w)| sums[d].add_product(x, w));
            }
        }
        Ok((inflow, exact_values(&sums, dtype)?))
    }
}

/// The values of sums that do not round.
fn exact_values(sums: &[Sum], dtype: Dtype) -> Result<Vec<f64>> {
    let value = |sum: &Sum| {
        if sum.bound.is_exact_in(dtype) {
            Ok(sum.value)
        } else {
            refuse("sums that do not round", format!("magnitudes of {}", sum.bound.magnitude))
        }
    };
    sums.iter().map(value).collect()
}

fn dot(terms: &[(usize, f64)], vector: &[f64]) -> Sum {
    let mut sum = Sum::new(0.0);
    terms.iter().for_each(|&(d, w)| sum.add_product(vector[d], w));
    sum
}

/// The entries of all heads' values that are not 0 throughout.
fn values(frame: &Frame, block: &Block) -> Vec<Value> {
    let mut values = Vec::new();
    for head in 0..frame.model.n_heads() {
        for t in 0..frame.model.d_head() {
            let reads = Affine::new(frame, |c| block.w_v[[head, c, t]], block.b_v[[head, t]]);
            if reads.fixed.is_empty() && reads.dynamic.is_empty() && reads.bias == 0.0 {
                continue;
            }
            let writes = frame.dynamic.iter().enumerate();
            let writes = writes.map(|(d, &c)| (d, block.w_o[[head, t, c]]));
            let writes = writes.filter(|&(_, w)| w != 0.0).collect();
            values.push(Value { head, reads, fixed: Bound::EMPTY, writes });
        }
    }
    values
}
