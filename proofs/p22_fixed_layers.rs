//! Theorem 22 (a fixed number of layers). A model whose steps are `p` layers, then `R` times `L` layers, then `c`
//! layers, all the same step of a network, computes the network on all inputs if `p + L R + c` is at least its
//! depth; and with `L` layers once, whatever the number of idle tokens, it does so for networks of depth at most `L`
//! (the schemes pause and unrolled).
//!
//! Proof. By theorem 1 after `t` layers every node of level at most `t` is right, whichever part of the model the
//! layers stand in, and stays so. A token that no gate needs reads itself and is read by none. ∎
//!
//! Claims: pause-tokens, pause-tokens-for-layers, prelude-and-coda, unrolled.
//!
//! Checked by certificate, and by running with both engines. That the layers are as many as the depth is needed for some
//! circuits: with one fewer, parity is wrong, unrolled too ([`an_unrolled_model_needs_its_last_layer`]), and tokens
//! change no bit of it ([`tokens_are_no_layers`]). For others it is not: the 4-bit multiplier of depth 16 is right with
//! 15 ([`some_circuits_need_fewer_layers_than_levels`]).

use circuit2tf::circuit::Circuit;
use circuit2tf::family::generate;
use circuit2tf::model::{Model, file};
use circuit2tf::reasoning::{Request, pause};
use circuit2tf::run::{Engine, Reference, Resident};
use circuit2tf::verify::{Check, Verdict, prove};

use crate::ground::*;

#[test]
fn a_prelude_and_a_coda_do_their_share() {
    for circuit in small_circuits() {
        for (prelude, coda, layers) in [(1, 0, 1), (0, 1, 2), (2, 3, 1), (1, 2, 3)] {
            let model = model(&circuit, |options| {
                (options.prelude, options.coda, options.layers) = (prelude, coda, layers);
            });
            assert!(prove(&model, &circuit).is_proof(), "{prelude} {layers} {coda}");
            let engines: [Box<dyn Engine>; 2] = [
                Box::new(Reference::new(&model).unwrap()),
                Box::new(Resident::new(&model).unwrap()),
            ];
            for engine in engines {
                let verdict = Check::new(&*engine, &circuit).run();
                assert!(matches!(verdict, Ok(Verdict::Verified { .. })), "{}", engine.name());
            }
        }
    }
}

/// The file says so in a way that a runner of the plain loop stops at, and is read back.
#[test]
fn a_file_with_a_prelude_has_no_entry_that_a_plain_runner_reads() {
    let circuit = generate("adder:3").unwrap();
    let model = model(&circuit, |options| (options.prelude, options.coda) = (1, 2));
    let bytes = file::to_bytes(&model);
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.contains("\"version\":\"2\"") && !text.contains("\"n_layers\""));
    assert_eq!(file::from_bytes(&bytes, "model").unwrap(), model);
    let plain = changed(&model, |parts| (parts.n_prelude, parts.n_coda) = (0, 0));
    assert!(String::from_utf8_lossy(&file::to_bytes(&plain)).contains("\"n_layers\":\"4\""));
}

#[test]
fn an_unrolled_model_needs_its_last_layer() {
    let circuit = generate("parity:8").unwrap();
    let unrolled = model(&circuit, |options| options.unroll = true);
    assert_eq!((unrolled.blocks.len(), unrolled.n_loops), (3, 1));
    let looped = model(&circuit, |_| {});
    assert!(unrolled.blocks.iter().all(|block| *block == looped.blocks[0]));
    assert!(prove(&unrolled, &circuit).is_proof());
    let shorter = changed(&unrolled, |parts| parts.blocks.truncate(2));
    let engine = Reference::new(&shorter).unwrap();
    let verdict = Check::new(&engine, &circuit).loops(1).run();
    assert!(matches!(verdict, Ok(Verdict::Refuted(_))));
}

fn paused(circuit: &Circuit, n_pauses: usize, layers: usize) -> Model {
    let request = Request { pauses: Some(n_pauses), layers: Some(layers), ..Request::default() };
    pause::compile(circuit, "", &request).unwrap()
}

#[test]
fn tokens_are_no_layers() {
    let circuit = generate("parity:8").unwrap();
    for n_pauses in [7, 50] {
        for (layers, is_right) in [(2, false), (3, true), (4, true)] {
            let model = paused(&circuit, n_pauses, layers);
            assert_eq!(prove(&model, &circuit).is_proof(), is_right);
            let engine = Reference::new(&model).unwrap();
            let verdict = Check::new(&engine, &circuit).run().unwrap();
            assert_eq!(matches!(verdict, Verdict::Verified { .. }), is_right);
        }
    }
}

#[test]
fn some_circuits_need_fewer_layers_than_levels() {
    let circuit = generate("mult:4").unwrap();
    for (layers, is_right) in [(14, false), (15, true)] {
        let model = paused(&circuit, 64, layers);
        assert_eq!(model.labels.depth, 16);
        let engine = Reference::new(&model).unwrap();
        let verdict = Check::new(&engine, &circuit).run().unwrap();
        assert_eq!(matches!(verdict, Verdict::Verified { .. }), is_right);
    }
}
