//! Attempts to get a wrong model past the certificate, one idea a test.
//!
//! Every model is judged by running it: on all inputs with the reference engine for the model's loops and
//! up to two more, and if it is verified, on some inputs with a forward pass of its own, in the arithmetic of
//! every kind of runner that a certificate speaks of ([`runner`]). A model that is verified must be right in
//! all of these runs. Models that compute the same in another way may be verified or not; which is
//! written down here.

#[allow(dead_code, reason = "each test file uses a part")]
#[path = "support/circuits.rs"]
mod circuits;
#[allow(dead_code, reason = "each test file uses a part")]
#[path = "support/literal.rs"]
mod literal;
#[allow(dead_code, reason = "each test file uses a part")]
#[path = "support/runner.rs"]
mod runner;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use circuit2tf::batch::Batch;
use circuit2tf::circuit::{Circuit, GateKind, Literal, Oracle};
use circuit2tf::compile::{Options, compile};
use circuit2tf::layout::Layout;
use circuit2tf::model::{Attention, Block, Dtype, Labels, Model, Parts, Scheme};
use circuit2tf::run::{Engine, Reference};
use circuit2tf::verify::certificate::{CertificateFile, certify};
use circuit2tf::verify::{Identity, Verdict, decompile};
use circuits::{chain, constants, full_adder, one_gate, with_inputs, with_outputs};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What the certificate says of a model, and whether that model is right on all inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Finding {
    Verified,
    RefusedWrong,
    RefusedRight,
}
use Finding::{RefusedRight, RefusedWrong, Verified};

/// Judges a model; a wrong one that is verified fails the test.
fn judge(parts: Parts, circuit: &Circuit) -> Finding {
    let model = Model::new(parts).unwrap();
    let certificate = certify(&model, circuit);
    let verified = certificate.is_proof();
    let wrong = is_wrong_in_reference(&model, circuit)
        // The literal pass is slow; of what is refused the reference says enough.
        || (verified && is_wrong_literally(&model, circuit));
    assert!(!(verified && wrong), "verified and wrong: {}", Verdict::from(&certificate));
    if verified {
        require_same_when_decompiled(&model, circuit);
    }
    match (verified, wrong) {
        (true, _) => Verified,
        (false, true) => RefusedWrong,
        (false, false) => RefusedRight,
    }
}

/// Bits are compared: a verdict by running is unknown where the softmax leaks by less than any bit could show.
fn is_wrong_in_reference(model: &Model, circuit: &Circuit) -> bool {
    let (engine, n) = (Reference::new(model).unwrap(), circuit.inputs().len());
    let inputs = Batch::counting(n, 0, 1 << n);
    let expected = Oracle::new(circuit).unwrap().run(&inputs).unwrap();
    (0..3).any(|more| {
        let found = engine.run(&inputs, model.n_loops + more).unwrap();
        expected.first_difference(&found).is_some()
    })
}

fn is_wrong_literally(model: &Model, circuit: &Circuit) -> bool {
    let n = circuit.inputs().len();
    let rows = 1usize << n.min(6);
    // Odd, so that every input takes both values.
    (0..rows).step_by((rows / 4) | 1).any(|row| {
        let inputs: Vec<bool> = (0..n).map(|i| row >> (i % 6) & 1 == 1).collect();
        let expected = circuit.evaluate(&inputs).unwrap();
        let is_wrong = |n_loops, variant| runner::run(model, &inputs, n_loops, variant) != expected;
        // Another stride and offset for every row, so that together they go through all.
        let variants = runner::covered(model);
        let some = variants.iter().skip(row % 5).step_by(5);
        some.clone().any(|&variant| is_wrong(model.n_loops, variant))
            || is_wrong(model.n_loops + 1, variants[row % variants.len()])
    })
}

fn require_same_when_decompiled(model: &Model, circuit: &Circuit) {
    let read = decompile(model).unwrap();
    let n = circuit.inputs().len();
    for row in 0..1usize << n.min(10) {
        let inputs: Vec<bool> = (0..n).map(|i| row >> (i % 10) & 1 == 1).collect();
        assert_eq!(read.evaluate(&inputs).unwrap(), circuit.evaluate(&inputs).unwrap());
    }
}

fn options(dtype: Dtype) -> Options {
    Options { dtype, ..Options::default() }
}

fn parts_of(circuit: &Circuit, options: &Options) -> Parts {
    compile(circuit, "5ource", options).unwrap().into_parts()
}

fn layout_of(parts: &Parts) -> Layout {
    Layout::new(parts.blocks[0].w_q.dim().0, parts.w_pos.nrows()).unwrap()
}

/// One distinct block per level instead of a loop.
fn unrolled(circuit: &Circuit, dtype: Dtype) -> Parts {
    parts_of(circuit, &Options { unroll: true, ..options(dtype) })
}

/// Calls `f` with every float tensor.
fn each_tensor(parts: &mut Parts, mut f: impl FnMut(&mut f64)) {
    parts.w_e.iter_mut().for_each(&mut f);
    parts.w_pos.iter_mut().for_each(&mut f);
    parts.w_u.iter_mut().for_each(&mut f);
    parts.b_u.iter_mut().for_each(&mut f);
    for block in &mut parts.blocks {
        for tensor in [&mut block.w_q, &mut block.w_k, &mut block.w_v, &mut block.w_o] {
            tensor.iter_mut().for_each(&mut f);
        }
        for tensor in [&mut block.b_q, &mut block.b_k, &mut block.b_v] {
            tensor.iter_mut().for_each(&mut f);
        }
        for tensor in [&mut block.w_in, &mut block.w_out] {
            tensor.iter_mut().for_each(&mut f);
        }
        for tensor in [&mut block.b_o, &mut block.b_in, &mut block.b_out] {
            tensor.iter_mut().for_each(&mut f);
        }
    }
}

/// The parts with one channel more, zero everywhere.
fn with_channel(mut parts: Parts) -> Parts {
    use ndarray::{Array, Axis, Dimension, RemoveAxis};
    fn pad<D: Dimension + RemoveAxis>(array: &Array<f64, D>, axis: usize) -> Array<f64, D> {
        let mut shape = array.raw_dim();
        shape[axis] += 1;
        let mut wide = Array::zeros(shape);
        for i in 0..array.len_of(Axis(axis)) {
            wide.index_axis_mut(Axis(axis), i).assign(&array.index_axis(Axis(axis), i));
        }
        wide
    }
    parts.w_e = pad(&parts.w_e, 1);
    parts.w_pos = pad(&parts.w_pos, 1);
    parts.w_u = pad(&parts.w_u, 0);
    for block in &mut parts.blocks {
        block.w_q = pad(&block.w_q, 1);
        block.w_k = pad(&block.w_k, 1);
        block.w_v = pad(&block.w_v, 1);
        block.w_o = pad(&block.w_o, 2);
        let b_o = block.b_o.iter().copied().chain([0.0]).collect();
        let b_out = block.b_out.iter().copied().chain([0.0]).collect();
        (block.b_o, block.b_out) = (b_o, b_out);
        block.w_in = pad(&block.w_in, 0);
        block.w_out = pad(&block.w_out, 1);
    }
    parts.labels.channel_names.push(format!("extra{}", parts.labels.channel_names.len()));
    parts
}

