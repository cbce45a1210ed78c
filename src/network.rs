//! Networks: the form of a circuit that a transformer computes, one node per position.
//!
//! Every node has exactly `k` operands and a truth table of `2^k` rows; an input is the projection on
//! itself, a constant reads itself and ignores it, a gate with fewer operands repeats its first. Inputs
//! come first, in order; operands of gates have smaller indices. This is the vocabulary that the
//! compiler, which writes networks into weights, and the certificate, which reads them back from
//! weights, have in common.

use crate::circuit::{Builder, Circuit, GateKind, TruthTable};
use crate::error::{Error, Result};

/// A `k`-input table network; see the module's head for its invariants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    k: usize,
    n_inputs: usize,
    /// `k` operands per node.
    operands: Vec<u32>,
    /// [`words_per_table`] words per node; bit `r` is the value at row `r`, operand 0 being the least
    /// significant bit of `r`.
    tables: Vec<u64>,
    outputs: Vec<u32>,
    levels: Vec<u32>,
}

/// The words of a truth table of `k` inputs.
pub(crate) fn words_per_table(k: usize) -> usize {
    (1 << k as u32).max(64) / 64
}

impl Network {
    /// The most operands a node may have: 256 table rows.
    pub const MAX_K: usize = 8;

    /// A network with `n_inputs` inputs and no other node yet.
    ///
    /// # Errors
    /// `k` is 0 or above [`Self::MAX_K`].
    pub fn new(k: usize, n_inputs: usize) -> Result<Self> {
        if k == 0 || k > Self::MAX_K {
            return Err(Error::new(format!("1 to {} operands a node", Self::MAX_K), k.to_string()));
        }
        let mut network = Network {
            k,
            n_inputs,
            operands: Vec::new(),
            tables: Vec::new(),
            outputs: Vec::new(),
            levels: vec![0; n_inputs],
        };
        for input in 0..n_inputs as u32 {
            network.operands.extend(std::iter::repeat_n(input, k));
            network.push_table(|row| row & 1 == 1);
        }
        Ok(network)
    }

    /// Adds a constant and returns its index.
    pub fn constant(&mut self, value: bool) -> u32 {
        let id = self.n_nodes() as u32;
        self.operands.extend(std::iter::repeat_n(id, self.k));
        self.push_table(|_| value);
        self.levels.push(0);
        id
    }

    /// Adds a gate over `operands` (at least one, at most `k`), whose value at row `r` is `table(r)`,
    /// and returns its index. Rows number the given operands only.
    ///
    /// # Errors
    /// No or more than `k` operands, or one that does not exist yet.
    pub fn gate(&mut self, operands: &[u32], table: impl Fn(usize) -> bool) -> Result<u32> {
        let id = self.n_nodes() as u32;
        if operands.is_empty() || operands.len() > self.k {
            return Err(Error::new(
                format!("1 to {} operands", self.k),
                operands.len().to_string(),
            ));
        }
        if let Some(&operand) = operands.iter().find(|&&operand| operand >= id) {
            return Err(Error::new(format!("operands below {id}"), operand.to_string()));
        }
        let level = operands.iter().map(|&p| self.levels[p as usize]).max();
        self.levels.push(1 + level.unwrap_or(0));
        self.operands.extend_from_slice(operands);
        self.operands.extend(std::iter::repeat_n(operands[0], self.k - operands.len()));
        let given_rows = (1 << operands.len()) - 1;
        self.push_table(|row| table(row & given_rows));
        Ok(id)
    }

    /// Makes node `id` the next output.
    ///
    /// # Errors
    /// The node does not exist.
    pub fn output(&mut self, id: u32) -> Result<()> {
        if id as usize >= self.n_nodes() {
            return Err(Error::new(format!("a node below {}", self.n_nodes()), id.to_string()));
        }
        self.outputs.push(id);
        Ok(())
    }

    /// The network as a circuit of one LUT per gate, over the gate's distinct operands.
    ///
    /// # Errors
    /// Not one name per input and output, a name twice, or a gate of more than
    /// [`TruthTable::MAX_INPUTS`] distinct operands.
    pub fn to_circuit(&self, input_names: &[String], output_names: &[String]) -> Result<Circuit> {
        let (expected, found) =
            ([self.n_inputs, self.outputs.len()], [input_names.len(), output_names.len()]);
        if expected != found {
            let names = |[i, o]: [usize; 2]| format!("{i} input names and {o} output names");
            return Err(Error::new(names(expected), names(found)));
        }
        let mut builder = Builder::new();
        let mut nodes = Vec::with_capacity(self.n_nodes());
        for name in input_names {
            nodes.push(builder.input(name)?);
        }
        for id in self.n_inputs..self.n_nodes() {
            let node = if self.is_source(id) {
                builder.constant(self.value(id, 0))?
            } else {
                let (operands, table) = self.lut(id)?;
                let fanins: Vec<_> =
                    operands.iter().map(|&p| nodes[p as usize].literal()).collect();
                builder.gate(GateKind::Lut(table), &fanins)?
            };
            nodes.push(node);
        }
        for (name, &id) in output_names.iter().zip(&self.outputs) {
            builder.output(name, nodes[id as usize])?;
        }
        builder.finish()
    }

