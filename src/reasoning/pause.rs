//! Pause tokens (Goyal and others 2024): a fixed number of layers, applied once, over the inputs and `P` blank tokens.
//!
//! The forward pass is the plain one of [`run`](crate::run): `tokens[i]` is a bit at input positions and
//! blank at the others, `x = W_E[tokens] + W_pos`, and each of the `L` blocks is applied once. A blank
//! token computes a gate if the network needs it and holds 0 otherwise.
//!
//! Claim. The model computes every circuit of at most `P` gates and constants and depth at most `L`, on
//! all inputs. Reasons. It is the compiled model of that network, applied `L ≥ depth` times; further
//! applications change nothing, and an unused token reads only itself, so that tokens beyond one a gate change no
//! bit. End of proof. Of a deeper circuit the miter says whether `L` layers are enough: some are right early, such as
//! the 4-bit multiplier of depth 16 after 15 layers (claim `pause-tokens-for-layers`).

use super::cost::Cost;
use super::scheme::{Compiler, Flag, Request};
use crate::circuit::Circuit;
use crate::compile;
use crate::error::{Error, Result};
use crate::model::{Model, Schedule, Scheme};
use crate::network::Network;

/// The compiler of the scheme `pause`.
#[derive(Debug)]
pub struct Pause;

impl Compiler for Pause {
    fn scheme(&self) -> Scheme {
        Scheme::PAUSE
    }

    fn reads(&self) -> &'static [Flag] {
        &[Flag::PAUSE, Flag::COLLAPSE, Flag::LAYERS]
    }

    fn compile(&self, circuit: &Circuit, source_sha256: &str, request: &Request) -> Result<Model> {
        compile(circuit, source_sha256, request)
    }

    fn cost(&self, network: &Network, request: &Request) -> Result<Cost> {
        let mut network = network.clone();
        let schedule = pad(&mut network, request)?;
        Cost::of_plain(self.scheme(), &network, schedule, request.dtype)
    }

    fn remark(&self, model: &Model) -> Option<String> {
        let (depth, layers) = (model.labels.depth, model.n_layers());
        (depth > layers).then(|| {
            format!(
                "depth {depth} exceeds {layers} layers, and pause tokens add none: wrong on some input unless \
                 the circuit is right early; `circuit2tf verify` says which"
            )
        })
    }

    fn repeats_layers(&self) -> bool {
        false
    }
}

/// Compiles for `request.layers` layers, applied once, and `request.pauses` blank tokens; by default as many as are
/// needed.
///
/// A deeper circuit is compiled too: `labels.depth` against the number of layers says so.
///
/// # Errors
/// As [`compile::compile`]; the network has more gates and constants than pause tokens.
pub fn compile(circuit: &Circuit, source_sha256: &str, request: &Request) -> Result<Model> {
    let options = request.options();
    let mut mapped = compile::map(circuit, &options)?;
    let schedule = pad(&mut mapped.network, request)?;
    mapped.origin.resize(mapped.network.n_nodes(), None);
    compile::compile_network(circuit, source_sha256, mapped, (Scheme::PAUSE, schedule), &options)
}

/// Gives every pause token a node, and says how the layers are applied.
fn pad(network: &mut Network, request: &Request) -> Result<Schedule> {
    let schedule = Schedule::once(request.layers.unwrap_or(network.depth()));
    let n_needed = network.n_nodes() - network.n_inputs();
    let n_pauses = request.pauses.unwrap_or(n_needed);
    let Some(n_spare) = n_pauses.checked_sub(n_needed) else {
        let expected = format!("at most {n_pauses} gates and constants, one pause token each");
        return Err(Error::new(expected, n_needed.to_string())
            .hint(format!("--pause {n_needed} gives each of them a token")));
    };
    compile::require_size(network.k(), network.n_nodes().saturating_add(n_spare), schedule)?;
    for _ in 0..n_spare {
        network.constant(false);
    }
    Ok(schedule)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::generate;
    use crate::run::Reference;
    use crate::verify::{Check, Verdict, prove};

    fn compiled(spec: &str, n_pauses: usize, layers: usize) -> Result<(Circuit, Model)> {
        let circuit = generate(spec)?;
        let request =
            Request { layers: Some(layers), pauses: Some(n_pauses), ..Request::default() };
        let model = compile(&circuit, "", &request)?;
        Ok((circuit, model))
    }

    #[test]
    fn size_and_depth_that_fit_are_computed_and_spare_tokens_change_nothing() {
        for (n_pauses, layers) in [(7, 3), (7, 4), (9, 3), (40, 5)] {
            let (circuit, model) = compiled("parity:8", n_pauses, layers).unwrap();
            assert_eq!((model.n_ctx(), model.schedule().n_steps()), (8 + n_pauses, layers));
            assert_eq!(model.scheme, Scheme::PAUSE);
            assert!(prove(&model, &circuit).is_proof(), "{n_pauses} tokens, {layers} layers");
        }
    }

    #[test]
    fn one_token_too_few_is_an_error_and_one_layer_too_few_is_wrong() {
        let error = compiled("parity:8", 6, 3).unwrap_err();
        assert!(error.hint.contains("--pause 7"), "{error}");
        let (circuit, model) = compiled("parity:8", 7, 2).unwrap();
        assert!(!prove(&model, &circuit).is_proof());
        let engine = Reference::new(&model).unwrap();
        let verdict = Check::new(&engine, &circuit).run();
        assert!(matches!(verdict, Ok(Verdict::Refuted(_))));
    }

    #[test]
    fn more_tokens_than_memory_holds_are_an_error() {
        for n_pauses in [1 << 40, usize::MAX] {
            assert!(compiled("parity:8", n_pauses, 3).is_err());
        }
    }
}