/// The parts with one hidden unit more in every layer, zero everywhere.
fn with_unit(mut parts: Parts) -> Parts {
    use ndarray::{Array1, Array2};
    for block in &mut parts.blocks {
        let (d, n) = block.w_in.dim();
        let at = |w: &Array2<f64>, i: usize, j: usize| w.get((i, j)).copied().unwrap_or(0.0);
        block.w_in = Array2::from_shape_fn((d, n + 1), |(c, u)| at(&block.w_in, c, u));
        block.w_out = Array2::from_shape_fn((n + 1, d), |(u, c)| at(&block.w_out, u, c));
        block.b_in = Array1::from_shape_fn(n + 1, |u| block.b_in.get(u).copied().unwrap_or(0.0));
    }
    parts
}

/// The parts with one head more in every layer, that has the queries and keys of head 0 and no values.
fn with_idle_heads(mut parts: Parts, n: usize) -> Parts {
    use ndarray::{Array, Axis, Dimension, RemoveAxis, concatenate};
    fn repeat<D: Dimension + RemoveAxis>(
        array: &Array<f64, D>,
        n: usize,
        scale: f64,
    ) -> Array<f64, D> {
        let first = array.slice_axis(Axis(0), (0..1).into()).map(|x| x * scale);
        let mut all = vec![array.view()];
        all.extend((0..n).map(|_| first.view()));
        concatenate(Axis(0), &all).unwrap()
    }
    for block in &mut parts.blocks {
        block.w_q = repeat(&block.w_q, n, 1.0);
        block.w_k = repeat(&block.w_k, n, 1.0);
        block.b_q = repeat(&block.b_q, n, 1.0);
        block.b_k = repeat(&block.b_k, n, 1.0);
        block.w_v = repeat(&block.w_v, n, 0.0);
        block.b_v = repeat(&block.b_v, n, 0.0);
        block.w_o = repeat(&block.w_o, n, 0.0);
    }
    parts
}

/// Position `i` moves to `order[i]`.
fn with_positions_moved(mut parts: Parts, order: &[usize]) -> Parts {
    let old = parts.w_pos.clone();
    let claims = parts.claim.clone();
    for (i, &to) in order.iter().enumerate() {
        parts.w_pos.row_mut(to).assign(&old.row(i));
        for (name, vector) in &mut parts.claim {
            vector[to] = claims[name][i];
        }
    }
    let ports = parts.input_positions.iter_mut().chain(&mut parts.output_positions);
    ports.for_each(|position| *position = order[*position]);
    parts
}

/// A model from nothing: zeros in the given shape.
fn blank(
    (n_ctx, d_model): (usize, usize),
    (n_heads, d_head, d_mlp): (usize, usize, usize),
    (inputs, outputs): (&[usize], &[usize]),
) -> Parts {
    let names = |stem: &str, n: usize| (0..n).map(|i| format!("{stem}{i}")).collect();
    Parts {
        scheme: Scheme::RECURRENT,
        dtype: Dtype::F32,
        attention: Attention::Bidirectional,
        n_loops: 1,
        n_prelude: 0,
        n_coda: 0,
        w_e: ndarray::Array2::zeros((3, d_model)),
        w_pos: ndarray::Array2::zeros((n_ctx, d_model)),
        blocks: vec![Block::zeros(n_heads, d_model, d_head, d_mlp)],
        w_u: ndarray::Array2::zeros((d_model, 2)),
        b_u: ndarray::Array1::zeros(2),
        input_positions: inputs.to_vec(),
        output_positions: outputs.to_vec(),
        labels: Labels {
            input_names: names("x", inputs.len()),
            output_names: names("y", outputs.len()),
            channel_names: names("c", d_model),
            ..Labels::default()
        },
        scheme_vectors: Default::default(),
        claim: Default::default(),
    }
}

// Models that compute the same in another way.

#[test]
fn negative_zeros_everywhere_change_nothing() {
    for dtype in Dtype::ALL {
        let mut parts = parts_of(&full_adder(), &options(dtype));
        each_tensor(&mut parts, |x| *x = if *x == 0.0 { -0.0 } else { *x });
        assert_eq!(judge(parts, &full_adder()), Verified, "{dtype}");
    }
}

#[test]
fn positions_in_another_order_are_verified() {
    let parts = parts_of(&full_adder(), &options(Dtype::Bf16));
    let n = parts.w_pos.nrows();
    let order: Vec<usize> = (0..n).map(|i| (i * 3 + 2) % n).collect();
    assert!(!n.is_multiple_of(3), "the map must be a permutation");
    assert_eq!(judge(with_positions_moved(parts, &order), &full_adder()), Verified);
}

#[test]
fn a_causal_model_that_reads_ahead_is_refused() {
    let causal = Options { causal: true, ..options(Dtype::F32) };
    let parts = parts_of(&full_adder(), &causal);
    let n = parts.w_pos.nrows();
    let order: Vec<usize> = (0..n).rev().collect();
    assert_eq!(judge(with_positions_moved(parts, &order), &full_adder()), RefusedWrong);
}

#[test]
fn scales_that_cancel_are_verified_unless_numbers_become_subnormal() {
    for (exponent, expected) in
        [(10, Verified), (-10, Verified), (-126, Verified), (-127, RefusedRight)]
    {
        let mut parts = parts_of(&full_adder(), &options(Dtype::F32));
        for block in &mut parts.blocks {
            block.w_v.mapv_inplace(|x| x * f64::exp2(exponent.into()));
            block.w_o.mapv_inplace(|x| x * f64::exp2((-exponent).into()));
        }
        assert_eq!(judge(parts, &full_adder()), expected, "2^{exponent}");
    }
}

#[test]
fn the_temperature_may_sit_in_the_keys() {
    let mut parts = parts_of(&full_adder(), &options(Dtype::F16));
    for block in &mut parts.blocks {
        std::mem::swap(&mut block.w_q, &mut block.w_k);
        // Queries from pointers, keys from addresses, as before; only the scale moves.
        let (q, k) = (block.w_k.mapv(|x| x / 256.0), block.w_q.mapv(|x| x * 256.0));
        (block.w_q, block.w_k) = (q, k);
    }
    assert_eq!(judge(parts, &full_adder()), Verified);
}

#[test]
fn key_biases_make_rows_be_enumerated() {
    let mut parts = parts_of(&full_adder(), &options(Dtype::F32));
    for block in &mut parts.blocks {
        block.b_k.fill(3.0);
    }
    assert_eq!(judge(parts, &full_adder()), Verified);
}

