//! The second judge: the literal forward pass, written from the contract of the model file and from nothing
//! else.
//!
//! Embeddings and sublayers are in the model's dtype. A matrix product is accumulated in f32 or wider (f64 for
//! an f64 model) and rounded once; softmax takes its scores in the dtype, then maximum, exp, sum and quotient
//! in f32 (f64), and is rounded once. What that leaves open, a [`Variant`] chooses; an honest runner is one of
//! [`honest`]. A certificate speaks of more runners, which [`covered`] has.
//!
//! Slow and plain: every row is computed again for every token. Numbers are held as f64, which contains every
//! dtype and in which one operation on two numbers of f32 or less, rounded, is that of the narrower format.

use circuit2tf::model::{Attention, Block, Dtype, Model, Scheme};
use ndarray::{ArrayView1, ArrayView2, Axis};

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
    /// The same with products that are not rounded before they are added.
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

/// What a causal query sees of the positions behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mask {
    /// They are left out of every sum, as a cache does.
    Absent,
    /// Their scores are `-∞`, their weights 0.
    Infinite,
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
    let masks: &[Mask] = match model.attention == Attention::Causal && model.scheme.is_parallel() {
        true => &[Mask::Absent, Mask::Infinite],
        false => &[Mask::Absent],
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

/// The output bits, for any scheme; of a decoder `n_loops` are the tokens it emits, or its thoughts.
pub fn run(model: &Model, inputs: &[bool], n_loops: usize, variant: Variant) -> Vec<bool> {
    let pass = Pass { model, variant };
    if model.scheme.is_parallel() {
        return logits(model, inputs, n_loops, variant).iter().map(|l| l[1] > l[0]).collect();
    }
    let tokens = pass.decode(inputs, n_loops);
    let slots = &model.scheme_vectors["scheme.output_slots"];
    let outputs = model.output_positions.iter().zip(slots);
    outputs.map(|(&p, &slot)| tokens[p] >> slot & 1 == 1).collect()
}

/// The logits of every output, of a model that runs on the whole sequence at once.
pub fn logits(model: &Model, inputs: &[bool], n_loops: usize, variant: Variant) -> Vec<Row> {
    let x = stream(model, inputs, n_loops, variant);
    let pass = Pass { model, variant };
    model.output_positions.iter().map(|&p| pass.logits(&x[p])).collect()
}

/// The residual stream behind the last block, `[n_ctx][d_model]`, of such a model.
pub fn stream(model: &Model, inputs: &[bool], n_loops: usize, variant: Variant) -> Vec<Row> {
    let pass = Pass { model, variant };
    let mut tokens = vec![Model::BLANK; model.n_ctx()];
    model.input_positions.iter().zip(inputs).for_each(|(&p, &bit)| tokens[p] = usize::from(bit));
    let mut x: Vec<Row> = tokens.iter().enumerate().map(|(p, &t)| pass.embed(t, p)).collect();
    let (prelude, rest) = model.blocks.split_at(model.n_prelude);
    let (core, coda) = rest.split_at(rest.len() - model.n_coda);
    prelude.iter().for_each(|block| pass.block(block, &mut x));
    for _ in 0..n_loops {
        if pass.has_halted(&x) {
            break;
        }
        core.iter().for_each(|block| pass.block(block, &mut x));
    }
    coda.iter().for_each(|block| pass.block(block, &mut x));
    x
}

/// The nearest number of a format, ties to even, in one rounding.
pub fn round(dtype: Dtype, x: f64) -> f64 {
    let (digits, least, max) = match dtype {
        Dtype::F64 => return x,
        Dtype::F32 => return f64::from(x as f32),
        Dtype::F16 => (11, -14, 65_504.0),
        Dtype::Bf16 => (8, -126, f64::from(f32::from_bits(0x7F7F_0000))),
    };
    if !x.is_finite() || x == 0.0 {
        return x;
    }
    // Numbers of f64 below this are far below the formats' least.
    let exponent = ((x.to_bits() >> 52 & 0x7FF) as i32 - 1023).max(least);
    let unit = f64::from(exponent - digits + 1).exp2();
    let rounded = (x / unit).round_ties_even() * unit;
    if rounded.abs() > max { x.signum() * f64::INFINITY } else { rounded }
}

/// Numbers of one position.
pub type Row = Vec<f64>;

/// A factor and its weight.
type Term = (f64, f64);

struct Pass<'m> {
    model: &'m Model,
    variant: Variant,
}

