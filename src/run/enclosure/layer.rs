//! A layer's sublayers on rows of intervals, every way that an honest runner may take them.
//!
//! A product is accumulated and rounded once; its bias may be one of its terms or be added to the rounded product,
//! and so may the stream. Heads may be summed in one product or one by one. Where no sum rounds, all of these are one
//! number, and that is looked at first, for a whole row at once.

use std::ops::Range;

use ndarray::{Array1, ArrayView1, ArrayView2, Axis};

use super::interval::Interval;
use super::softmax::{Softmax, Weights, softmax};
use super::sum::{Formats, Sum, in_any_order};
use super::{Quantity, See};
use crate::model::Block;
use crate::run::resident::exact::Bound;

/// A row of a stream, of keys and so on.
pub type Row = Vec<Interval>;

/// A matrix, `[n_in, n_out]`, without its zeros.
#[derive(Debug)]
pub struct Matrix {
    n_out: usize,
    /// The inputs that have entries: of a head, few of the stream's channels.
    inputs: Vec<Input>,
    entries: Vec<Entry>,
}

/// An input of a matrix.
#[derive(Debug)]
struct Input {
    at: usize,
    entries: Range<usize>,
    /// Of each of its entries.
    bound: Bound,
}

#[derive(Debug)]
struct Entry {
    to: usize,
    weight: f64,
    /// As the bound of one term has it.
    exponent: i32,
}

impl Matrix {
    pub fn new(w: ArrayView2<f64>) -> Self {
        let (mut inputs, mut entries) = (Vec::new(), Vec::new());
        for (at, row) in w.outer_iter().enumerate() {
            let (start, mut bound) = (entries.len(), Bound::EMPTY);
            for (to, &weight) in row.iter().enumerate().filter(|&(_, &w)| w != 0.0) {
                let of_entry = Bound::of(weight);
                bound = bound.or(of_entry);
                entries.push(Entry { to, weight, exponent: of_entry.exponent });
            }
            if entries.len() > start {
                inputs.push(Input { at, entries: start..entries.len(), bound });
            }
        }
        Matrix { n_out: w.ncols(), inputs, entries }
    }

    /// What bounds every entry of `x W`, none for an `x` that is not known.
    fn bound(&self, x: &[Interval]) -> Option<Bound> {
        let term = |input: &Input| {
            let x = x[input.at];
            x.is_point().then(|| input.bound.times(x.lo))
        };
        self.inputs.iter().map(term).try_fold(Bound::EMPTY, |all, b| Some(all.plus(b?)))
    }

    /// Adds `x W` to exact sums.
    fn add_exactly(&self, x: &[Interval], to: &mut [f64]) {
        for input in self.inputs.iter().filter(|input| x[input.at].lo != 0.0) {
            let (x, entries) = (x[input.at].lo, &self.entries[input.entries.clone()]);
            entries.iter().for_each(|entry| to[entry.to] += x * entry.weight);
        }
    }

    fn sums(&self, x: &[Interval]) -> Vec<Sum> {
        let mut sums = vec![Sum::EMPTY; self.n_out];
        for input in self.inputs.iter().filter(|input| x[input.at] != Interval::ZERO) {
            for entry in &self.entries[input.entries.clone()] {
                sums[entry.to].add_weighted(x[input.at], entry.weight, entry.exponent);
            }
        }
        sums
    }
}

/// `x W + b`
#[derive(Debug)]
pub struct Affine {
    w: Matrix,
    b: Bias,
}

#[derive(Debug)]
struct Bias {
    numbers: Vec<f64>,
    bound: Bound,
}

impl Bias {
    fn new(numbers: ArrayView1<f64>) -> Self {
        let bound = numbers.iter().fold(Bound::EMPTY, |all, &b| all.or(Bound::of(b)));
        Bias { numbers: numbers.to_vec(), bound }
    }
}

/// What is known of a pass so far.
#[derive(Debug, Clone, Copy)]
pub struct Pass {
    pub formats: Formats,
    pub softmax: Softmax,
    /// No sum rounded, and no quotient.
    pub is_exact: bool,
}

impl Affine {
    pub fn new(w: ArrayView2<f64>, b: ArrayView1<f64>) -> Self {
        Affine { w: Matrix::new(w), b: Bias::new(b) }
    }

    /// None if a number is not finite, or may not be.
    pub fn apply(&self, x: &[Interval], pass: &mut Pass) -> Option<Row> {
        let formats = pass.formats;
        let bound = self.w.bound(x).map(|bound| bound.plus(self.b.bound));
        if bound.is_some_and(|bound| bound.is_exact_in(formats.dtype)) {
            let mut sums = self.b.numbers.clone();
            self.w.add_exactly(x, &mut sums);
            return Some(sums.into_iter().map(Interval::point).collect());
        }
        let sums = self.w.sums(x).into_iter().zip(&self.b.numbers);
        sums.map(|(sum, &b)| with_bias(sum, Interval::point(b), pass)).collect()
    }
}