#[test]
fn heads_exchanged_in_one_layer_are_refused_where_that_matters() {
    for (circuit, expected) in [(chain(3), RefusedWrong), (one_gate(GateKind::Xor, 4), Verified)] {
        for layer in 0..2 {
            let mut parts = unrolled(&circuit, Dtype::F32);
            let w_q = parts.blocks[layer].w_q.clone();
            for h in 0..2 {
                let other = w_q.index_axis(ndarray::Axis(0), 1 - h);
                parts.blocks[layer].w_q.index_axis_mut(ndarray::Axis(0), h).assign(&other);
            }
            assert_eq!(judge(parts, &circuit), expected, "layer {layer}");
        }
    }
}

#[test]
fn idle_heads_are_allowed_up_to_eight_in_all() {
    for (n, expected) in [(1, Verified), (6, Verified), (7, RefusedRight)] {
        let parts = parts_of(&full_adder(), &options(Dtype::F32));
        assert_eq!(judge(with_idle_heads(parts, n), &full_adder()), expected, "{n}");
    }
}

#[test]
fn heads_that_all_read_one_operand_are_one_operand() {
    let mut parts = parts_of(&full_adder(), &options(Dtype::F32));
    let layout = layout_of(&parts);
    // x0 AND x1 becomes x1 AND x1.
    let gate = (3..parts.w_pos.nrows()).next().unwrap();
    for (from, to) in layout.pointer(1).zip(layout.pointer(0)) {
        parts.w_pos[[gate, to]] = parts.w_pos[[gate, from]];
    }
    assert_eq!(judge(parts, &full_adder()), RefusedWrong);
}

#[test]
fn a_layer_that_does_nothing_is_refused_though_harmless() {
    let mut parts = parts_of(&full_adder(), &options(Dtype::F32));
    let (heads, d, d_head) = parts.blocks[0].w_q.dim();
    let mut idle = Block::zeros(heads, d, d_head, parts.blocks[0].b_in.len());
    (idle.w_q, idle.w_k) = (parts.blocks[0].w_q.clone(), parts.blocks[0].w_k.clone());
    parts.blocks.push(idle);
    assert_eq!(judge(parts, &full_adder()), RefusedRight);
}

// The frame.

#[test]
fn the_blank_row_counts_at_gates_and_not_at_inputs() {
    for (repaired, expected) in [(true, Verified), (false, RefusedWrong)] {
        let mut parts = parts_of(&full_adder(), &options(Dtype::F32));
        let table = layout_of(&parts).table(1);
        parts.w_e[[2, table]] = 2.0;
        for position in (0..parts.w_pos.nrows()).filter(|p| repaired && !(0..3).contains(p)) {
            parts.w_pos[[position, table]] -= 2.0;
        }
        assert_eq!(judge(parts, &full_adder()), expected, "repaired: {repaired}");
    }
}

#[test]
fn a_blank_row_that_shifts_pointers_is_taken_into_account() {
    let mut parts = parts_of(&chain(3), &options(Dtype::F32));
    let pointer = layout_of(&parts).pointer(0);
    for c in pointer {
        parts.w_e[[2, c]] = 2.0;
    }
    // Queries (1, 3, …) still lead at the same keys.
    assert_eq!(judge(parts, &chain(3)), Verified);
}

#[test]
fn tokens_that_change_a_table_make_it_dynamic() {
    let mut parts = parts_of(&full_adder(), &options(Dtype::F32));
    let table = layout_of(&parts).table(0);
    parts.w_e[[1, table]] = 2.0;
    assert_ne!(judge(parts, &full_adder()), Verified);
}

#[test]
fn equal_tokens_are_refused() {
    let mut parts = parts_of(&full_adder(), &options(Dtype::F32));
    let row = parts.w_e.row(0).to_owned();
    parts.w_e.row_mut(1).assign(&row);
    assert_eq!(judge(parts, &full_adder()), RefusedWrong);
}

#[test]
fn one_layer_that_writes_a_channel_makes_it_dynamic_in_all() {
    for writes_in in ["W_O", "b_O", "W_out", "b_out"] {
        let mut parts = unrolled(&full_adder(), Dtype::F32);
        let layout = layout_of(&parts);
        let (block, c) = (&mut parts.blocks[1], layout.pointer(1).start);
        match writes_in {
            "W_O" => block.w_o[[0, 0, c]] = 2.0,
            "b_O" => block.b_o[c] = -2.0,
            "W_out" => block.w_out[[0, c]] = 2.0,
            _ => block.b_out[c] = 2.0,
        }
        assert_ne!(judge(parts, &full_adder()), Verified, "{writes_in}");
    }
}

/// A channel that layer 1 sets and layer 0 reads: nothing of it may pass for static.
#[test]
fn a_message_between_layers_is_refused() {
    let mut parts = with_unit(with_channel(unrolled(&full_adder(), Dtype::F32)));
    let extra = parts.w_pos.ncols() - 1;
    let unit = parts.blocks[0].b_in.len() - 1;
    let layout = layout_of(&parts);
    parts.blocks[1].b_out[extra] = 1.0;
    parts.blocks[0].w_in[[extra, unit]] = 1.0;
    parts.blocks[0].w_out[[unit, layout.value()]] = 2.0;
    parts.blocks[0].w_out[[unit, layout.not_value()]] = -2.0;
    assert_eq!(judge(parts, &full_adder()), RefusedWrong);
}

/// A counter that changes the function only after more loops than the model's own.
#[test]
fn a_clock_that_strikes_late_is_refused() {
    let mut parts = with_unit(with_channel(parts_of(&full_adder(), &options(Dtype::F32))));
    let (extra, unit) = (parts.w_pos.ncols() - 1, parts.blocks[0].b_in.len() - 1);
    let layout = layout_of(&parts);
    let late = parts.n_loops as f64 + 0.5;
    let block = &mut parts.blocks[0];
    block.b_out[extra] = 1.0;
    block.w_in[[extra, unit]] = 4.0;
    block.b_in[unit] = -4.0 * late;
    block.w_out[[unit, layout.value()]] = 1.0;
    assert_ne!(judge(parts, &full_adder()), Verified);
}

// Sums.

/// Terms on static channels that cancel only if they are added in one order, or overflow before they do.
#[test]
fn sums_that_are_exact_in_one_order_only_are_refused() {
    for (dtype, big) in [
        (Dtype::F16, 65504.0),
        (Dtype::F16, 4096.0),
        (Dtype::Bf16, 512.0),
        (Dtype::F32, f64::exp2(127.0)),
        (Dtype::F32, f64::exp2(25.0)),
        (Dtype::F64, f64::exp2(1023.0)),
        (Dtype::F64, f64::exp2(54.0)),
    ] {
        let mut parts = with_channel(parts_of(&full_adder(), &options(dtype)));
        let extra = parts.w_pos.ncols() - 1;
        parts.w_pos.column_mut(extra).fill(1.0);
        for block in &mut parts.blocks {
            block.w_in[[extra, 0]] = big;
            block.b_in[0] -= big;
        }
        assert_ne!(
            Model::new(parts.clone()).map(|_| judge(parts, &full_adder())).ok(),
            Some(Verified),
            "{big} in {dtype}"
        );
    }
}

