//! Recurrent: the block of `L` layers is looped `R = ⌈depth / L⌉` times over the whole sequence, between a prelude and
//! a coda that are applied once. The compiler is the plain one of [`mod@crate::compile`].

use super::cost::Cost;
use super::scheme::{Compiler, Flag, Request};
use crate::circuit::Circuit;
use crate::compile;
use crate::error::Result;
use crate::model::{Model, Schedule, Scheme};
use crate::network::Network;

#[derive(Debug)]
pub struct Recurrent;

impl Compiler for Recurrent {
    fn scheme(&self) -> Scheme {
        Scheme::RECURRENT
    }

    fn reads(&self) -> &'static [Flag] {
        &[Flag::PRELUDE, Flag::CODA, Flag::COLLAPSE, Flag::LAYERS]
    }

    fn compile(&self, circuit: &Circuit, source_sha256: &str, request: &Request) -> Result<Model> {
        compile::compile(circuit, source_sha256, &request.options())
    }

    fn cost(&self, network: &Network, request: &Request) -> Result<Cost> {
        let options = request.options();
        let ends = (options.prelude, options.coda);
        let schedule = Schedule::recurrent(network.depth(), options.layers, ends);
        Cost::of_plain(self.scheme(), network, schedule, request.dtype)
    }
}
