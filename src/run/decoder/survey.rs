//! Survey: one pass over all inputs at once, which shows that every honest runner holds what the decoder holds.
//!
//! Each number of the pass is a range that holds it for every input (`alike`): a token that depends on the input or on
//! what was emitted is any of those that can stand there. A survey succeeds if every sum, unit and row of weights that
//! is read is held alike by the lemma of `alike`.
//!
//! What a thought feeds back is not known well enough that way: of a slot that is cleared and written anew the pass does
//! not know that no two of its terms meet. There it supposes a bound on every channel ([`Value::fed_back`]), and the engine
//! sees whether its own numbers keep it.
//!
//! Claim. If the survey succeeds, and on an input the decoder's fed-back numbers keep the bounds, then every honest
//! runner holds the decoder's numbers in that run, and emits its tokens. Proof: by induction over positions, and in each
//! over layers. A position's embedding is of a token that all have alike, or of a hidden state that is, in its range; so
//! all that is computed from it and from positions before is alike and in its range, by the lemma. The decoder is such
//! a runner, so its hidden state is everyone's, and in the bounds if it is seen there. Logits alike give the same token.
//! End of proof. Where in addition no sum rounded the run is exact.

use ndarray::{Array2, ArrayView1, ArrayView2, Axis};
use num_traits::AsPrimitive;

use super::Decoder;
use super::alike::{Sums, Term, Value, Weight};
use crate::model::{Block, Model};
use crate::run::Assumptions;
use crate::run::enclosure::sum::Formats;
use crate::run::forward::Number;

type Row = Vec<Value>;

/// What a survey that succeeded rests on.
#[derive(Debug)]
pub struct Survey {
    /// Per thought the largest magnitude that each channel fed back may have.
    bounds: Vec<Vec<f64>>,
    /// No sum rounds.
    pub is_exact: bool,
}

impl Survey {
    /// None where runners may differ, as far as the pass can tell.
    pub fn new(decoder: &Decoder, n_loops: usize) -> Option<Self> {
        let mut pass = Pass::new(decoder.model)?;
        let (n_thoughts, n_tokens) = decoder.steps(n_loops);
        let (input, any) = (pass.tokens(0..2), pass.tokens(0..decoder.model.d_vocab_out()));
        let mut hidden = Row::new();
        for (position, &token) in decoder.prompt.iter().enumerate() {
            let is_input = decoder.model.input_positions.contains(&position);
            let row = if is_input { input.clone() } else { pass.tokens(token..token + 1) };
            hidden = pass.extend(row)?;
        }
        let mut bounds = Vec::with_capacity(n_thoughts);
        for _ in 0..n_thoughts {
            let row: Row = hidden.into_iter().map(Value::fed_back).collect();
            bounds.push(row.iter().map(Value::magnitude).collect());
            hidden = pass.extend(row)?;
        }
        for step in 0..n_tokens {
            pass.require_logits(&hidden)?;
            // Nothing follows the last token.
            if step + 1 < n_tokens {
                hidden = pass.extend(any.clone())?;
            }
        }
        Some(Survey { bounds, is_exact: pass.sums.is_exact })
    }

    /// Whether what is fed back to thought `thought` keeps the bounds, one row per sequence.
    pub fn holds<T: Number>(&self, thought: usize, hidden: &Array2<T>) -> bool
    where
        f64: AsPrimitive<T>,
    {
        let bounds: Vec<T> = self.bounds[thought].iter().map(|bound| bound.as_()).collect();
        let keeps = |row: ArrayView1<T>| {
            row.iter().zip(&bounds).fold(true, |all, (x, bound)| all & (x.abs() <= *bound))
        };
        hidden.outer_iter().all(keeps)
    }
}

/// The positions so far.
struct Pass<'m> {
    model: &'m Model,
    layers: Vec<Layer>,
    unembedding: Affine,
    sums: Sums,
    /// Per layer and head.
    stores: Vec<Vec<Store>>,
    n_positions: usize,
    /// The terms of the sum that is formed.
    terms: Vec<Term>,
}