#[test]
fn the_same_with_the_large_terms_in_the_heads_the_stream_and_the_read_out() {
    for place in ["heads", "stream", "read-out", "scores", "embedding"] {
        for dtype in Dtype::ALL {
            let big = f64::exp2(f64::from(dtype.precision()) + 1.0);
            let mut parts = with_channel(parts_of(&full_adder(), &options(dtype)));
            let extra = parts.w_pos.ncols() - 1;
            let layout = layout_of(&parts);
            parts.w_pos.column_mut(extra).fill(1.0);
            let block = &mut parts.blocks[0];
            match place {
                "heads" => {
                    block.b_v[[0, 0]] = big;
                    let w = block.w_o[[0, 0, layout.fetch(0)]];
                    block.b_o[layout.fetch(0)] -= w * big;
                }
                "stream" => {
                    block.b_o[layout.value()] = big;
                    block.b_out[layout.value()] -= big;
                }
                "read-out" => {
                    parts.w_u[[extra, 1]] = big;
                    parts.b_u[1] -= big;
                }
                "scores" => {
                    block.b_q[[0, 0]] = big;
                    block.b_q[[0, 1]] = -big;
                }
                _ => {
                    parts.w_pos[[0, layout.value()]] = big;
                    parts.w_e.column_mut(layout.value()).iter_mut().for_each(|x| *x -= big);
                }
            }
            let Ok(model) = Model::new(parts.clone()) else { continue };
            drop(model);
            assert_ne!(judge(parts, &full_adder()), Verified, "{place} in {dtype}");
        }
    }
}

#[test]
fn a_hidden_unit_at_zero_is_off() {
    let mut parts = with_unit(parts_of(&full_adder(), &options(Dtype::F32)));
    let layout = layout_of(&parts);
    let block = &mut parts.blocks[0];
    let unit = block.b_in.len() - 1;
    // relu(fetch0 - 1): 0 for both values of the operand.
    block.w_in[[layout.fetch(0), unit]] = 1.0;
    block.b_in[unit] = -1.0;
    block.w_out[[unit, layout.value()]] = 16.0;
    assert_eq!(judge(parts, &full_adder()), Verified);
}

#[test]
fn a_unit_that_knows_one_position_is_seen() {
    for position in 3..7 {
        let mut parts = with_unit(parts_of(&full_adder(), &options(Dtype::F32)));
        let layout = layout_of(&parts);
        let unit = parts.blocks[0].b_in.len() - 1;
        for c in layout.address() {
            parts.blocks[0].w_in[[c, unit]] = parts.w_pos[[position, c]];
        }
        // 1 at its own address, 0 at the others; with the operand, on only where that is 1.
        parts.blocks[0].b_in[unit] = 1.0 - layout.code_length() as f64;
        parts.blocks[0].w_out[[unit, layout.value()]] = 2.0;
        parts.blocks[0].w_out[[unit, layout.not_value()]] = -2.0;
        assert_ne!(judge(parts, &full_adder()), Verified, "{position}");
    }
}

// Attention.

#[test]
fn the_least_temperature_is_that_of_a_softmax_in_f32_or_f64() {
    let cases = [
        (Dtype::F16, 26.0, Verified),
        (Dtype::F16, 25.984375, RefusedRight),
        (Dtype::Bf16, 26.0, Verified),
        (Dtype::Bf16, 25.875, RefusedRight),
        (Dtype::F32, 26.0, Verified),
        (Dtype::F32, 25.984375, RefusedRight),
        (Dtype::F64, 186.2890625, Verified),
        (Dtype::F64, 186.28125, RefusedRight),
    ];
    for (dtype, inverse_temperature, expected) in cases {
        let options = Options { inverse_temperature, ..options(dtype) };
        let parts = parts_of(&full_adder(), &options);
        assert_eq!(judge(parts, &full_adder()), expected, "{inverse_temperature} in {dtype}");
    }
}

#[test]
fn a_query_of_zeros_ties_and_is_refused() {
    for zero in [0.0, -0.0] {
        let mut parts = parts_of(&full_adder(), &options(Dtype::F32));
        parts.blocks[0].w_q.mapv_inplace(|_| zero);
        assert_eq!(judge(parts, &full_adder()), RefusedWrong);
    }
}

#[test]
fn equal_keys_and_keys_of_another_magnitude_are_refused_or_right() {
    let circuit = full_adder();
    let n = parts_of(&circuit, &options(Dtype::F32)).w_pos.nrows();
    for from in 0..n {
        for to in (0..n).filter(|&to| to != from) {
            for scale in [1.0, -1.0, 0.0, 2.0, 4.0, 0.5] {
                let mut parts = parts_of(&circuit, &options(Dtype::F32));
                for c in layout_of(&parts).address() {
                    parts.w_pos[[to, c]] = scale * parts.w_pos[[from, c]];
                }
                judge(parts, &circuit);
            }
        }
    }
}

#[test]
fn queries_with_no_key_of_their_signs_are_enumerated_or_refused() {
    let circuit = chain(3);
    let n = parts_of(&circuit, &options(Dtype::F32)).w_pos.nrows();
    for position in 0..n {
        for h in 0..2 {
            for code in 0..64u32 {
                let mut parts = parts_of(&circuit, &options(Dtype::F32));
                for (j, c) in layout_of(&parts).pointer(h).enumerate() {
                    parts.w_pos[[position, c]] = if code >> j & 1 == 1 { 1.0 } else { -1.0 };
                }
                judge(parts, &circuit);
            }
        }
    }
}

#[test]
fn a_value_read_off_a_static_channel_is_refused() {
    let mut parts = parts_of(&full_adder(), &options(Dtype::F32));
    let layout = layout_of(&parts);
    parts.blocks[0].w_v[[0, layout.table(0), 0]] = 1.0;
    assert_ne!(judge(parts, &full_adder()), Verified);
}

#[test]
fn a_non_finite_number_anywhere_is_refused() {
    let n = {
        let mut n = 0;
        each_tensor(&mut parts_of(&chain(1), &options(Dtype::F32)), |_| n += 1);
        n
    };
    for site in 0..n {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let mut parts = parts_of(&chain(1), &options(Dtype::F32));
            let mut i = 0;
            each_tensor(&mut parts, |x| {
                if i == site {
                    *x = bad;
                }
                i += 1;
            });
            assert!(!certify(&Model::new(parts).unwrap(), &chain(1)).is_proof());
        }
    }
}

