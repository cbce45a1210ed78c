//! What a looped model does, as steps of the network in it: states of gates, and when outputs are known.
//!
//! A compiled layer is one synchronous step of its network (the certificate proves it for each model), so
//! exercises about loops are exercises about steps. Numbers of inputs are counted 64 at a time.

use crate::batch::counting_word;
use crate::error::{Error, Result};
use crate::network::Network;

/// The states of all nodes after each of `steps` steps, from gates at `start`; entry 0 is the start.
pub fn states(network: &Network, inputs: &[bool], start: bool, steps: usize) -> Vec<Vec<bool>> {
    let values = network.evaluate(&constants_and(inputs, network));
    let at_start = |id: usize| if network.is_source(id) { values[id] } else { start };
    let mut states = vec![(0..network.n_nodes()).map(at_start).collect::<Vec<bool>>()];
    for _ in 0..steps {
        let last = states.last().expect("the start is there");
        let next = (0..network.n_nodes()).map(|id| step(network, last, id)).collect();
        states.push(next);
    }
    states
}

/// Inputs as [`Network::evaluate`] takes them.
fn constants_and(inputs: &[bool], network: &Network) -> Vec<bool> {
    inputs[..network.n_inputs()].to_vec()
}

/// The value of a node after one step.
pub fn step(network: &Network, states: &[bool], id: usize) -> bool {
    let operands = network.operands(id).iter().enumerate();
    network.value(id, operands.map(|(h, &p)| usize::from(states[p as usize]) << h).sum())
}

/// The output bits of a state.
pub fn outputs(network: &Network, states: &[bool]) -> Vec<bool> {
    network.outputs().iter().map(|&id| states[id as usize]).collect()
}

/// The most inputs for which [`known_after`] goes through all assignments.
const MAX_INPUTS: usize = 20;

/// For `T = 0, 1, …` the number of inputs whose outputs are all known after `T` steps and not before, if
/// every gate starts unknown and becomes known once its known operands decide it.
///
/// # Errors
/// There are more than 20 inputs.
pub fn known_after(network: &Network) -> Result<Vec<u64>> {
    let n = network.n_inputs();
    if n > MAX_INPUTS {
        return Err(Error::new(format!("at most {MAX_INPUTS} inputs"), n.to_string()));
    }
    let depth = network.depth();
    let mut counts = vec![0; depth + 1];
    let all = if n < 6 { (1u64 << (1u32 << n)) - 1 } else { u64::MAX };
    for word in 0..1u64 << n.saturating_sub(6) {
        let mut known = unknown_gates(network, word);
        let mut before = 0;
        for (t, count) in counts.iter_mut().enumerate() {
            if t > 0 {
                known = step_known(network, &known);
            }
            let is_known = |&id: &u32| known[id as usize][0] | known[id as usize][1];
            let now = network.outputs().iter().map(is_known).fold(all, |a, b| a & b);
            *count += u64::from((now & !before).count_ones());
            before = now;
        }
    }
    Ok(counts)
}

/// Per node the assignments of a word for which it is known to be 0, and to be 1.
type Known = Vec<[u64; 2]>;

fn unknown_gates(network: &Network, word: u64) -> Known {
    let of = |id: usize| match id < network.n_inputs() {
        true => [!counting_word(id, word), counting_word(id, word)],
        false if network.is_source(id) && network.value(id, 0) => [0, u64::MAX],
        false if network.is_source(id) => [u64::MAX, 0],
        false => [0, 0],
    };
    (0..network.n_nodes()).map(of).collect()
}

/// A gate is known to have a value where no row of its table that is still possible has the other.
fn step_known(network: &Network, known: &Known) -> Known {
    let of = |id: usize| {
        if network.is_source(id) {
            return known[id];
        }
        let mut possible = [0u64; 2];
        for row in 0..1 << network.k() {
            let operands = network.operands(id).iter().enumerate();
            let excluded = operands.map(|(h, &p)| known[p as usize][1 - (row >> h & 1)]);
            let open = excluded.fold(u64::MAX, |open, excluded| open & !excluded);
            possible[usize::from(network.value(id, row))] |= open;
        }
        [!possible[1], !possible[0]]
    };
    (0..network.n_nodes()).map(of).collect()
}

/// The number of gates on each level, level 1 first.
pub fn widths(network: &Network) -> Vec<usize> {
    let mut widths = vec![0; network.depth()];
    for &level in network.levels().iter().filter(|&&level| level > 0) {
        if let Some(width) = widths.get_mut(level as usize - 1) {
            *width += 1;
        }
    }
    widths
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::{Options, compile};
    use crate::family::generate;
    use crate::mapping;
    use crate::run::Reference;

    #[test]
    fn steps_are_what_the_compiled_model_does() {
        let circuit = generate("adder:2").unwrap();
        let network = mapping::map(&circuit, 2).unwrap().network;
        let model = compile(&circuit, "", &Options::default()).unwrap();
        let engine = Reference::new(&model).unwrap();
        for a in 0..16usize {
            let inputs: Vec<bool> = (0..4).map(|i| a >> i & 1 == 1).collect();
            let mut traced = Vec::new();
            engine.trace(&inputs, 4, |step| traced.push(step.bits)).unwrap();
            assert_eq!(states(&network, &inputs, false, 4), traced);
        }
    }

    /// Against a plain simulation: unknown gates are tried with all values for a tiny circuit.
    #[test]
    fn an_and_tree_knows_a_zero_early_and_a_one_late() {
        let network = mapping::map(&generate("and:4").unwrap(), 2).unwrap().network;
        assert_eq!(known_after(&network).unwrap(), [0, 0, 16]);
        let chain = mapping::map(&generate("parity-chain:5").unwrap(), 2).unwrap().network;
        assert_eq!(known_after(&chain).unwrap(), [0, 0, 0, 0, 32]);
        let adder = mapping::map(&generate("adder:4").unwrap(), 2).unwrap().network;
        let counts = known_after(&adder).unwrap();
        assert_eq!(counts.iter().sum::<u64>(), 256);
        assert!(
            known_after(&mapping::map(&generate("parity:21").unwrap(), 2).unwrap().network)
                .is_err()
        );
    }
}