    /// The distinct operands of a gate and its table over them.
    fn lut(&self, id: usize) -> Result<(Vec<u32>, TruthTable)> {
        let mut distinct: Vec<u32> = Vec::with_capacity(self.k);
        for &operand in self.operands(id) {
            if !distinct.contains(&operand) {
                distinct.push(operand);
            }
        }
        let place = |p: &u32| distinct.iter().position(|d| d == p).expect("it is among them");
        let places: Vec<usize> = self.operands(id).iter().map(place).collect();
        let row = |r: usize| places.iter().enumerate().map(|(h, &i)| (r >> i & 1) << h).sum();
        let rows = 0..1usize << distinct.len().min(TruthTable::MAX_INPUTS);
        let bits = rows.map(|r| u64::from(self.value(id, row(r))) << r).sum();
        let table = TruthTable::new(distinct.len(), bits)?;
        Ok((distinct, table))
    }

    fn push_table(&mut self, value: impl Fn(usize) -> bool) {
        let rows = 1 << self.k;
        for word in 0..words_per_table(self.k) {
            let in_word = 64 * word..rows.min(64 * (word + 1));
            let bits = in_word.map(|row| u64::from(value(row)) << (row % 64)).sum();
            self.tables.push(bits);
        }
    }

    /// Operands per node.
    pub fn k(&self) -> usize {
        self.k
    }

    /// Inputs, constants and gates.
    pub fn n_nodes(&self) -> usize {
        self.levels.len()
    }

    /// The number of inputs, which are the first nodes.
    pub fn n_inputs(&self) -> usize {
        self.n_inputs
    }

    /// The `k` operands of a node.
    pub fn operands(&self, id: usize) -> &[u32] {
        &self.operands[id * self.k..(id + 1) * self.k]
    }

    /// The table of a node, row 0 in bit 0 of the first word.
    pub fn table(&self, id: usize) -> &[u64] {
        let words = words_per_table(self.k);
        &self.tables[id * words..(id + 1) * words]
    }

    /// The value of node `id` at `row`.
    pub fn value(&self, id: usize, row: usize) -> bool {
        self.table(id)[row / 64] >> (row % 64) & 1 == 1
    }

    /// The nodes that are outputs, in order.
    pub fn outputs(&self) -> &[u32] {
        &self.outputs
    }

    /// The level of every node: 0 for inputs and constants, else 1 + the highest operand's.
    pub fn levels(&self) -> &[u32] {
        &self.levels
    }

    /// Whether the node reads itself: an input or a constant.
    pub fn is_source(&self, id: usize) -> bool {
        self.levels[id] == 0
    }

    /// The highest level of an output.
    pub fn depth(&self) -> usize {
        let levels = self.outputs.iter().map(|&id| self.levels[id as usize]);
        levels.max().unwrap_or(0) as usize
    }

    /// The value of every node, by definition.
    ///
    /// # Panics
    /// `inputs` is not one bit per input: callers check.
    pub fn evaluate(&self, inputs: &[bool]) -> Vec<bool> {
        assert_eq!(inputs.len(), self.n_inputs, "one bit per input");
        let mut values = inputs.to_vec();
        values.resize(self.n_nodes(), false);
        for id in self.n_inputs..self.n_nodes() {
            let bits = self.operands(id).iter().enumerate();
            let row = bits.map(|(h, &p)| usize::from(values[p as usize]) << h).sum();
            values[id] = self.value(id, row);
        }
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_with_fewer_operands_than_k_repeats_its_first() {
        let mut network = Network::new(3, 2).unwrap();
        let nand = network.gate(&[1, 0], |row| row != 3).unwrap();
        network.output(nand).unwrap();
        for (a, b) in [(false, false), (false, true), (true, false), (true, true)] {
            assert_eq!(network.evaluate(&[a, b])[nand as usize], !(a && b));
        }
        assert_eq!(network.operands(2), [1, 0, 1]);
        assert_eq!((network.depth(), network.levels()), (1, &[0, 0, 1][..]));
    }

    #[test]
    fn the_circuit_of_a_network_computes_the_same() {
        let mut network = Network::new(3, 2).unwrap();
        let one = network.constant(true);
        let nand = network.gate(&[1, 0], |row| row != 3).unwrap();
        let xor = network.gate(&[nand, one, 0], |row| row.count_ones() % 2 == 1).unwrap();
        for id in [xor, one, 0] {
            network.output(id).unwrap();
        }
        let names = |names: &[&str]| names.iter().map(|name| name.to_string()).collect::<Vec<_>>();
        let circuit = network.to_circuit(&names(&["a", "b"]), &names(&["x", "y", "z"])).unwrap();
        for bits in [[false, false], [false, true], [true, false], [true, true]] {
            let values = network.evaluate(&bits);
            let expected: Vec<bool> =
                network.outputs().iter().map(|&id| values[id as usize]).collect();
            assert_eq!(circuit.evaluate(&bits).unwrap(), expected);
        }
        assert_eq!(circuit.fanins(circuit.node(3).unwrap()).count(), 2);
        assert!(network.to_circuit(&names(&["a"]), &names(&["x", "y", "z"])).is_err());
    }

    #[test]
    fn a_gate_of_seven_distinct_operands_has_no_lut() {
        let mut network = Network::new(7, 7).unwrap();
        network.gate(&[0, 1, 2, 3, 4, 5, 6], |row| row == 127).unwrap();
        let names: Vec<String> = (0..7).map(|i| format!("x{i}")).collect();
        assert!(network.to_circuit(&names, &[]).is_err());
    }

    #[test]
    fn a_forward_reference_is_refused() {
        let mut network = Network::new(2, 1).unwrap();
        assert!(network.gate(&[1], |_| true).is_err());
        assert!(network.gate(&[0, 0, 0], |_| true).is_err());
        assert!(network.output(1).is_err());
        assert!(Network::new(9, 1).is_err());
    }
}