// Ports, loops, shapes.

#[test]
fn too_few_loops_are_refused() {
    for circuit in [full_adder(), chain(4), constants(1), constants(0)] {
        let enough = parts_of(&circuit, &options(Dtype::F32)).n_loops;
        for n_loops in 0..=enough + 1 {
            let mut parts = parts_of(&circuit, &options(Dtype::F32));
            parts.n_loops = n_loops;
            assert_eq!(judge(parts, &circuit) == Verified, n_loops >= enough, "{n_loops}");
        }
    }
}

#[test]
fn a_number_of_loops_that_overflows_is_counted() {
    let mut parts = parts_of(&full_adder(), &Options { layers: 3, ..options(Dtype::F32) });
    parts.n_loops = usize::MAX;
    assert!(certify(&Model::new(parts).unwrap(), &full_adder()).is_proof());
}

#[test]
fn every_pair_of_ports_and_every_start() {
    let circuit = full_adder();
    let n = parts_of(&circuit, &options(Dtype::F32)).w_pos.nrows();
    for a in 0..n {
        for b in 0..n {
            let mut parts = parts_of(&circuit, &options(Dtype::F32));
            parts.output_positions = vec![a, b];
            judge(parts, &circuit);
            if a != b {
                let mut parts = parts_of(&circuit, &options(Dtype::F32));
                (parts.input_positions[0], parts.input_positions[1]) = (a, b);
                if let Ok(model) = Model::new(parts) {
                    judge(model.into_parts(), &circuit);
                }
            }
        }
        for start in [-1.0, 0.0, 1.0, 2.0] {
            let mut parts = parts_of(&circuit, &options(Dtype::F32));
            let layout = layout_of(&parts);
            parts.w_pos[[a, layout.value()]] = start;
            parts.w_pos[[a, layout.not_value()]] = -start;
            judge(parts, &circuit);
        }
    }
}

/// A position outside of the outputs' cone may be its own operand, but not in a third state.
#[test]
fn what_no_output_depends_on_must_still_be_a_state() {
    let (mut builder, x) = with_inputs(2);
    let both = builder.gate(GateKind::And, &x).unwrap().literal();
    let either = builder.gate(GateKind::Or, &x).unwrap().literal();
    let two = with_outputs(builder, &[both, either]);
    let (mut builder, x) = with_inputs(2);
    let both = builder.gate(GateKind::And, &x).unwrap().literal();
    let one = with_outputs(builder, &[both]);
    let trimmed = || {
        let mut parts = parts_of(&two, &options(Dtype::F32));
        parts.output_positions.truncate(1);
        parts.labels.output_names.truncate(1);
        let nodes = parts.claim.get_mut("claim.node").unwrap();
        nodes.iter_mut().for_each(|node| *node = (*node).min(2));
        parts
    };
    let outside = (0..4).rev().find(|p| !trimmed().output_positions.contains(p)).unwrap();
    assert_eq!(judge(trimmed(), &one), Verified);
    let mut selfish = trimmed();
    let layout = layout_of(&selfish);
    for (from, to) in layout.address().zip(layout.pointer(0)) {
        selfish.w_pos[[outside, to]] = selfish.w_pos[[outside, from]];
    }
    assert_eq!(judge(selfish, &one), Verified, "a circle outside of the cone");
    let mut odd = trimmed();
    odd.w_pos[[outside, layout.value()]] = 3.0;
    assert_eq!(judge(odd, &one), RefusedRight, "a third state outside of the cone");
}

#[test]
fn models_with_an_empty_dimension_are_judged() {
    // (n_ctx, d_model), (n_heads, d_head, d_mlp), inputs, outputs
    type Shape = ((usize, usize), (usize, usize, usize));
    let cases: [(Shape, &[usize], &[usize]); 6] = [
        (((0, 1), (0, 0, 0)), &[], &[]),
        (((1, 1), (0, 0, 0)), &[], &[0]),
        (((2, 1), (1, 1, 0)), &[], &[1]),
        (((1, 1), (1, 1, 0)), &[0], &[0]),
        (((1, 2), (2, 1, 3)), &[], &[0]),
        (((2, 2), (2, 1, 3)), &[], &[]),
    ];
    for ((shape, heads), inputs, outputs) in cases {
        let (mut builder, x) = with_inputs(inputs.len());
        let literals: Vec<Literal> = (outputs.iter())
            .map(|_| {
                x.first().copied().unwrap_or_else(|| builder.constant(false).unwrap().literal())
            })
            .collect();
        let circuit = with_outputs(builder, &literals);
        let mut parts = blank(shape, heads, (inputs, outputs));
        parts.claim.insert("claim.node".into(), vec![-1; shape.0]);
        parts.claim.insert("claim.complemented".into(), vec![0; shape.0]);
        judge(parts, &circuit);
    }
}

// The claim.

/// All claims for all positions of small models with a wrong bit or a wrong pointer.
#[test]
fn no_claim_makes_a_wrong_model_right() {
    let circuit = chain(2);
    let sound = parts_of(&circuit, &options(Dtype::F32));
    let layout = layout_of(&sound);
    let mut wrong = Vec::new();
    for gate in 3..sound.w_pos.nrows() {
        for r in 0..4 {
            let mut parts = sound.clone();
            let twin = [layout.table(r), layout.not_table(r)];
            twin.iter().for_each(|&c| parts.w_pos[[gate, c]] *= -1.0);
            wrong.push(parts);
        }
        for h in 0..2 {
            for target in 0..sound.w_pos.nrows() {
                let mut parts = sound.clone();
                for (from, to) in layout.address().zip(layout.pointer(h)) {
                    parts.w_pos[[gate, to]] = parts.w_pos[[target, from]];
                }
                wrong.push(parts);
            }
        }
    }
    let mut n_wrong = 0;
    for mut parts in wrong {
        if !is_wrong_in_reference(&Model::new(parts.clone()).unwrap(), &circuit) {
            continue;
        }
        n_wrong += 1;
        let n_nodes = circuit.n_nodes() as i64;
        let choices: Vec<(i64, i64)> =
            (-1..n_nodes).flat_map(|node| [(node, 0), (node, 1)]).collect();
        for &a in &choices {
            for &b in &choices {
                for input in [-1, 4] {
                    let nodes = vec![input, input, input, a.0, b.0];
                    parts.claim.insert("claim.node".into(), nodes);
                    parts.claim.insert("claim.complemented".into(), vec![0, 1, 0, a.1, b.1]);
                    let model = Model::new(parts.clone()).unwrap();
                    assert!(!certify(&model, &circuit).is_proof(), "{a:?} {b:?}");
                }
            }
        }
    }
    assert!(n_wrong >= 10, "{n_wrong}");
}