/// Keys and values, a row per position.
#[derive(Debug, Clone, Default)]
struct Store {
    keys: Vec<Row>,
    values: Vec<Row>,
}

impl<'m> Pass<'m> {
    /// None if a number of the file is not finite.
    fn new(model: &'m Model) -> Option<Self> {
        let mut is_finite = true;
        let look = model.for_each_tensor(|_, _, numbers| {
            is_finite &= numbers.iter().all(|x| x.is_finite());
            Ok(())
        });
        if look.is_err() || !is_finite {
            return None;
        }
        let layers: Vec<Layer> = model.blocks.iter().map(Layer::new).collect();
        let stores = layers.iter().map(|layer| vec![Store::default(); layer.heads.len()]);
        Some(Pass {
            model,
            stores: stores.collect(),
            layers,
            unembedding: Affine::new(model.w_u.view(), model.b_u.view()),
            sums: Sums::new(Formats::new(model.dtype, Assumptions::default())),
            n_positions: 0,
            terms: Vec::new(),
        })
    }

    /// The embedding of one of the tokens.
    fn tokens(&self, tokens: std::ops::Range<usize>) -> Row {
        let rows = tokens.map(|token| self.model.w_e.row(token).mapv(Value::point).to_vec());
        let either = |a: Row, b: Row| a.into_iter().zip(b).map(|(a, b)| a.or(b)).collect();
        rows.reduce(either).unwrap_or_default()
    }

    /// Passes a row, which stands at the next position, through the layers.
    fn extend(&mut self, row: Row) -> Option<Row> {
        let Pass { model, layers, sums, stores, terms, .. } = self;
        let place = |(value, &at): (Value, &f64)| {
            terms.clear();
            terms.extend(
                [value, Value::point(at)].into_iter().filter(|v| !v.is_zero()).map(Term::number),
            );
            sums.sum(terms)
        };
        let at = model.w_pos.row(self.n_positions);
        let mut x: Row = row.into_iter().zip(at).map(place).collect::<Option<_>>()?;
        self.n_positions += 1;
        for (layer, stores) in layers.iter().zip(stores) {
            x = layer.attend(&x, stores, sums, terms)?;
            x = layer.transform(&x, sums, terms)?;
        }
        Some(x)
    }

    fn require_logits(&mut self, hidden: &Row) -> Option<()> {
        self.unembedding.apply(hidden, &mut self.sums, &mut self.terms).map(|_| ())
    }
}

/// A matrix `[n_in, n_out]` without its zeros, and a bias: per output the inputs that it reads.
struct Affine {
    reads: Vec<Vec<(usize, Weight)>>,
    bias: Row,
}

impl Affine {
    fn new(w: ArrayView2<f64>, b: ArrayView1<f64>) -> Self {
        let reads = |column: ArrayView1<f64>| {
            let entries = column.iter().enumerate().filter(|&(_, &w)| w != 0.0);
            entries.map(|(at, &w)| (at, Weight::new(w))).collect()
        };
        let bias = b.iter().map(|&b| Value::point(b)).collect();
        Affine { reads: w.axis_iter(Axis(1)).map(reads).collect(), bias }
    }

    /// Adds the terms of `(x W)[to]`.
    #[inline]
    fn read(&self, to: usize, x: &Row, sums: &Sums, terms: &mut Vec<Term>) {
        let known = self.reads[to].iter().filter(|&&(at, _)| !x[at].is_zero());
        terms.extend(known.map(|&(at, w)| x[at].scaled(w, sums.dtype())));
    }

    /// The terms of `(x W + b)[to]`.
    fn form(&self, to: usize, x: &Row, sums: &Sums, terms: &mut Vec<Term>) {
        terms.clear();
        self.read(to, x, sums, terms);
        terms.extend(nonzero(self.bias[to]));
    }

    /// `x W + b`
    fn apply(&self, x: &Row, sums: &mut Sums, terms: &mut Vec<Term>) -> Option<Row> {
        let number = |to: usize| {
            self.form(to, x, sums, terms);
            sums.sum(terms)
        };
        (0..self.reads.len()).map(number).collect()
    }
}

