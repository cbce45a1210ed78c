//! Covers into gates: a `.names` table becomes one gate where it is small, AND gates under an OR else.

use crate::circuit::{GateKind, TruthTable};
use crate::error::Result;
use crate::format::nets::{Net, Nets, Pin};
use crate::format::table::simplify;

/// Drives `target` by the cover: 1 in the cubes of `rows` where `value` holds, 0 in them otherwise.
///
/// Columns in which every row has a `-` are no fan-ins. Linear in the cover: a table is built only over
/// at most six columns.
///
/// # Errors
/// `target` is driven already.
pub fn add_cover(
    netlist: &mut Nets<'_>,
    target: Net,
    inputs: &[Pin],
    rows: &[&str],
    value: bool,
    offset: usize,
) -> Result<()> {
    let mut is_used = vec![false; inputs.len()];
    for row in rows {
        for (used, column) in is_used.iter_mut().zip(row.bytes()) {
            *used |= column != b'-';
        }
    }
    let used: Vec<usize> = (0..inputs.len()).filter(|&h| is_used[h]).collect();
    if used.len() <= TruthTable::MAX_INPUTS {
        let pins: Vec<Pin> = used.iter().map(|&h| inputs[h]).collect();
        let (kind, pins) = simplify(table(&used, rows, value), &pins);
        return netlist.gate(target, kind, &pins, offset);
    }
    let cubes: Vec<Vec<Pin>> = rows.iter().map(|row| literals(inputs, row)).collect();
    if cubes.iter().any(Vec::is_empty) {
        return netlist.gate(target, GateKind::Const(value), &[], offset);
    }
    if let [cube] = cubes.as_slice() {
        let kind = if value { GateKind::And } else { GateKind::Nand };
        return netlist.gate(target, kind, cube, offset);
    }
    let mut terms = Vec::with_capacity(cubes.len());
    for cube in &cubes {
        terms.push(term(netlist, cube, offset)?);
    }
    let kind = if value { GateKind::Or } else { GateKind::Nor };
    netlist.gate(target, kind, &terms, offset)
}

fn table(used: &[usize], rows: &[&str], value: bool) -> TruthTable {
    let projection = |h: usize| TruthTable::projection(used.len(), h).bits();
    let mut covered = 0;
    for row in rows {
        let columns = used.iter().map(|&h| row.as_bytes()[h]).enumerate();
        covered |= columns.fold(u64::MAX, |cube, (i, column)| match column {
            b'1' => cube & projection(i),
            b'0' => cube & !projection(i),
            _ => cube,
        });
    }
    let bits = if value { covered } else { !covered };
    TruthTable::new(used.len(), bits).expect("callers have at most six columns")
}

/// The literals of one cube.
fn literals(inputs: &[Pin], row: &str) -> Vec<Pin> {
    let columns = inputs.iter().zip(row.bytes()).filter(|(_, column)| *column != b'-');
    columns.map(|(pin, column)| pin.flip_if(column == b'0')).collect()
}

fn term(netlist: &mut Nets<'_>, cube: &[Pin], offset: usize) -> Result<Pin> {
    if let [literal] = cube {
        return Ok(*literal);
    }
    let net = netlist.anonymous(offset);
    netlist.gate(net, GateKind::And, cube, offset)?;
    Ok(net.into())
}