#[test]
fn broken_claims_are_refused_or_ignored() {
    let circuit = full_adder();
    let n = parts_of(&circuit, &options(Dtype::F32)).w_pos.nrows();
    for nodes in [
        vec![],
        vec![0; n - 1],
        vec![0; n + 1],
        vec![i64::MAX; n],
        vec![i64::MIN; n],
        vec![-2; n],
        vec![circuit.n_nodes() as i64; n],
        vec![7; n],
        vec![-1; n],
    ] {
        for complemented in [0, 1, -1, i64::MIN] {
            let mut parts = parts_of(&circuit, &options(Dtype::F32));
            parts.claim.insert("claim.complemented".into(), vec![complemented; nodes.len()]);
            parts.claim.insert("claim.node".into(), nodes.clone());
            judge(parts, &circuit);
        }
    }
    let mut parts = parts_of(&circuit, &options(Dtype::F32));
    parts.claim.clear();
    judge(parts, &circuit);
}

/// Wide gates that differ little: each is compiled and held against all others.
#[test]
fn wide_gates_are_told_apart() {
    let n = 14;
    let variants = |fanins: &dyn Fn(&[Literal]) -> Vec<Literal>| -> Vec<Circuit> {
        [GateKind::And, GateKind::Or, GateKind::Xor, GateKind::Nand, GateKind::Nor, GateKind::Xnor]
            .into_iter()
            .map(|kind| {
                let (mut builder, x) = with_inputs(n);
                let gate = builder.gate(kind, &fanins(&x)).unwrap().literal();
                with_outputs(builder, &[gate])
            })
            .collect()
    };
    let mut circuits = Vec::new();
    circuits.extend(variants(&|x| x.to_vec()));
    circuits.extend(variants(&|x| x[..13].to_vec()));
    circuits.extend(variants(&|x| [x, &x[..1]].concat()));
    circuits.extend(variants(&|x| [x, &x[..1], &x[..1]].concat()));
    circuits.extend(variants(&|x| [x, &[!x[0]]].concat()));
    circuits.extend(variants(&|x| [&x[1..], &[!x[0]]].concat()));
    circuits.extend(variants(&|x| x.iter().map(|&x| !x).collect()));
    circuits.extend(variants(&|x| [&x[2..], &[!x[0], !x[1]]].concat()));
    let tables: Vec<Vec<bool>> = circuits.iter().map(table).collect();
    let (mut n_verified, mut n_refused_right) = (0, 0);
    for (a, compiled) in circuits.iter().enumerate() {
        let model = compile(compiled, "5ource", &options(Dtype::F32)).unwrap();
        for (b, circuit) in circuits.iter().enumerate() {
            let verified = certify(&model, circuit).is_proof();
            assert!(!verified || tables[a] == tables[b], "model {a} for circuit {b}");
            n_verified += usize::from(verified);
            n_refused_right += usize::from(!verified && tables[a] == tables[b]);
            assert!(verified || a != b, "{a}");
        }
    }
    assert!(n_verified > circuits.len(), "some are equal in another form");
    println!("wide gates: {n_verified} verified, {n_refused_right} equal and refused");
}

fn table(circuit: &Circuit) -> Vec<bool> {
    let n = circuit.inputs().len();
    let value = |row: usize| {
        let inputs: Vec<bool> = (0..n).map(|i| row >> i & 1 == 1).collect();
        circuit.evaluate(&inputs).unwrap()[0]
    };
    (0..1 << n).map(value).collect()
}

// Kept certificates.

/// A model and a circuit with these hashes.
fn about(model: &str, circuit: &str) -> Identity {
    let [model_sha256, circuit_sha256] = [model, circuit].map(str::to_string);
    Identity { model_sha256, circuit_sha256, ..Identity::default() }
}

#[test]
fn an_edited_certificate_is_found_out() {
    let circuit = full_adder();
    let mut parts = parts_of(&circuit, &options(Dtype::F32));
    parts.n_loops = 1;
    let model = Model::new(parts).unwrap();
    let certificate = certify(&model, &circuit);
    let file = CertificateFile::new(&certificate, &about("m", "c"), &circuit);
    assert!(!file.is_proof() && !certificate.is_proof());
    let recheck = |file: &CertificateFile, circuit_sha256| {
        file.recheck(&model, &circuit, &about("m", circuit_sha256), &[&certify])
    };
    let enough = Model::new(parts_of(&circuit, &options(Dtype::F32))).unwrap();
    let proof = CertificateFile::new(&certify(&enough, &circuit), &about("m", "c"), &circuit);
    let loops = |n| format!("\"loops\": {n}");
    let lie = proof.to_json().replace(&loops(enough.n_loops), &loops(1));
    assert_ne!(lie, proof.to_json());
    assert!(recheck(&CertificateFile::from_json(&lie).unwrap(), "c").is_err());
    let mut lie = certificate.clone();
    lie.conditions.retain(|condition| condition.failure.is_none());
    assert!(!lie.is_proof(), "a proof has every condition");
    let lie = CertificateFile::new(&lie, &about("m", "c"), &circuit);
    assert!(recheck(&CertificateFile::from_json(lie.to_json()).unwrap(), "c").is_err());
    let mut empty = certificate.clone();
    empty.conditions.clear();
    let empty = CertificateFile::new(&empty, &about("m", "c"), &circuit);
    assert!(recheck(&CertificateFile::from_json(empty.to_json()).unwrap(), "c").is_err());
    assert!(recheck(&file, "other").is_err());
    recheck(&file, "c").unwrap();
    let kept = CertificateFile::from_json(file.to_json()).unwrap();
    assert_eq!(kept, file);
    recheck(&kept, "c").unwrap();
}

/// Both logits are finite, their difference is not.
#[test]
fn a_certificate_with_a_huge_margin_can_be_read_back() {
    let circuit = one_gate(GateKind::And, 2);
    let mut parts = parts_of(&circuit, &options(Dtype::F64));
    let layout = layout_of(&parts);
    parts.w_u.fill(0.0);
    parts.w_u[[layout.value(), 1]] = f64::exp2(1023.0);
    parts.w_u[[layout.value(), 0]] = -f64::exp2(1023.0);
    let model = Model::new(parts.clone()).unwrap();
    assert_eq!(judge(parts, &circuit), Verified);
    let file = CertificateFile::new(&certify(&model, &circuit), &about("m", "c"), &circuit);
    let again = CertificateFile::from_json(file.to_json()).unwrap();
    again.recheck(&model, &circuit, &about("m", "c"), &[&certify]).unwrap();
}

// At random.

/// Cases that are tried by default.
const QUICK: u64 = 400;

