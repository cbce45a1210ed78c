//! Pairing: which input and output of a model is which of a circuit.
//!
//! By name where both have the same names, inputs and outputs each, else by position. Of equal names the first
//! is paired with the first. A pairing puts the model's ports into the circuit's order, in which everything is
//! then checked; [`Pairing::model_input`] goes back to the order that the model's file declares.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::require_same_ports;
use crate::circuit::Circuit;
use crate::error::{Error, Result};
use crate::model::Model;

/// How ports are paired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PairBy {
    /// By name.
    Name,
    /// In their order.
    #[default]
    Position,
}

impl fmt::Display for PairBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PairBy::Name => "name",
            PairBy::Position => "position",
        })
    }
}

impl FromStr for PairBy {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "name" => Ok(PairBy::Name),
            "position" => Ok(PairBy::Position),
            _ => Err(Error::new("name or position", format!("{text:?}"))),
        }
    }
}

/// The pairs of a model's and a circuit's ports.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pairing {
    by: PairBy,
    /// For each input of the circuit the number of the model's; empty where the orders are the same.
    inputs: Vec<usize>,
    outputs: Vec<usize>,
}

impl Pairing {
    /// Pairs the ports as `asked`, or by name where that can be done.
    ///
    /// # Errors
    /// The circuit is sequential, the numbers of ports differ, or the names do where they are asked for.
    pub fn new(model: &Model, circuit: &Circuit, asked: Option<PairBy>) -> Result<Self> {
        require_same_ports(model, circuit)?;
        if asked == Some(PairBy::Position) {
            return Ok(Pairing::default());
        }
        let output_names: Vec<String> = circuit.outputs().iter().map(|o| o.name.clone()).collect();
        let inputs = pair("input", &model.labels.input_names, circuit.input_names());
        let outputs = pair("output", &model.labels.output_names, &output_names);
        match (inputs, outputs, asked) {
            (Ok(inputs), Ok(outputs), _) => Ok(Pairing { by: PairBy::Name, inputs, outputs }),
            (Err(error), _, Some(PairBy::Name)) | (_, Err(error), Some(PairBy::Name)) => {
                Err(error.hint("--pair position goes by the order in the files"))
            }
            _ => Ok(Pairing::default()),
        }
    }

    /// By what they are paired.
    pub fn by(&self) -> PairBy {
        self.by
    }

    /// Whether model and circuit declare their ports in one order.
    pub fn is_in_order(&self) -> bool {
        self.inputs.is_empty() && self.outputs.is_empty()
    }

    /// The model with its ports in the circuit's order.
    pub fn arrange(&self, model: Model) -> Model {
        if self.is_in_order() {
            return model;
        }
        let order = |order: &[usize], n: usize| {
            if order.is_empty() { (0..n).collect() } else { order.to_vec() }
        };
        let inputs: Vec<usize> = order(&self.inputs, model.input_positions.len());
        let outputs: Vec<usize> = order(&self.outputs, model.output_positions.len());
        model.with_ports(&inputs, &outputs)
    }

    /// An assignment in the order of the model's file.
    pub fn model_input(&self, circuit_input: &[bool]) -> Vec<bool> {
        let mut input = circuit_input.to_vec();
        self.inputs.iter().zip(circuit_input).for_each(|(&i, &bit)| input[i] = bit);
        input
    }

    /// An assignment in the order of the circuit's file.
    pub fn circuit_input(&self, model_input: &[bool]) -> Vec<bool> {
        if self.inputs.is_empty() {
            model_input.to_vec()
        } else {
            self.inputs.iter().map(|&i| model_input[i]).collect()
        }
    }

    /// The number of an output in the model's file.
    pub fn model_output(&self, circuit_output: usize) -> usize {
        self.outputs.get(circuit_output).copied().unwrap_or(circuit_output)
    }
}

impl Serialize for Pairing {
    fn serialize<S: serde::Serializer>(
        &self,
        serializer: S,
    ) -> std::result::Result<S::Ok, S::Error> {
        self.by.serialize(serializer)
    }
}

/// For each of the circuit's names the number of the model's that is equal; empty where the lists are equal.
///
/// # Errors
/// The circuit's first name that the model has not.
fn pair(what: &str, model: &[String], circuit: &[String]) -> Result<Vec<usize>> {
    if model == circuit {
        return Ok(Vec::new());
    }
    let mut numbers: HashMap<&str, Vec<usize>> = HashMap::new();
    for (i, name) in model.iter().enumerate().rev() {
        numbers.entry(name).or_default().push(i);
    }
    let number = |name: &String| {
        let number = numbers.get_mut(name.as_str()).and_then(Vec::pop);
        number.ok_or_else(|| Error::new(format!("an {what} {name:?} of the model"), "none"))
    };
    circuit.iter().map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(model: &[&str], circuit: &[&str]) -> Option<Vec<usize>> {
        let names = |names: &[&str]| names.iter().map(|name| name.to_string()).collect::<Vec<_>>();
        pair("input", &names(model), &names(circuit)).ok()
    }

    #[test]
    fn equal_names_are_paired_in_order_and_others_not_at_all() {
        assert_eq!(numbers(&["a", "b"], &["a", "b"]), Some(vec![]));
        assert_eq!(numbers(&["a", "b", "c"], &["c", "a", "b"]), Some(vec![2, 0, 1]));
        assert_eq!(numbers(&["a", "b", "a"], &["a", "a", "b"]), Some(vec![0, 2, 1]));
        assert_eq!(numbers(&["a", "b", "b"], &["a", "a", "b"]), None);
        assert_eq!(numbers(&["a", "b"], &["a", "B"]), None);
    }

    #[test]
    fn assignments_go_there_and_back() {
        let pairing = Pairing { by: PairBy::Name, inputs: vec![2, 0, 1], outputs: vec![] };
        let circuit = [true, false, false];
        let model = pairing.model_input(&circuit);
        assert_eq!(model, [false, false, true]);
        assert_eq!(pairing.circuit_input(&model), circuit);
    }
}
