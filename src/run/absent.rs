//! What stands for the dense engine in a library that is built without candle: it says what it needs.

use std::convert::Infallible;
use std::marker::PhantomData;

use super::{Device, Engine, Step};
use crate::batch::Batch;
use crate::error::{Error, Result};
use crate::model::Model;

/// An engine that there is none of: the library was built without the cargo feature `candle`.
#[derive(Debug)]
pub struct Dense<'m> {
    never: Infallible,
    model: PhantomData<&'m Model>,
}

impl<'m> Dense<'m> {
    /// # Errors
    /// Always.
    pub fn new(_: &'m Model, _: &Device) -> Result<Self> {
        Err(Error::not_compiled_in("the dense engine", "candle"))
    }

    /// # Errors
    /// Always.
    pub fn with_basic_operations(model: &'m Model, device: &Device) -> Result<Self> {
        Dense::new(model, device)
    }

    /// # Errors
    /// It is never called: there is no such engine.
    pub fn trace(&self, _: &[bool], _: usize, _: impl FnMut(Step)) -> Result<()> {
        match self.never {}
    }
}

impl Engine for Dense<'_> {
    fn name(&self) -> &'static str {
        match self.never {}
    }

    fn model(&self) -> &Model {
        match self.never {}
    }

    fn run(&self, _: &Batch, _: usize) -> Result<Batch> {
        match self.never {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::{Options, compile};

    #[test]
    fn asking_for_it_is_an_error_with_the_feature_to_turn_on() {
        let circuit = crate::family::generate("and:2").unwrap();
        let model = compile(&circuit, "", &Options::default()).unwrap();
        let error = Dense::new(&model, &Device::cpu()).unwrap_err();
        assert!(error.to_string().contains("--features candle"), "{error}");
        assert!(Dense::with_basic_operations(&model, &Device::cpu()).is_err());
    }
}