/// A small circuit of all kinds of gates.
fn small_circuit(rng: &mut ChaCha8Rng) -> Circuit {
    const KINDS: [GateKind; 8] = [
        GateKind::And,
        GateKind::Or,
        GateKind::Xor,
        GateKind::Nand,
        GateKind::Nor,
        GateKind::Xnor,
        GateKind::Mux,
        GateKind::Maj,
    ];
    let n_inputs = rng.random_range(1..=4);
    let (mut builder, mut literals) = with_inputs(n_inputs);
    if rng.random_bool(0.2) {
        literals.push(builder.constant(rng.random()).unwrap().literal());
    }
    for _ in 0..rng.random_range(1..=7) {
        let kind = KINDS[rng.random_range(0..KINDS.len())];
        let n = match kind {
            GateKind::Mux | GateKind::Maj => 3,
            _ => [2, 2, 2, 3, 5][rng.random_range(0..5)],
        };
        let fanins: Vec<Literal> = (0..n)
            .map(|_| literals[rng.random_range(0..literals.len())].flip_if(rng.random()))
            .collect();
        literals.push(builder.gate(kind, &fanins).unwrap().literal());
    }
    let n_outputs = rng.random_range(1..=3);
    let last = literals.len().saturating_sub(4);
    let outputs: Vec<Literal> = (0..n_outputs)
        .map(|_| literals[rng.random_range(last..literals.len())].flip_if(rng.random_bool(0.3)))
        .collect();
    with_outputs(builder, &outputs)
}

/// One change that keeps most of the structure; a word for it.
fn mutate(parts: &mut Parts, layout: &Layout, donor: &Parts, rng: &mut ChaCha8Rng) -> &'static str {
    match rng.random_range(0..19) {
        kind @ 0..9 => mutate_row(kind, parts, layout, rng),
        kind @ 9..16 => mutate_ports_or_claim(kind, parts, donor, rng),
        kind => mutate_layer(kind, parts, layout, rng),
    }
}

/// A change of the row of one position.
fn mutate_row(
    kind: usize,
    parts: &mut Parts,
    layout: &Layout,
    rng: &mut ChaCha8Rng,
) -> &'static str {
    let n = parts.w_pos.nrows();
    let (a, b) = (rng.random_range(0..n), rng.random_range(0..n));
    let (h, r) = (rng.random_range(0..layout.k()), rng.random_range(0..layout.n_rows()));
    let copy = |parts: &mut Parts, from: std::ops::Range<usize>, to: std::ops::Range<usize>| {
        from.zip(to).for_each(|(from, to)| parts.w_pos[[a, to]] = parts.w_pos[[b, from]]);
    };
    match kind {
        0 => {
            let rows = [parts.w_pos.row(a).to_owned(), parts.w_pos.row(b).to_owned()];
            parts.w_pos.row_mut(a).assign(&rows[1]);
            parts.w_pos.row_mut(b).assign(&rows[0]);
            "rows exchanged"
        }
        1 => {
            copy(parts, layout.pointer(h), layout.pointer(h));
            "pointer copied"
        }
        2 => {
            copy(parts, layout.address(), layout.pointer(h));
            "pointer redirected"
        }
        3 => {
            let other = rng.random_range(0..layout.k());
            for (c, d) in layout.pointer(h).zip(layout.pointer(other)) {
                parts.w_pos.swap([a, c], [a, d]);
            }
            "pointers exchanged"
        }
        4 => {
            let j = rng.random_range(0..layout.code_length());
            parts.w_pos[[a, layout.pointer(h).start + j]] *= -1.0;
            "pointer bit"
        }
        5 => {
            let j = rng.random_range(0..layout.code_length());
            parts.w_pos[[a, layout.address().start + j]] *= -1.0;
            "address bit"
        }
        6 => {
            for c in [layout.table(r), layout.not_table(r)] {
                parts.w_pos[[a, c]] *= -1.0;
            }
            "table bit"
        }
        7 => {
            for r in 0..layout.n_rows() {
                copy(
                    parts,
                    layout.table(r)..layout.table(r) + 1,
                    layout.table(r)..layout.table(r) + 1,
                );
            }
            "table copied"
        }
        _ => {
            for c in [layout.value(), layout.not_value()] {
                parts.w_pos[[a, c]] *= -1.0;
            }
            "start"
        }
    }
}

/// A change of what the file says beside its weights, or a row of another circuit's model.
fn mutate_ports_or_claim(
    kind: usize,
    parts: &mut Parts,
    donor: &Parts,
    rng: &mut ChaCha8Rng,
) -> &'static str {
    let n = parts.w_pos.nrows();
    let (a, b) = (rng.random_range(0..n), rng.random_range(0..n));
    match kind {
        9 => {
            let o = rng.random_range(0..parts.output_positions.len());
            parts.output_positions[o] = a;
            "output moved"
        }
        10 => {
            let i = rng.random_range(0..parts.input_positions.len());
            match parts.input_positions.iter().position(|&p| p == a) {
                Some(other) => parts.input_positions.swap(i, other),
                None => parts.input_positions[i] = a,
            }
            "input moved"
        }
        11 | 12 => {
            let nodes = parts.claim.get_mut("claim.node").unwrap();
            let most = nodes.iter().copied().max().unwrap_or(0);
            nodes[a] = if rng.random() { nodes[b] } else { rng.random_range(-1..=most) };
            "claim"
        }
        13 => {
            parts.claim.get_mut("claim.complemented").unwrap()[a] ^= 1;
            "claim complemented"
        }
        14 => {
            if donor.w_pos.dim() == parts.w_pos.dim() {
                parts.w_pos.row_mut(a).assign(&donor.w_pos.row(a));
            }
            "row of another circuit"
        }
        _ => {
            parts.n_loops = rng.random_range(0..=parts.n_loops + 1);
            "loops"
        }
    }
}

/// A change of one layer.
fn mutate_layer(
    kind: usize,
    parts: &mut Parts,
    layout: &Layout,
    rng: &mut ChaCha8Rng,
) -> &'static str {
    let (h, r) = (rng.random_range(0..layout.k()), rng.random_range(0..layout.n_rows()));
    let l = rng.random_range(0..parts.blocks.len());
    match kind {
        16 => {
            // The layer's inverters: a row of its table answers the other way round.
            for u in [2 * r, 2 * r + 1] {
                parts.blocks[l].w_in[[layout.table(r), u]] *= -1.0;
            }
            "a row of one layer"
        }
        17 => {
            let other = rng.random_range(0..layout.n_rows());
            for u in 0..2 {
                let (from, to) = (2 * r + u, 2 * other + u);
                for c in (0..layout.k()).map(|h| layout.fetch(h)) {
                    parts.blocks[l].w_in.swap([c, from], [c, to]);
                }
            }
            "rows of one layer exchanged"
        }
        _ => {
            let other = rng.random_range(0..layout.k());
            for (c, d) in layout.pointer(h).zip(layout.pointer(other)) {
                for j in 0..layout.code_length() {
                    parts.blocks[l].w_q.swap([h, c, j], [other, d, j]);
                    parts.blocks[l].w_q.swap([h, d, j], [other, c, j]);
                }
            }
            "heads of one layer exchanged"
        }
    }
}

