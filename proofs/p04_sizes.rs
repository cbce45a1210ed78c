//! Theorem 4 (sizes). With `k` operands a node and balanced codes of length `m`, the least even number
//! with `C(m, m/2) ≥ N`, the model of a network of `N` nodes has
//!
//! - `d_model = (1 + k) m + 2 (2^k + 1 + k)`: the 0/1 form of the construction needs
//!   `(1 + k) ⌈log₂ N⌉ + 2^k + 1 + k`; the twins that make the stream zero-mean double the second term;
//! - `d_mlp = 2^(k+1) + 1 + k`, `k` heads of width `m`;
//! - `4 k d m + 3 k m + d + 2 d d_mlp + d_mlp + d` parameters a layer, the same for every circuit of the
//!   same `m` and `k`, of which `O(k m + k 2^k)` are not 0;
//! - `(N + 3) d` numbers of embedding, which hold the circuit.
//!
//! So the layers do not grow with the circuit but for `m`, and the circuit's `Θ(N log N)` bits are in the
//! position table: looping adds no parameters, and neither does it store any.
//!
//! Claims: universal-layer.
//!
//! Checked on families from 3 to 4,097 nodes and on every `k`. The hypothesis "same `m`" is needed:
//! [`more_nodes_need_longer_codes`].

use circuit2tf::circuit::Circuit;
use circuit2tf::family::generate;
use circuit2tf::model::{Block, Model};

use crate::ground::*;

fn central_binomial(m: usize) -> usize {
    (1..=m / 2).fold(1, |product, i| product * (m / 2 + i) / i)
}

fn n_nonzero(block: &Block) -> usize {
    let attention = [&block.w_q, &block.w_k, &block.w_v, &block.w_o];
    let attention = attention.into_iter().flatten();
    let matrices = block.w_in.iter().chain(&block.w_out);
    let biases = block.b_o.iter().chain(&block.b_in).chain(&block.b_out);
    attention.chain(matrices).chain(biases).filter(|&&w| w != 0.0).count()
}

fn check(circuit: &Circuit, k: usize) -> Model {
    let model = model(circuit, |options| options.heads = k);
    let (n, m, d) = (model.n_ctx(), model.d_head(), model.d_model());
    assert!(m % 2 == 0 && central_binomial(m) >= n && (m == 2 || central_binomial(m - 2) < n));
    assert_eq!(d, (1 + k) * m + 2 * ((1 << k) + 1 + k));
    assert_eq!(model.d_mlp(), (2 << k) + 1 + k);
    assert_eq!(model.n_heads(), k);
    let d_mlp = model.d_mlp();
    let layer = 4 * k * d * m + 3 * k * m + d + 2 * d * d_mlp + d_mlp + d;
    assert_eq!(model.blocks[0].n_parameters(), layer);
    assert_eq!(
        n_nonzero(&model.blocks[0]),
        k * (2 * m + 3) + 2 * k + (2 << k) * (k + 4) + 6 * (k + 1)
    );
    model
}

#[test]
fn every_size_is_the_formula() {
    for spec in ["parity:2", "parity:16", "adder:16", "mult:8", "parity-chain:2049"] {
        let circuit = generate(spec).unwrap();
        for k in 2..=6 {
            check(&circuit, k);
        }
    }
}

#[test]
fn layers_are_equal_for_all_circuits_of_the_same_code_length() {
    let one = check(&generate("parity:32").unwrap(), 2);
    let other = check(&generate("mult:3").unwrap(), 2);
    assert_eq!(one.d_head(), other.d_head());
    assert_eq!(one.blocks[0], other.blocks[0]);
    assert_ne!(one.w_pos, other.w_pos);
}

#[test]
fn more_nodes_need_longer_codes() {
    let small = check(&generate("parity:32").unwrap(), 2);
    let large = check(&generate("parity:64").unwrap(), 2);
    assert!(small.d_head() < large.d_head());
}
