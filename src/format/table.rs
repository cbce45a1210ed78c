//! Truth tables as files give them, into the plain gates that they are.

use super::nets::Pin;
use crate::circuit::{GateKind, TruthTable};

/// The gate that a table over `pins` is, and its operands: a constant, buffer, inverter, AND or OR (with
/// complements on the pins where needed), parity, multiplexer or majority, else a LUT. Pins that the
/// table does not depend on are dropped, so a false dependency costs no depth.
pub fn simplify(table: TruthTable, pins: &[Pin]) -> (GateKind, Vec<Pin>) {
    let (table, pins) = drop_idle(table, pins);
    let n = table.n_inputs();
    let ones = table.bits().count_ones();
    let full = 1u64 << n;
    let plain = |kind: GateKind| (kind, pins.clone());
    let marked = |kind: GateKind, row: u32, value: bool| {
        let pin = |h: usize| pins[h].flip_if((row >> h & 1 == 1) == value);
        (kind, (0..n).map(pin).collect())
    };
    let named =
        [GateKind::And, GateKind::Or, GateKind::Nand, GateKind::Nor, GateKind::Xor, GateKind::Xnor];
    if n == 0 {
        return (GateKind::Const(table.at(0)), Vec::new());
    }
    if n == 1 {
        return plain(if table.at(1) { GateKind::Buf } else { GateKind::Not });
    }
    if let Some(kind) = named.into_iter().find(|kind| kind.table(n) == table) {
        return plain(kind);
    }
    if u64::from(ones) == 1 {
        return marked(GateKind::And, table.bits().trailing_zeros(), false);
    }
    if u64::from(ones) == full - 1 {
        return marked(GateKind::Or, table.complement().bits().trailing_zeros(), true);
    }
    if n == 3 {
        let named = [GateKind::Mux, GateKind::Maj];
        if let Some(kind) = named.into_iter().find(|kind| kind.table(n) == table) {
            return plain(kind);
        }
    }
    plain(GateKind::Lut(table))
}

/// The function over the pins that it depends on.
fn drop_idle(table: TruthTable, pins: &[Pin]) -> (TruthTable, Vec<Pin>) {
    let used: Vec<usize> = (0..pins.len()).filter(|&h| table.depends_on(h)).collect();
    let full_row = |row: usize| used.iter().enumerate().map(|(i, &h)| (row >> i & 1) << h).sum();
    let mut bits = 0;
    for row in 0..1usize << used.len() {
        bits |= u64::from(table.at(full_row(row))) << row;
    }
    let table = TruthTable::new(used.len(), bits).expect("no more inputs than before");
    (table, used.iter().map(|&h| pins[h]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::cursor::Source;
    use crate::format::nets::Nets;

    #[test]
    fn every_table_of_up_to_four_inputs_keeps_its_function() {
        for n in 0..=4usize {
            let mut netlist = Nets::new(Source::new(b"", "f").unwrap());
            let nets: Vec<_> = (0..n).map(|_| netlist.anonymous(0)).collect();
            let pins: Vec<Pin> = nets.iter().map(|&net| net.into()).collect();
            for bits in 0..1u64 << (1 << n) {
                let table = TruthTable::new(n, bits).unwrap();
                let (kind, fanins) = simplify(table, &pins);
                for row in 0..1usize << n {
                    let value = |pin: &Pin| {
                        let h = nets.iter().position(|&net| net == pin.net).unwrap();
                        (row >> h & 1 == 1) ^ pin.complemented
                    };
                    let operands: Vec<bool> = fanins.iter().map(value).collect();
                    assert_eq!(kind.evaluate(&operands), table.at(row), "{n} {bits:b} {kind:?}");
                }
            }
        }
    }

    #[test]
    fn the_named_gates_are_recognised() {
        let mut netlist = Nets::new(Source::new(b"", "f").unwrap());
        let pins: Vec<Pin> = (0..3).map(|_| netlist.anonymous(0).into()).collect();
        for kind in [GateKind::And, GateKind::Nor, GateKind::Xnor, GateKind::Mux, GateKind::Maj] {
            assert_eq!(simplify(kind.table(3), &pins), (kind, pins.clone()));
        }
        let implies = TruthTable::new(2, 0b1101).unwrap();
        let (kind, fanins) = simplify(implies, &pins[..2]);
        assert_eq!((kind, fanins), (GateKind::Or, vec![pins[0].flip_if(true), pins[1]]));
    }
}
