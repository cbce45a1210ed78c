//! What a looped model does, as steps of the network in it: the states of gates.
//!
//! A compiled layer is one synchronous step of its network (the certificate proves it for each model), so
//! exercises about loops are exercises about steps.

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
}
