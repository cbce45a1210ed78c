//! The runners that a contract of the literal pass allows, by what they choose: order, accumulators, biases,
//! heads.
//!
//! An honest runner is one of [`honest`]. A certificate speaks of more, which [`covered`] has. Numbers are held
//! as f64, which contains every dtype and in which one operation on two numbers of f32 or less, rounded, is
//! that of the narrower format.

use circuit2tf::model::{Attention, Dtype, Model};

use crate::literal::{Arithmetic, Mask, Pass, Terms, round};

/// In which order a sum is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    Forward,
    Backward,
    /// Halves, their halves, and so on.
    Pairwise,
    /// Four lanes, as a processor's vectors have them, then the lanes.
    Strided,
}

pub const ORDERS: [Order; 4] = [Order::Forward, Order::Backward, Order::Pairwise, Order::Strided];

/// The format in which a matrix product is accumulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accumulator {
    /// The dtype itself, each product and each sum rounded: narrower than the contract's pass.
    Dtype,
    /// f32, of an f64 model f64.
    Single,
    /// f32, of an f64 model f64, with products that are not rounded before they are added.
    SingleFused,
    Double,
    DoubleFused,
}

/// Where a bias is added to a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bias {
    /// The accumulator begins with it.
    First,
    /// To the accumulator, before it is rounded.
    Last,
    /// To the rounded product, and rounded again.
    Rounded,
}

/// How the heads' outputs come together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heads {
    /// A product for each, rounded, and their sum in the dtype.
    OneByOne,
    /// One product over heads and their dimensions.
    Together,
}

/// Inside of softmax.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Softmax {
    /// f32, of an f64 model f64.
    Wide,
    /// Every operation rounded to the dtype: narrower than the contract's pass.
    InDtype,
}

/// A runner's choices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variant {
    pub order: Order,
    pub accumulator: Accumulator,
    pub bias: Bias,
    pub heads: Heads,
    pub softmax: Softmax,
    pub mask: Mask,
}

/// Every runner of the contract, as far as it makes a difference for the model.
pub fn honest(model: &Model) -> Vec<Variant> {
    let accumulators: &[Accumulator] = match model.dtype {
        Dtype::F64 => &[Accumulator::Double, Accumulator::DoubleFused],
        Dtype::F32 => &[Accumulator::Single, Accumulator::SingleFused, Accumulator::Double],
        // A product of two of their numbers is one of f32.
        Dtype::F16 | Dtype::Bf16 => &[Accumulator::Single, Accumulator::Double],
    };
    variants(model, accumulators, &[Softmax::Wide])
}

/// Every runner that a certificate speaks of: accumulators of the dtype or wider, softmax in the dtype or in
/// f32.
pub fn covered(model: &Model) -> Vec<Variant> {
    let narrow = match model.dtype {
        Dtype::F64 => Vec::new(),
        Dtype::F32 => variants(model, &[Accumulator::Dtype], &[Softmax::Wide]),
        Dtype::F16 | Dtype::Bf16 => {
            let accumulators = [Accumulator::Dtype, Accumulator::Single];
            let narrow = variants(model, &accumulators, &[Softmax::InDtype]);
            [variants(model, &accumulators[..1], &[Softmax::Wide]), narrow].concat()
        }
    };
    [honest(model), narrow].concat()
}

fn variants(model: &Model, accumulators: &[Accumulator], softmaxes: &[Softmax]) -> Vec<Variant> {
    let heads: &[Heads] = match model.n_heads() {
        0 | 1 => &[Heads::Together],
        _ => &[Heads::Together, Heads::OneByOne],
    };
    let masks: &[Mask] = if model.attention == Attention::Causal && model.scheme.is_parallel() {
        &[Mask::Absent, Mask::Infinite]
    } else {
        &[Mask::Absent]
    };
    let mut all = Vec::new();
    for (&accumulator, &softmax, &heads, &mask) in product4(accumulators, softmaxes, heads, masks) {
        for order in ORDERS {
            for bias in [Bias::Rounded, Bias::Last, Bias::First] {
                all.push(Variant { order, accumulator, bias, heads, softmax, mask });
            }
        }
    }
    all
}

fn product4<'a, A, B, C, D>(
    a: &'a [A],
    b: &'a [B],
    c: &'a [C],
    d: &'a [D],
) -> impl Iterator<Item = (&'a A, &'a B, &'a C, &'a D)> {
    a.iter().flat_map(move |a| {
        b.iter().flat_map(move |b| c.iter().flat_map(move |c| d.iter().map(move |d| (a, b, c, d))))
    })
}

/// The output bits in one runner's arithmetic, for any scheme.
pub fn run(model: &Model, inputs: &[bool], n_loops: usize, variant: Variant) -> Vec<bool> {
    let bits = pass(model, variant).bits(inputs, n_loops);
    bits.into_iter().map(|bit| bit.expect("a runner decides")).collect()
}