/// `CIRCUIT2TF_ATTACKS` says how many cases to try, `CIRCUIT2TF_SEED` where to start.
#[test]
fn models_mutated_with_a_plan_are_refused_or_right() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let start = number("CIRCUIT2TF_SEED").unwrap_or(0);
    let n = number("CIRCUIT2TF_ATTACKS").unwrap_or(QUICK);
    let mut found = BTreeMap::new();
    for seed in start..start + n {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let dtype = Dtype::ALL[rng.random_range(0..4)];
        let options = Options {
            heads: rng.random_range(2..=3),
            layers: rng.random_range(1..=3),
            unroll: rng.random_bool(0.4),
            causal: rng.random_bool(0.3),
            ..options(dtype)
        };
        let circuit = small_circuit(&mut rng);
        let mut parts = parts_of(&circuit, &options);
        let donor = parts_of(&small_circuit(&mut rng), &options);
        let layout = layout_of(&parts);
        let before = parts.clone();
        let words: Vec<&str> = (0..rng.random_range(1..=4))
            .map(|_| mutate(&mut parts, &layout, &donor, &mut rng))
            .collect();
        let is_same = before == parts;
        // Two inputs at one position make no model.
        let Ok(model) = Model::new(parts) else { continue };
        let judged = std::panic::catch_unwind(|| judge(model.into_parts(), &circuit));
        let finding = judged.unwrap_or_else(|_| panic!("seed {seed}: {words:?}"));
        *found.entry((format!("{finding:?}"), is_same)).or_insert(0) += 1;
    }
    println!("{found:?}");
    assert!(found.keys().any(|(finding, is_same)| finding == "Verified" && !is_same));
    assert!(found.keys().any(|(finding, _)| finding == "RefusedWrong"));
}

// Small files that ask for much.

/// What counts as a hang, on a slow machine: each of these takes a second or two, or took hours.
const HANG: Duration = Duration::from_secs(120);

fn require_quick(what: &str, parts: Parts, circuit: &Circuit) {
    let model = Model::new(parts).unwrap();
    let start = Instant::now();
    let certificate = certify(&model, circuit);
    let elapsed = start.elapsed();
    println!("{what}: {elapsed:?}, {}", Verdict::from(&certificate));
    assert!(elapsed < HANG, "{what}: {elapsed:?}, {}", Verdict::from(&certificate));
}

/// With `d_head = 0` any number of heads takes no bytes, with `d_model = 0` any number of positions.
#[test]
fn heads_and_positions_without_numbers_make_no_model() {
    for (positions, heads) in
        [((2, 1), (1 << 34, 0, 0)), ((1 << 36, 0), (1, 1, 1)), ((1 << 36, 0), (0, 0, 0))]
    {
        assert!(Model::new(blank(positions, heads, (&[], &[0]))).is_err());
    }
}

/// Eight heads make 512 corners, and each keeps a number per hidden unit.
#[test]
fn many_hidden_units_take_no_more_memory_than_their_weights() {
    let circuit = full_adder();
    let parts = with_idle_heads(parts_of(&circuit, &options(Dtype::F32)), 6);
    require_quick("2^18 units", with_wide_mlp(parts, 1 << 18), &circuit);
}

fn with_wide_mlp(mut parts: Parts, n_units: usize) -> Parts {
    use ndarray::{Array1, Array2};
    for block in &mut parts.blocks {
        let d = block.w_in.nrows();
        let at = |w: &Array2<f64>, i: usize, j: usize| w.get((i, j)).copied().unwrap_or(0.0);
        block.w_in = Array2::from_shape_fn((d, n_units), |(c, u)| at(&block.w_in, c, u));
        block.w_out = Array2::from_shape_fn((n_units, d), |(u, c)| at(&block.w_out, u, c));
        block.b_in = Array1::from_shape_fn(n_units, |u| block.b_in.get(u).copied().unwrap_or(0.0));
    }
    parts
}

/// Every position its own type, eight heads, and some thousand units.
#[test]
fn many_types_of_positions_and_units_take_seconds_or_are_refused() {
    let circuit = random(6, 2000, 3);
    let parts = with_idle_heads(parts_of(&circuit, &options(Dtype::F32)), 6);
    let mut parts = with_wide_mlp(parts, 2000);
    // The last unit reads every address and writes nothing.
    for (j, c) in layout_of_two(&parts).address().enumerate() {
        parts.blocks[0].w_in[[c, 1999]] = f64::exp2(j as f64);
    }
    require_quick("types", parts, &circuit);
}

/// The layout of a model that was compiled with two heads, whatever was added since.
fn layout_of_two(parts: &Parts) -> Layout {
    Layout::new(2, parts.w_pos.nrows()).unwrap()
}

fn random(n_inputs: usize, n_gates: usize, seed: u64) -> Circuit {
    let spec = format!("random:n={n_inputs},gates={n_gates},seed={seed}");
    circuit2tf::family::generate(&spec).unwrap()
}

/// Gates that all stand on one large cone of which nothing is claimed: each is compared over all of it.
#[test]
fn a_shared_cone_without_claims_is_not_compared_again_for_every_reader() {
    let (mut builder, x) = with_inputs(11);
    let mut last = x[0];
    for i in 0..1800 {
        let kind = [GateKind::Xor, GateKind::And, GateKind::Or][i % 3];
        last = builder.gate(kind, &[last, x[(i * 7 + 1) % 11]]).unwrap().literal();
    }
    let mut outputs = Vec::new();
    for i in 0..4000 {
        let other = outputs.last().copied().unwrap_or(x[i % 11]);
        outputs.push(builder.gate(GateKind::Xor, &[last, other]).unwrap().literal());
    }
    let circuit = with_outputs(builder, &outputs);
    let mut parts = parts_of(&circuit, &options(Dtype::F32));
    let nodes = parts.claim.get_mut("claim.node").unwrap();
    nodes.iter_mut().filter(|node| **node < 1811).for_each(|node| *node = -1);
    require_quick("shared cone", parts, &circuit);
}

/// Many small layers, all different, over many positions.
#[test]
fn many_different_layers_take_seconds_or_are_refused() {
    let circuit = random(6, 1500, 5);
    let mut parts = parts_of(&circuit, &options(Dtype::F32));
    let block = parts.blocks[0].clone();
    parts.blocks = (0..400)
        .map(|l| {
            let mut block = block.clone();
            // Keys that are no codes: rows are enumerated.
            block.b_k.fill(f64::from(l % 20) + 3.0);
            block.b_q.fill(f64::from(l / 20) * 256.0);
            block
        })
        .collect();
    require_quick("400 layers", parts, &circuit);
}
