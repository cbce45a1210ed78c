//! Unrolled: as many layers as the circuit has levels, applied once. The compiler is the plain one of
//! [`mod@crate::compile`].

use super::cost::Cost;
use super::scheme::{Compiler, Flag, Request};
use crate::circuit::Circuit;
use crate::compile::{self, Options};
use crate::error::Result;
use crate::model::{Model, Schedule, Scheme};
use crate::network::Network;

#[derive(Debug)]
pub struct Unrolled;

impl Compiler for Unrolled {
    fn scheme(&self) -> Scheme {
        Scheme::UNROLLED
    }

    fn reads(&self) -> &'static [Flag] {
        &[Flag::COLLAPSE]
    }

    fn compile(&self, circuit: &Circuit, source_sha256: &str, request: &Request) -> Result<Model> {
        let options = Options { unroll: true, ..request.options() };
        compile::compile(circuit, source_sha256, &options)
    }

    fn cost(&self, network: &Network, request: &Request) -> Result<Cost> {
        Cost::of_plain(self.scheme(), network, Schedule::unrolled(network.depth()), request.dtype)
    }

    fn repeats_layers(&self) -> bool {
        false
    }
}