/// A product and its bias.
fn with_bias(product: Sum, b: Interval, pass: &mut Pass) -> Option<Interval> {
    let formats = pass.formats;
    let all = product.with(b);
    if let Some(exact) = all.exact_in(formats.dtype) {
        return Some(exact);
    }
    if let (Some(_), Some(exact)) = (product.kept(formats), all.kept(formats)) {
        return Some(exact);
    }
    pass.is_exact = false;
    let after = product.rounded(formats)?.add(b, formats.dtype).finite()?;
    if formats.assumed.bias_apart { Some(after.hull(all.rounded(formats)?)) } else { Some(after) }
}

/// `x + Σ parts + b`: the parts are the products of the heads, or the one of an MLP.
fn added(parts: &[Sum], b: f64, x: Interval, pass: &mut Pass) -> Option<Interval> {
    let formats = pass.formats;
    let b = Interval::point(b);
    let total = parts.iter().fold(Sum::EMPTY, |all, &part| all.plus(part));
    let everything = total.with(b).with(x);
    if let Some(exact) = everything.exact_in(formats.dtype) {
        return Some(exact);
    }
    // Each part may need the accumulator, if their sums do not.
    let kept = parts.iter().map(|part| part.kept(formats));
    let sums = kept
        .collect::<Option<Vec<Interval>>>()
        .map(|kept| kept.into_iter().fold(Sum::EMPTY.with(x).with(b), Sum::with));
    if let (Some(exact), Some(_)) = (
        sums.and_then(|sums| sums.exact_in(formats.dtype)),
        everything.exact_in(formats.accumulator),
    ) {
        return Some(exact);
    }
    pass.is_exact = false;
    let mut written = total.rounded(formats)?;
    let mut result = None;
    if parts.len() > 1 && formats.assumed.heads_apart {
        let apart: Vec<Interval> =
            parts.iter().map(|part| part.rounded(formats)).collect::<Option<_>>()?;
        written = written.hull(in_any_order(&apart, formats)?);
        result = Some(in_any_order(&[&[x, b], &*apart].concat(), formats)?);
    }
    let after = in_any_order(&[x, written, b], formats)?;
    let result = result.map_or(after, |result| result.hull(after));
    if !formats.assumed.bias_apart {
        return Some(result);
    }
    let before = x.add(total.with(b).rounded(formats)?, formats.dtype).finite()?;
    Some(result.hull(before).hull(everything.rounded(formats)?))
}

/// A layer's weights.
#[derive(Debug)]
pub struct Layer {
    heads: Vec<Head>,
    b_o: Bias,
    w_in: Affine,
    w_out: Matrix,
    b_out: Bias,
}

#[derive(Debug)]
struct Head {
    queries: Affine,
    keys: Affine,
    values: Affine,
    w_o: Matrix,
}

/// Keys and values of a head, a row for each position.
#[derive(Debug, Default)]
pub struct Store {
    keys: Vec<Key>,
    values: Vec<Row>,
}

impl Store {
    /// Positions seen.
    pub fn len(&self) -> usize {
        self.keys.len()
    }
}

/// A query or a key, with what bounds it.
#[derive(Debug)]
struct Key {
    row: Row,
    /// Its numbers, if all are known.
    numbers: Option<Vec<f64>>,
    /// Of one entry.
    entry: Bound,
    /// The sum of all magnitudes.
    total: f64,
}

impl Key {
    fn new(row: Row) -> Self {
        let is_known = row.iter().all(|x| x.is_point());
        let numbers = is_known.then(|| row.iter().map(|x| x.lo).collect());
        let entry = row.iter().fold(Bound::EMPTY, |all, x| all.or(x.bound()));
        let total = row.iter().map(|x| x.magnitude()).sum();
        Key { row, numbers, entry, total }
    }

    fn score(&self, key: &Key, pass: &mut Pass) -> Option<Interval> {
        if let (Some(q), Some(k)) = (&self.numbers, &key.numbers) {
            let bound = Bound {
                magnitude: self.total * key.entry.magnitude,
                exponent: self.entry.exponent.saturating_add(key.entry.exponent),
            };
            if bound.is_exact_in(pass.formats.dtype) {
                return Some(Interval::point(q.iter().zip(k).map(|(q, k)| q * k).sum()));
            }
        }
        let mut sum = Sum::EMPTY;
        self.row.iter().zip(&key.row).for_each(|(&q, &k)| sum.add_product(q, k));
        with_bias(sum, Interval::ZERO, pass)
    }
}

impl Layer {
    pub fn new(block: &Block) -> Self {
        let head = |h: usize| {
            let affine = |w: &ndarray::Array3<f64>, b: &ndarray::Array2<f64>| {
                Affine::new(w.index_axis(Axis(0), h), b.row(h))
            };
            Head {
                queries: affine(&block.w_q, &block.b_q),
                keys: affine(&block.w_k, &block.b_k),
                values: affine(&block.w_v, &block.b_v),
                w_o: Matrix::new(block.w_o.index_axis(Axis(0), h)),
            }
        };
        let bias = |b: &Array1<f64>| Bias::new(b.view());
        Layer {
            heads: (0..block.w_q.dim().0).map(head).collect(),
            b_o: bias(&block.b_o),
            w_in: Affine::new(block.w_in.view(), block.b_in.view()),
            w_out: Matrix::new(block.w_out.view()),
            b_out: bias(&block.b_out),
        }
    }