/// The model in one runner's arithmetic.
pub fn pass(model: &Model, variant: Variant) -> Pass<'_, Runner> {
    Pass { model, arithmetic: Runner { dtype: model.dtype, variant } }
}

pub struct Runner {
    dtype: Dtype,
    variant: Variant,
}

impl Runner {
    fn round(&self, x: f64) -> f64 {
        round(self.dtype, x)
    }

    /// The format of softmax, and of accumulators that are f32 where they can be.
    fn single(&self, x: f64) -> f64 {
        if self.dtype == Dtype::F64 { x } else { f64::from(x as f32) }
    }

    fn accumulate(&self, sum: f64, x: f64) -> f64 {
        match self.variant.accumulator {
            Accumulator::Dtype => self.round(sum + x),
            Accumulator::Single | Accumulator::SingleFused => self.single(sum + x),
            Accumulator::Double | Accumulator::DoubleFused => sum + x,
        }
    }

    fn multiply_add(&self, sum: f64, &(x, w): &(f64, f64)) -> f64 {
        match self.variant.accumulator {
            Accumulator::Dtype => self.round(sum + self.round(x * w)),
            Accumulator::Single => self.single(sum + self.single(x * w)),
            Accumulator::SingleFused if self.dtype != Dtype::F64 => {
                f64::from((x as f32).mul_add(w as f32, sum as f32))
            }
            Accumulator::Double => sum + x * w,
            Accumulator::SingleFused | Accumulator::DoubleFused => x.mul_add(w, sum),
        }
    }
}

impl Arithmetic for Runner {
    type Number = f64;

    fn exact(&self, x: f64) -> f64 {
        x
    }

    fn add(&self, a: f64, b: f64) -> f64 {
        self.round(a + b)
    }

    fn product(&self, mut terms: Terms<f64>, bias: Option<f64>) -> f64 {
        match (bias, self.variant.bias) {
            (Some(bias), Bias::First) => terms.insert(0, (bias, 1.0)),
            (Some(bias), Bias::Last) => terms.push((bias, 1.0)),
            _ => {}
        }
        let step = |sum, term: &(f64, f64)| self.multiply_add(sum, term);
        let sum = total(self.variant.order, &terms, &step, &|a, b| self.accumulate(a, b));
        match (bias, self.variant.bias) {
            (Some(bias), Bias::Rounded) => self.add(self.round(sum), bias),
            _ => self.round(sum),
        }
    }

    fn heads(&self, heads: Vec<Terms<f64>>, bias: f64) -> f64 {
        if self.variant.heads == Heads::Together {
            return self.product(heads.concat(), Some(bias));
        }
        let is_first = self.variant.bias == Bias::First;
        let start = if is_first { bias } else { 0.0 };
        let outputs = heads.into_iter().map(|terms| self.product(terms, None));
        let sum = outputs.fold(start, |sum, output| self.add(sum, output));
        if is_first { sum } else { self.add(sum, bias) }
    }

    fn relu(&self, x: f64) -> f64 {
        // Not `max`, which would make a number of what is none.
        if x < 0.0 { 0.0 } else { x }
    }

    fn softmax(&self, scores: &[f64]) -> Vec<f64> {
        let round = |x: f64| match self.variant.softmax {
            Softmax::Wide => self.single(x),
            Softmax::InDtype => self.round(x),
        };
        let max = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let exps: Vec<f64> = scores.iter().map(|s| round(round(s - max).exp())).collect();
        let add = |a: f64, b: f64| round(a + b);
        let sum = total(self.variant.order, &exps, &|sum, &e| add(sum, e), &add);
        exps.iter().map(|e| self.round(round(e / sum))).collect()
    }

    fn mask(&self) -> Mask {
        self.variant.mask
    }

    fn exceeds(&self, a: f64, b: f64) -> Option<bool> {
        Some(a > b)
    }
}

/// A sum in an order, by its step and the sum of two sums.
fn total<T>(
    order: Order,
    terms: &[T],
    step: &impl Fn(f64, &T) -> f64,
    add: &impl Fn(f64, f64) -> f64,
) -> f64 {
    match order {
        Order::Forward => terms.iter().fold(0.0, step),
        Order::Backward => terms.iter().rev().fold(0.0, step),
        Order::Pairwise => match terms {
            [] => 0.0,
            [term] => step(0.0, term),
            _ => {
                let (a, b) = terms.split_at(terms.len() / 2);
                add(total(order, a, step, add), total(order, b, step, add))
            }
        },
        Order::Strided => {
            let lane = |l: usize| terms.iter().skip(l).step_by(4).fold(0.0, step);
            add(add(lane(0), lane(1)), add(lane(2), lane(3)))
        }
    }
}
