//! Decompiling: from the weights of a model back to a circuit.
//!
//! In: a model. Out: a circuit with one gate per node of the network that the certificate reads from the
//! weights, named by the model's labels for inputs and outputs. The claim is not looked at, nor the names
//! of channels. Tables that are an AND, OR or XOR of their operands or complements become such gates,
//! others stay tables; those of more than six operands are split by Shannon's expansion.

use super::certificate::read_network;
use crate::circuit::{Builder, Circuit, GateKind, Literal, TruthTable};
use crate::error::Result;
use crate::model::Model;
use crate::network::Network;

/// The circuit that the weights of a model compute.
///
/// # Errors
/// The weights can't be read as a network, or two inputs or two outputs have the same name.
pub fn decompile(model: &Model) -> Result<Circuit> {
    let network = read_network(model)?.network;
    let mut builder = Builder::new();
    let mut literals: Vec<Literal> = Vec::with_capacity(network.n_nodes());
    for name in &model.labels.input_names {
        literals.push(builder.input(name)?.into());
    }
    for id in network.n_inputs()..network.n_nodes() {
        let table = Table::of_node(&network, id);
        let operands: Vec<Literal> =
            table.operands.iter().map(|&operand| literals[operand as usize]).collect();
        literals.push(gate(&mut builder, &table.rows, &operands)?);
    }
    for (name, &id) in model.labels.output_names.iter().zip(network.outputs()) {
        builder.output(name, literals[id as usize])?;
    }
    builder.finish()
}

/// The value of a node at every row of its distinct operands.
pub(super) struct Table {
    pub operands: Vec<u32>,
    pub rows: Vec<bool>,
}

impl Table {
    /// A source's table has no operands, as the only sources here that are no inputs are constants.
    pub fn of_node(network: &Network, id: usize) -> Self {
        if network.is_source(id) {
            return Table { operands: Vec::new(), rows: vec![network.value(id, 0)] };
        }
        let mut operands = Vec::new();
        for &operand in network.operands(id) {
            if !operands.contains(&operand) {
                operands.push(operand);
            }
        }
        let place = |operand| operands.iter().position(|&other| other == operand);
        let places: Vec<usize> = network.operands(id).iter().filter_map(|&o| place(o)).collect();
        let value = |row: usize| {
            let heads = places.iter().enumerate();
            network.value(id, heads.map(|(h, &place)| (row >> place & 1) << h).sum())
        };
        let rows = (0..1 << operands.len()).map(value).collect();
        Table { operands, rows }
    }
}

/// The gate with the given rows over `operands`, all of which matter.
pub(super) fn gate(builder: &mut Builder, rows: &[bool], operands: &[Literal]) -> Result<Literal> {
    match *operands {
        [] => return Ok(builder.constant(rows[0])?.into()),
        [operand] => return Ok(operand.flip_if(rows[0])),
        _ => {}
    }
    for value in [true, false] {
        if let Some(row) = only_row(rows, value) {
            let literals: Vec<Literal> = (operands.iter().enumerate())
                .map(|(h, operand)| operand.flip_if((row >> h & 1 == 1) != value))
                .collect();
            // Where it is 0 in one row only, some literal that is 0 there must be 1.
            let kind = if value { GateKind::And } else { GateKind::Or };
            return Ok(builder.gate(kind, &literals)?.into());
        }
    }
    let is_parity = |odd: bool| {
        let mut all = rows.iter().enumerate();
        all.all(|(row, &value)| value == ((row.count_ones() % 2 == 1) != odd))
    };
    if is_parity(false) {
        return Ok(builder.gate(GateKind::Xor, operands)?.into());
    }
    if is_parity(true) {
        return Ok(builder.gate(GateKind::Xnor, operands)?.into());
    }
    table_gate(builder, rows, operands)
}

/// The only row with the given value, if there is just one.
fn only_row(rows: &[bool], value: bool) -> Option<usize> {
    let mut found = (0..rows.len()).filter(|&row| rows[row] == value);
    let row = found.next()?;
    found.next().is_none().then_some(row)
}

/// A table, split at the last operand while it is too large for one gate.
fn table_gate(builder: &mut Builder, rows: &[bool], operands: &[Literal]) -> Result<Literal> {
    if operands.len() <= TruthTable::MAX_INPUTS {
        let bits = rows.iter().enumerate().map(|(row, &value)| u64::from(value) << row).sum();
        let kind = GateKind::Lut(TruthTable::new(operands.len(), bits)?);
        return Ok(builder.gate(kind, operands)?.into());
    }
    let (low, high) = rows.split_at(rows.len() / 2);
    let (&last, rest) = operands.split_last().expect("more than six operands");
    // At most two levels deep, since a network has at most eight operands.
    let zero = table_gate(builder, low, rest)?;
    let one = table_gate(builder, high, rest)?;
    Ok(builder.gate(GateKind::Mux, &[last, zero, one])?.into())
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// The circuit of one gate with the given rows.
    fn one_gate(rows: &[bool]) -> Circuit {
        let mut builder = Builder::new();
        let n = rows.len().trailing_zeros();
        let operands: Vec<Literal> =
            (0..n).map(|i| builder.input(format!("x{i}")).unwrap().into()).collect();
        let output = gate(&mut builder, rows, &operands).unwrap();
        builder.output("y", output).unwrap();
        builder.finish().unwrap()
    }

    fn require_rows(rows: &[bool]) -> Circuit {
        let circuit = one_gate(rows);
        for (row, &value) in rows.iter().enumerate() {
            let bits: Vec<bool> = (0..circuit.inputs().len()).map(|i| row >> i & 1 == 1).collect();
            assert_eq!(circuit.evaluate(&bits).unwrap(), [value], "{rows:?} at {bits:?}");
        }
        circuit
    }

    #[test]
    fn every_table_of_two_operands_that_matter_becomes_a_plain_gate() {
        for bits in 0..16 {
            let table = TruthTable::new(2, bits).unwrap();
            if !(table.depends_on(0) && table.depends_on(1)) {
                continue;
            }
            let circuit = require_rows(&(0..4).map(|row| table.at(row)).collect::<Vec<_>>());
            assert_eq!(circuit.n_gates(), 1);
            let last = circuit.nodes().last().unwrap();
            assert!(!matches!(circuit.kind(last), GateKind::Lut(_)));
        }
    }

    #[test]
    fn tables_of_up_to_eight_operands_keep_their_rows() {
        let mut rng = ChaCha8Rng::seed_from_u64(8);
        require_rows(&[false]);
        require_rows(&[true]);
        require_rows(&[false, true]);
        require_rows(&[true, false]);
        for n in 2..=8 {
            for _ in 0..20 {
                require_rows(&(0..1 << n).map(|_| rng.random()).collect::<Vec<bool>>());
            }
            let row = rng.random_range(0..1usize << n);
            for value in [false, true] {
                require_rows(&(0..1 << n).map(|r| (r == row) == value).collect::<Vec<bool>>());
                let odd = |r: usize| (r.count_ones() % 2 == 1) == value;
                require_rows(&(0..1 << n).map(odd).collect::<Vec<bool>>());
            }
        }
    }
}