    /// Empty stores of keys and values.
    pub fn stores(&self) -> Vec<Store> {
        self.heads.iter().map(|_| Store::default()).collect()
    }

    /// The layer on new positions, whose keys and values join the stores; `n_visible` is how many positions a new
    /// one reads.
    pub fn apply(
        &self,
        rows: &[Row],
        stores: &mut [Store],
        n_visible: &dyn Fn(usize) -> usize,
        pass: &mut Pass,
        see: See,
    ) -> Option<Vec<Row>> {
        let mut queries = Vec::with_capacity(rows.len() * self.heads.len());
        for (head, store) in self.heads.iter().zip(&mut *stores) {
            for x in rows {
                let (q, k) = (head.queries.apply(x, pass)?, head.keys.apply(x, pass)?);
                let v = head.values.apply(x, pass)?;
                see(Quantity::Queries, &q);
                see(Quantity::Keys, &k);
                see(Quantity::Values, &v);
                queries.push(Key::new(q));
                store.keys.push(Key::new(k));
                store.values.push(v);
            }
        }
        let row = |(i, x): (usize, &Row)| {
            let queries = queries.iter().skip(i).step_by(rows.len().max(1));
            let x = self.attend(x, queries, stores, n_visible(i), pass, see)?;
            see(Quantity::Stream, &x);
            let x = self.transform(&x, pass, see)?;
            see(Quantity::Stream, &x);
            Some(x)
        };
        rows.iter().enumerate().map(row).collect()
    }

    fn attend<'q>(
        &self,
        x: &Row,
        queries: impl Iterator<Item = &'q Key>,
        stores: &[Store],
        n_visible: usize,
        pass: &mut Pass,
        see: See,
    ) -> Option<Row> {
        let mut read = Vec::with_capacity(self.heads.len());
        for (query, store) in queries.zip(stores) {
            let keys = store.keys[..n_visible].iter();
            let scores: Row = keys.map(|key| query.score(key, pass)).collect::<Option<_>>()?;
            see(Quantity::Scores, &scores);
            let (weights, is_exact) = softmax(&scores, pass.softmax, pass.formats);
            pass.is_exact &= is_exact;
            see(Quantity::Weights, &row_of(&weights, n_visible));
            let values = mixed(&weights, &store.values, pass)?;
            see(Quantity::Read, &values);
            read.push(values);
        }
        let written = self.heads.iter().map(|head| &head.w_o).zip(&read);
        add(written.collect(), &self.b_o, x, pass)
    }

    fn transform(&self, x: &Row, pass: &mut Pass, see: See) -> Option<Row> {
        let hidden: Row = self.w_in.apply(x, pass)?.into_iter().map(Interval::relu).collect();
        see(Quantity::Hidden, &hidden);
        add(vec![(&self.w_out, &hidden)], &self.b_out, x, pass)
    }
}

fn row_of(weights: &Weights, n: usize) -> Row {
    let mut row = vec![Interval::ZERO; n];
    weights.iter().for_each(|&(key, weight)| row[key] = weight);
    row
}

/// `Σ w v`
fn mixed(weights: &Weights, values: &[Row], pass: &mut Pass) -> Option<Row> {
    if let [(key, weight)] = weights[..]
        && weight == Interval::point(1.0)
    {
        return Some(values[key].clone());
    }
    let width = values.first().map_or(0, Vec::len);
    let mut sums = vec![Sum::EMPTY; width];
    for &(key, weight) in weights {
        let row = sums.iter_mut().zip(&values[key]);
        row.for_each(|(sum, &v)| sum.add_product(v, weight));
    }
    sums.into_iter().map(|sum| with_bias(sum, Interval::ZERO, pass)).collect()
}

/// `x + Σ y W + b`
fn add(products: Vec<(&Matrix, &Row)>, b: &Bias, x: &Row, pass: &mut Pass) -> Option<Row> {
    let mut bounds = products.iter().map(|(w, y)| w.bound(y));
    let bound = bounds.try_fold(b.bound, |all, bound| Some(all.plus(bound?)));
    let of_x = x.iter().fold(Bound::EMPTY, |all, x| all.or(x.bound()));
    if bound.is_some_and(|bound| bound.plus(of_x).is_exact_in(pass.formats.dtype)) {
        let mut sums: Vec<f64> = x.iter().zip(&b.numbers).map(|(x, b)| x.lo + b).collect();
        products.iter().for_each(|(w, y)| w.add_exactly(y, &mut sums));
        return Some(sums.into_iter().map(Interval::point).collect());
    }
    let parts: Vec<Vec<Sum>> = products.iter().map(|(w, y)| w.sums(y)).collect();
    let number = |c: usize| {
        let parts: Vec<Sum> = parts.iter().map(|sums| sums[c]).collect();
        added(&parts, b.numbers[c], x[c], pass)
    };
    (0..x.len()).map(number).collect()
}