impl Pass<'_> {
    fn round(&self, x: f64) -> f64 {
        round(self.model.dtype, x)
    }

    /// The format of softmax, and of accumulators that are f32 where they can be.
    fn single(&self, x: f64) -> f64 {
        if self.model.dtype == Dtype::F64 { x } else { f64::from(x as f32) }
    }

    fn add(&self, a: f64, b: f64) -> f64 {
        match self.variant.accumulator {
            Accumulator::Dtype => self.round(a + b),
            Accumulator::Single | Accumulator::SingleFused => self.single(a + b),
            Accumulator::Double | Accumulator::DoubleFused => a + b,
        }
    }

    fn multiply_add(&self, sum: f64, &(x, w): &Term) -> f64 {
        let is_double = self.model.dtype == Dtype::F64;
        match self.variant.accumulator {
            Accumulator::Dtype => self.round(sum + self.round(x * w)),
            Accumulator::SingleFused if !is_double => {
                f64::from((x as f32).mul_add(w as f32, sum as f32))
            }
            Accumulator::Single => self.single(sum + self.single(x * w)),
            Accumulator::Double => sum + x * w,
            Accumulator::SingleFused | Accumulator::DoubleFused => x.mul_add(w, sum),
        }
    }

    /// The sum of products, a bias with it, rounded to the dtype.
    fn product(&self, mut terms: Vec<Term>, bias: Option<f64>) -> f64 {
        match (bias, self.variant.bias) {
            (Some(bias), Bias::First) => terms.insert(0, (bias, 1.0)),
            (Some(bias), Bias::Last) => terms.push((bias, 1.0)),
            _ => {}
        }
        let order = self.variant.order;
        let sum =
            total(order, &terms, &|sum, term| self.multiply_add(sum, term), &|a, b| self.add(a, b));
        match (bias, self.variant.bias) {
            (Some(bias), Bias::Rounded) => self.round(self.round(sum) + bias),
            _ => self.round(sum),
        }
    }

    /// `x W + b`.
    fn affine(&self, x: &[f64], w: ArrayView2<f64>, b: ArrayView1<f64>) -> Row {
        let column = |j: usize| x.iter().copied().zip(w.column(j).iter().copied()).collect();
        (0..w.ncols()).map(|j| self.product(column(j), Some(b[j]))).collect()
    }

    fn embed(&self, token: usize, position: usize) -> Row {
        self.sum(self.model.w_e.row(token).iter(), self.model.w_pos.row(position).iter())
    }

    fn sum<'a>(&self, a: impl Iterator<Item = &'a f64>, b: impl Iterator<Item = &'a f64>) -> Row {
        a.zip(b).map(|(a, b)| self.round(a + b)).collect()
    }

    fn logits(&self, x: &[f64]) -> Row {
        self.affine(x, self.model.w_u.view(), self.model.b_u.view())
    }

    fn block(&self, block: &Block, x: &mut [Row]) {
        let heads: Vec<Vec<Row>> = (0..block.w_q.dim().0).map(|h| self.head(block, h, x)).collect();
        for (p, x) in x.iter_mut().enumerate() {
            let mixed: Vec<&Row> = heads.iter().map(|head| &head[p]).collect();
            *x = self.sum(x.iter(), self.output(block, &mixed).iter());
            let hidden = self.affine(x, block.w_in.view(), block.b_in.view());
            // Not `max`, which would make a number of what is none.
            let hidden: Row = hidden.iter().map(|&h| if h < 0.0 { 0.0 } else { h }).collect();
            let out = self.affine(&hidden, block.w_out.view(), block.b_out.view());
            *x = self.sum(x.iter(), out.iter());
        }
    }

    /// `softmax(q kᵀ) v` of a head, a row for each position.
    fn head(&self, block: &Block, h: usize, x: &[Row]) -> Vec<Row> {
        let of = |w: &ndarray::Array3<f64>, b: &ndarray::Array2<f64>| -> Vec<Row> {
            let (w, b) = (w.index_axis(Axis(0), h), b.row(h));
            x.iter().map(|x| self.affine(x, w, b)).collect()
        };
        let q = of(&block.w_q, &block.b_q);
        let (k, v) = (of(&block.w_k, &block.b_k), of(&block.w_v, &block.b_v));
        let row = |(p, q): (usize, &Row)| {
            let weights = self.softmax(&self.scores(p, q, &k));
            let terms = |e: usize| weights.iter().zip(&v).map(|(&w, v)| (w, v[e])).collect();
            (0..q.len()).map(|e| self.product(terms(e), None)).collect()
        };
        q.iter().enumerate().map(row).collect()
    }

    fn scores(&self, p: usize, q: &Row, k: &[Row]) -> Row {
        let product =
            |k: &Row| self.product(q.iter().copied().zip(k.iter().copied()).collect(), None);
        if self.model.attention == Attention::Bidirectional {
            return k.iter().map(product).collect();
        }
        let mut scores: Row = k[..=p].iter().map(product).collect();
        if self.variant.mask == Mask::Infinite {
            scores.resize(k.len(), f64::NEG_INFINITY);
        }
        scores
    }

    fn softmax(&self, scores: &[f64]) -> Row {
        let round = |x: f64| match self.variant.softmax {
            Softmax::Wide => self.single(x),
            Softmax::InDtype => self.round(x),
        };
        let max = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let exps: Row = scores.iter().map(|s| round(round(s - max).exp())).collect();
        let add = |a: f64, b: f64| round(a + b);
        let sum = total(self.variant.order, &exps, &|sum, &e| add(sum, e), &add);
        exps.iter().map(|e| self.round(round(e / sum))).collect()
    }

    /// What attention adds at a position: `Σ_h z_h W_O[h] + b_O`.
    fn output(&self, block: &Block, mixed: &[&Row]) -> Row {
        let terms = |h: usize, c: usize| {
            let w_o = block.w_o.index_axis(Axis(0), h);
            let pairs = mixed[h].iter().zip(w_o.column(c).iter().copied().collect::<Row>());
            pairs.map(|(&z, w)| (z, w)).collect::<Vec<Term>>()
        };
        let heads = 0..mixed.len();
        let channel = |(c, &b): (usize, &f64)| match (self.variant.heads, self.variant.bias) {
            (Heads::Together, _) => {
                self.product(heads.clone().flat_map(|h| terms(h, c)).collect(), Some(b))
            }
            (Heads::OneByOne, bias) => {
                let products = heads.clone().map(|h| self.product(terms(h, c), None));
                let start = if bias == Bias::First { b } else { 0.0 };
                let sum = products.fold(start, |sum, out| self.round(sum + out));
                if bias == Bias::First { sum } else { self.round(sum + b) }
            }
        };
        block.b_o.iter().enumerate().map(channel).collect()
    }

    /// Whether a model that halts has: the channel of known bits is up at all outputs.
    fn has_halted(&self, x: &[Row]) -> bool {
        if self.model.scheme != Scheme::Universal {
            return false;
        }
        let channel = self.model.scheme_vectors["scheme.halting"][0] as usize;
        self.model.output_positions.iter().all(|&p| x[p][channel] > 0.5)
    }

    /// The token at every position, of a decoder; a thought's reads as token 0.
    fn decode(&self, inputs: &[bool], n_loops: usize) -> Vec<usize> {
        let vector = |name: &str| &self.model.scheme_vectors[name];
        let mut tokens: Vec<usize> = vector("scheme.prompt").iter().map(|&t| t as usize).collect();
        for (&p, &bit) in self.model.input_positions.iter().zip(inputs) {
            tokens[p] = usize::from(bit);
        }
        let (n_thoughts, n_answers) = match self.model.scheme {
            Scheme::Coconut => (n_loops, vector("scheme.answers")[0] as usize),
            _ => (0, n_loops),
        };
        let mut embedded: Vec<Row> =
            tokens.iter().enumerate().map(|(p, &token)| self.embed(token, p)).collect();
        for _ in 0..n_thoughts {
            let h = self.last_row(&embedded);
            let position = self.model.w_pos.row(embedded.len());
            embedded.push(self.sum(h.iter(), position.iter()));
        }
        tokens.resize(embedded.len(), 0);
        for _ in 0..n_answers {
            let token = first_largest(&self.logits(&self.last_row(&embedded)));
            embedded.push(self.embed(token, embedded.len()));
            tokens.push(token);
        }
        tokens
    }

    fn last_row(&self, embedded: &[Row]) -> Row {
        let mut x = embedded.to_vec();
        self.model.blocks.iter().for_each(|block| self.block(block, &mut x));
        x.pop().expect("a prompt has a token")
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

/// The first token whose logit no later one exceeds, compared in order with `>`.
fn first_largest(logits: &[f64]) -> usize {
    (0..logits.len()).fold(0, |best, t| if logits[t] > logits[best] { t } else { best })
}
