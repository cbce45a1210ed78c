//! What a model computes that is read before its network is done: the steps of the network, unrolled.
//!
//! A model with fewer layers than levels has no certificate, but with more loops its weights may be read as
//! a network. After `T` layers each gate holds what `T` synchronous steps give from the states of the
//! embedding: its value if `T` is its level or more, and otherwise what it computes of its operands' states
//! after `T - 1` steps. That, unrolled, is a circuit, which a miter compares with the right one.

use super::certificate::read_network;
use super::decompile::{Table, gate};
use crate::circuit::{Builder, Circuit, Literal};
use crate::error::{Error, Result};
use crate::model::{Model, Parts};
use crate::network::Network;

/// The most gates that are unrolled.
const MAX_GATES: usize = 1 << 21;

/// The circuit of the outputs after the model's own layers.
///
/// # Errors
/// The weights cannot be read as a network with any number of loops, or there is too much to unroll.
pub(super) fn circuit_so_far(model: &Model) -> Result<Circuit> {
    let parts = model.clone().into_parts();
    // No network is deeper than it has nodes.
    let finished = Model::new(Parts { n_loops: model.n_ctx(), ..parts })?;
    let reading = read_network(&finished)?;
    let start = |id: u32| starts_at_1(model, reading.positions[id as usize]);
    Unrolling::new(model, &reading.network)?.finish(model.schedule().n_steps(), start)
}

/// What is read of a blank position before the first layer.
fn starts_at_1(model: &Model, position: usize) -> bool {
    let logit = |bit: usize| {
        let terms = (0..model.d_model()).map(|c| {
            (model.w_e[[Model::BLANK, c]] + model.w_pos[[position, c]]) * model.w_u[[c, bit]]
        });
        terms.sum::<f64>() + model.b_u[bit]
    };
    logit(1) > logit(0)
}

struct Unrolling<'m> {
    model: &'m Model,
    network: &'m Network,
    builder: Builder,
    /// The value of every node.
    values: Vec<Literal>,
}

impl<'m> Unrolling<'m> {
    fn new(model: &'m Model, network: &'m Network) -> Result<Self> {
        let mut builder = Builder::new();
        let mut values: Vec<Literal> = Vec::with_capacity(network.n_nodes());
        for name in &model.labels.input_names {
            values.push(builder.input(name)?.into());
        }
        for id in network.n_inputs()..network.n_nodes() {
            let table = Table::of_node(network, id);
            let operands: Vec<Literal> =
                table.operands.iter().map(|&operand| values[operand as usize]).collect();
            values.push(gate(&mut builder, &table.rows, &operands)?);
        }
        Ok(Unrolling { model, network, builder, values })
    }

    /// The outputs after `n_steps` steps from gates that start as `start` says.
    fn finish(mut self, n_steps: usize, start: impl Fn(u32) -> bool) -> Result<Circuit> {
        let due = self.due(n_steps)?;
        let constants = [false, true].map(|bit| self.builder.constant(bit));
        let [zero, one] = constants;
        let constants: [Literal; 2] = [zero?.into(), one?.into()];
        let mut before: Vec<(u32, Literal)> = Vec::new();
        for (step, nodes) in due.iter().enumerate() {
            let mut after = Vec::with_capacity(nodes.len());
            for &id in nodes {
                let state = match step {
                    0 => constants[usize::from(start(id))],
                    _ => self.step(id, step, &before)?,
                };
                after.push((id, state));
            }
            before = after;
        }
        for (name, &id) in self.model.labels.output_names.iter().zip(self.network.outputs()) {
            let literal = self.state(id, n_steps, &before);
            self.builder.output(name, literal)?;
        }
        self.builder.finish()
    }

    /// For every number of steps the nodes, in order, whose states then matter and are not their values.
    fn due(&self, n_steps: usize) -> Result<Vec<Vec<u32>>> {
        let levels = self.network.levels();
        let early = |id: &u32, steps: usize| levels[*id as usize] as usize > steps;
        let mut due = vec![Vec::new(); n_steps + 1];
        let mut next: Vec<u32> = self.network.outputs().to_vec();
        let mut total = 0;
        for steps in (0..=n_steps).rev() {
            next.retain(|id| early(id, steps));
            next.sort_unstable();
            next.dedup();
            total += next.len();
            if total > MAX_GATES {
                let found = format!("{total} after {} of {n_steps} steps", n_steps - steps + 1);
                return Err(Error::new(format!("at most {MAX_GATES} unrolled gates"), found));
            }
            let operands = next.iter().flat_map(|&id| self.network.operands(id as usize)).copied();
            let operands = operands.collect();
            due[steps] = std::mem::replace(&mut next, operands);
        }
        Ok(due)
    }

    /// What node `id` holds after `steps` steps, of which `states` are the early ones.
    fn state(&self, id: u32, steps: usize, states: &[(u32, Literal)]) -> Literal {
        if self.network.levels()[id as usize] as usize <= steps {
            return self.values[id as usize];
        }
        let place = states.binary_search_by_key(&id, |&(id, _)| id);
        states[place.expect("states that matter are due")].1
    }

    fn step(&mut self, id: u32, step: usize, before: &[(u32, Literal)]) -> Result<Literal> {
        let table = Table::of_node(self.network, id as usize);
        let operands = table.operands.iter();
        let operands: Vec<Literal> =
            operands.map(|&operand| self.state(operand, step - 1, before)).collect();
        gate(&mut self.builder, &table.rows, &operands)
    }
}