fn nonzero(number: Value) -> Option<Term> {
    (!number.is_zero()).then(|| Term::number(number))
}

struct Layer {
    heads: Vec<Head>,
    b_o: Row,
    w_in: Affine,
    w_out: Affine,
}

struct Head {
    queries: Affine,
    keys: Affine,
    values: Affine,
    /// Without a bias.
    w_o: Affine,
}

impl Layer {
    fn new(block: &Block) -> Self {
        let head = |h: usize| {
            let affine = |w: &ndarray::Array3<f64>, b: &Array2<f64>| {
                Affine::new(w.index_axis(Axis(0), h), b.row(h))
            };
            let w_o = block.w_o.index_axis(Axis(0), h);
            Head {
                queries: affine(&block.w_q, &block.b_q),
                keys: affine(&block.w_k, &block.b_k),
                values: affine(&block.w_v, &block.b_v),
                w_o: Affine::new(w_o, block.b_o.view()),
            }
        };
        Layer {
            heads: (0..block.w_q.dim().0).map(head).collect(),
            b_o: block.b_o.iter().map(|&b| Value::point(b)).collect(),
            w_in: Affine::new(block.w_in.view(), block.b_in.view()),
            w_out: Affine::new(block.w_out.view(), block.b_out.view()),
        }
    }

    /// `x + (Σ_h softmax(q_h k_hᵀ) v_h W_O[h] + b_O)` of the newest position.
    fn attend(
        &self,
        x: &Row,
        stores: &mut [Store],
        sums: &mut Sums,
        terms: &mut Vec<Term>,
    ) -> Option<Row> {
        let mut read = Vec::with_capacity(self.heads.len());
        for (head, store) in self.heads.iter().zip(stores) {
            let query = head.queries.apply(x, sums, terms)?;
            store.keys.push(head.keys.apply(x, sums, terms)?);
            store.values.push(head.values.apply(x, sums, terms)?);
            read.push(store.read(&query, sums, terms)?);
        }
        let number = |c: usize| {
            terms.clear();
            terms.extend(nonzero(x[c]).into_iter().chain(nonzero(self.b_o[c])));
            self.heads.iter().zip(&read).for_each(|(head, y)| head.w_o.read(c, y, sums, terms));
            sums.sum(terms)
        };
        (0..x.len()).map(number).collect()
    }

    /// `x + (relu(x W_in + b_in) W_out + b_out)`
    fn transform(&self, x: &Row, sums: &mut Sums, terms: &mut Vec<Term>) -> Option<Row> {
        let unit = |u: usize| {
            self.w_in.form(u, x, sums, terms);
            sums.unit(terms)
        };
        let hidden: Row = (0..self.w_in.reads.len()).map(unit).collect::<Option<_>>()?;
        let number = |c: usize| {
            self.w_out.form(c, &hidden, sums, terms);
            terms.extend(nonzero(x[c]));
            sums.sum(terms)
        };
        (0..x.len()).map(number).collect()
    }
}

impl Store {
    /// `softmax(q kᵀ) v`
    fn read(&self, query: &Row, sums: &mut Sums, terms: &mut Vec<Term>) -> Option<Row> {
        let asked: Vec<usize> = (0..query.len()).filter(|&t| !query[t].is_zero()).collect();
        let score = |key: &Row| {
            terms.clear();
            let read = asked.iter().filter(|&&t| !key[t].is_zero());
            terms.extend(read.map(|&t| key[t].times(query[t], sums.dtype())));
            sums.sum(terms)
        };
        let scores: Row = self.keys.iter().map(score).collect::<Option<_>>()?;
        let weights = sums.softmax(&scores)?;
        if let [(key, weight)] = weights[..]
            && weight == Value::ONE
        {
            return Some(self.values[key].clone());
        }
        let number = |t: usize| {
            terms.clear();
            let read = weights.iter().filter(|&&(key, _)| !self.values[key][t].is_zero());
            terms.extend(read.map(|&(key, w)| w.times(self.values[key][t], sums.dtype())));
            sums.sum(terms)
        };
        (0..query.len()).map(number).collect()
    }
}
