//! A second judge: the literal forward pass, every operation rounded to the dtype, in a chosen order of summation.
//!
//! Slow and plain. It shares no code with the engines, and unlike them it rounds inside of matrix products.

use circuit2tf::model::{Attention, Block, Dtype, Model};

/// In which order the terms of a sum are added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    Forward,
    Backward,
    /// Neighbours first, as a tree.
    Pairwise,
    /// The even terms, then the odd ones.
    Strided,
}

pub const ORDERS: [Order; 4] = [Order::Forward, Order::Backward, Order::Pairwise, Order::Strided];

/// The arithmetic of a run.
#[derive(Clone, Copy)]
struct Arithmetic {
    dtype: Dtype,
    order: Order,
}

impl Arithmetic {
    fn round(self, x: f64) -> f64 {
        self.dtype.round(x)
    }

    fn sum(self, mut terms: Vec<f64>) -> f64 {
        let add = |a: f64, &b: &f64| self.round(a + b);
        match self.order {
            Order::Forward => terms.iter().fold(0.0, add),
            Order::Backward => terms.iter().rev().fold(0.0, add),
            Order::Strided => {
                let half = |start: usize| terms.iter().skip(start).step_by(2).fold(0.0, add);
                self.round(half(0) + half(1))
            }
            Order::Pairwise => {
                while terms.len() > 1 {
                    terms = terms.chunks(2).map(|pair| pair.iter().fold(0.0, add)).collect();
                }
                terms.first().copied().unwrap_or(0.0)
            }
        }
    }

    /// `bias + Σ x w`; the bias is a term like the others in some orders and added last in the others.
    fn affine(self, terms: impl Iterator<Item = (f64, f64)>, bias: f64) -> f64 {
        let mut products: Vec<f64> = terms.map(|(x, w)| self.round(x * w)).collect();
        match self.order {
            Order::Forward | Order::Pairwise => {
                let sum = self.sum(products);
                self.round(sum + bias)
            }
            Order::Backward | Order::Strided => {
                products.push(bias);
                self.sum(products)
            }
        }
    }

    fn softmax(self, scores: &[f64]) -> Vec<f64> {
        let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let terms: Vec<f64> =
            scores.iter().map(|&s| self.round(self.round(s - largest).exp())).collect();
        let sum = self.sum(terms.clone());
        terms.iter().map(|&t| self.round(t / sum)).collect()
    }
}

type Rows = Vec<Vec<f64>>;

/// The output bits for one assignment.
pub fn run(model: &Model, inputs: &[bool], n_loops: usize, order: Order) -> Vec<bool> {
    let arithmetic = Arithmetic { dtype: model.dtype, order };
    let mut tokens = vec![2; model.n_ctx()];
    for (&position, &bit) in model.input_positions.iter().zip(inputs) {
        tokens[position] = usize::from(bit);
    }
    let embed = |(position, &token): (usize, &usize)| {
        let entry = |c| arithmetic.round(model.w_e[[token, c]] + model.w_pos[[position, c]]);
        (0..model.d_model()).map(entry).collect()
    };
    let mut x: Rows = tokens.iter().enumerate().map(embed).collect();
    for _ in 0..n_loops {
        for block in &model.blocks {
            x = attend(&x, block, arithmetic, model.attention);
            x = transform(&x, block, arithmetic);
        }
    }
    let logit = |row: &[f64], token: usize| {
        let terms = row.iter().enumerate().map(|(c, &x)| (x, model.w_u[[c, token]]));
        arithmetic.affine(terms, model.b_u[token])
    };
    model.output_positions.iter().map(|&p| logit(&x[p], 1) > logit(&x[p], 0)).collect()
}

fn attend(x: &Rows, block: &Block, arithmetic: Arithmetic, mask: Attention) -> Rows {
    let (n_heads, d_model, d_head) = block.w_q.dim();
    let mut added: Vec<Rows> = Vec::new();
    for h in 0..n_heads {
        let project = |w: &ndarray::Array3<f64>, b: &ndarray::Array2<f64>| -> Rows {
            let entry = |row: &Vec<f64>, t: usize| {
                arithmetic
                    .affine(row.iter().enumerate().map(|(c, &x)| (x, w[[h, c, t]])), b[[h, t]])
            };
            x.iter().map(|row| (0..d_head).map(|t| entry(row, t)).collect()).collect()
        };
        let q = project(&block.w_q, &block.b_q);
        let k = project(&block.w_k, &block.b_k);
        let v = project(&block.w_v, &block.b_v);
        let row = |i: usize| -> Vec<f64> {
            let visible = if mask == Attention::Causal { i + 1 } else { x.len() };
            let dot =
                |j: usize| arithmetic.affine(q[i].iter().copied().zip(k[j].iter().copied()), 0.0);
            let weights = arithmetic.softmax(&(0..visible).map(dot).collect::<Vec<_>>());
            let read: Vec<f64> = (0..d_head)
                .map(|t| {
                    arithmetic.affine(weights.iter().enumerate().map(|(j, &w)| (w, v[j][t])), 0.0)
                })
                .collect();
            let write = |c: usize| {
                arithmetic
                    .affine(read.iter().enumerate().map(|(t, &z)| (z, block.w_o[[h, t, c]])), 0.0)
            };
            (0..d_model).map(write).collect()
        };
        added.push((0..x.len()).map(row).collect());
    }
    let entry = |i: usize, c: usize| {
        let mut terms: Vec<f64> = added.iter().map(|head| head[i][c]).collect();
        match arithmetic.order {
            // The heads and the bias first, then the stream; or all of them as one sum.
            Order::Forward => {
                terms.push(block.b_o[c]);
                let sum = arithmetic.sum(terms);
                arithmetic.round(x[i][c] + sum)
            }
            _ => {
                terms.insert(0, x[i][c]);
                terms.push(block.b_o[c]);
                arithmetic.sum(terms)
            }
        }
    };
    (0..x.len()).map(|i| (0..d_model).map(|c| entry(i, c)).collect()).collect()
}

fn transform(x: &Rows, block: &Block, arithmetic: Arithmetic) -> Rows {
    let d_mlp = block.b_in.len();
    let one = |row: &Vec<f64>| {
        let hidden: Vec<f64> = (0..d_mlp)
            .map(|u| {
                let terms = row.iter().enumerate().map(|(c, &x)| (x, block.w_in[[c, u]]));
                let sum = arithmetic.affine(terms, block.b_in[u]);
                if sum < 0.0 { 0.0 } else { sum }
            })
            .collect();
        let entry = |(c, &x): (usize, &f64)| {
            let terms = hidden.iter().enumerate().map(|(u, &y)| (y, block.w_out[[u, c]]));
            match arithmetic.order {
                Order::Forward => arithmetic.round(x + arithmetic.affine(terms, block.b_out[c])),
                _ => arithmetic.affine(terms.chain([(1.0, x)]), block.b_out[c]),
            }
        };
        row.iter().enumerate().map(entry).collect()
    };
    x.iter().map(one).collect()
}
