//! Conformance of circuits: gates against tables written by hand, levels and cones against what they
//! promise, and the oracle against the plain definition, on every path it has.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use circuit2tf::batch::Batch;
use circuit2tf::circuit::eval::{BLOCK_WORDS, Comparison, Simd, compare_exhaustively};
use circuit2tf::circuit::{
    Builder, Circuit, GateKind, LatchInit, Literal, NodeId, Oracle, TruthTable,
};
use circuit2tf::{Progress, Result};
use proptest::prelude::*;

/// A builder with inputs `x0`, `x1`, ….
fn with_inputs(n: usize) -> (Builder, Vec<Literal>) {
    let mut builder = Builder::new();
    let inputs = (0..n).map(|i| builder.input(format!("x{i}")).unwrap().literal()).collect();
    (builder, inputs)
}

/// The circuit whose outputs are `outputs`, in order.
fn finish(mut builder: Builder, outputs: &[Literal]) -> Circuit {
    for (o, &literal) in outputs.iter().enumerate() {
        builder.output(format!("y{o}"), literal).unwrap();
    }
    builder.finish().unwrap()
}

/// Every instruction set of this machine with every block size.
fn paths() -> impl Iterator<Item = (Simd, usize)> {
    let available = Simd::ALL.into_iter().filter(|simd| simd.is_available());
    available.flat_map(|simd| BLOCK_WORDS.map(|words| (simd, words)))
}

/// All values of all nodes and of the outputs, by the plain definition.
fn by_definition(circuit: &Circuit, inputs: &Batch) -> (Batch, Batch) {
    let columns = |f: &dyn Fn(&[bool]) -> Result<Vec<bool>>| -> Vec<Vec<bool>> {
        (0..inputs.n_assignments()).map(|a| f(&inputs.column(a)).unwrap()).collect()
    };
    let nodes = columns(&|bits| circuit.evaluate_nodes(bits));
    let outputs = columns(&|bits| circuit.evaluate(bits));
    (
        Batch::from_columns(circuit.n_nodes(), &nodes).unwrap(),
        Batch::from_columns(circuit.outputs().len(), &outputs).unwrap(),
    )
}

/// Holds every path of the oracle against the plain definition.
fn check(circuit: &Circuit, inputs: &Batch) {
    let (nodes, outputs) = by_definition(circuit, inputs);
    let oracle = Oracle::new(circuit).unwrap();
    assert_eq!(oracle.run_nodes(inputs).unwrap().first_difference(&nodes), None, "nodes");
    assert_eq!(oracle.run(inputs).unwrap().first_difference(&outputs), None, "outputs");
    for (simd, words) in paths() {
        let got = oracle.simulator_with(simd, words).unwrap().run(inputs).unwrap();
        assert_eq!(got.first_difference(&outputs), None, "{simd:?}, {words} words");
    }
}

/// All assignments of at most a few inputs.
fn all_assignments(n_inputs: usize) -> Batch {
    Batch::counting(n_inputs, 0, 1 << n_inputs)
}

/// Pseudo-random bits, the same for the same seed.
fn scrambled(n_signals: usize, n_assignments: usize, seed: u64) -> Batch {
    let mut batch = Batch::zeros(n_signals, n_assignments);
    let mut state = seed;
    for word in batch.raw_mut() {
        // SplitMix64.
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (state ^ state >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        *word = mixed ^ mixed >> 31;
    }
    batch
}

// Gates.

#[test]
fn gates_have_the_tables_of_the_textbook() {
    // The value at row 0, row 1, …; operand 0 is the least significant bit of the row.
    let tables: &[(GateKind, usize, &str)] = &[
        (GateKind::Const(false), 0, "0"),
        (GateKind::Const(true), 0, "1"),
        (GateKind::Buf, 1, "01"),
        (GateKind::Not, 1, "10"),
        (GateKind::And, 1, "01"),
        (GateKind::And, 2, "0001"),
        (GateKind::Or, 2, "0111"),
        (GateKind::Xor, 2, "0110"),
        (GateKind::Nand, 1, "10"),
        (GateKind::Nand, 2, "1110"),
        (GateKind::Nor, 2, "1000"),
        (GateKind::Xnor, 1, "10"),
        (GateKind::Xnor, 2, "1001"),
        (GateKind::And, 3, "00000001"),
        (GateKind::Or, 3, "01111111"),
        (GateKind::Xor, 3, "01101001"),
        (GateKind::Nand, 3, "11111110"),
        (GateKind::Nor, 3, "10000000"),
        (GateKind::Xnor, 3, "10010110"),
        // Operand 0 selects operand 1 (bit 1 of the row) where it is 0, operand 2 where it is 1.
        (GateKind::Mux, 3, "00100111"),
        (GateKind::Maj, 3, "00010111"),
        (GateKind::Lut(TruthTable::new(2, 0b0010).unwrap()), 2, "0100"),
    ];
    for &(kind, n, rows) in tables {
        let table = kind.table(n);
        let got: String = (0..1 << n).map(|row| if table.at(row) { '1' } else { '0' }).collect();
        assert_eq!(got, rows, "{} of {n}", kind.name());
    }
}

#[test]
fn gates_take_the_fanins_of_their_kind_and_no_others() {
    let lut = GateKind::Lut(TruthTable::new(2, 0b0110).unwrap());
    let legal: &[(GateKind, &[usize])] = &[
        (GateKind::Input, &[]),
        (GateKind::Latch, &[]),
        (GateKind::Const(true), &[]),
        (GateKind::Buf, &[1]),
        (GateKind::Not, &[1]),
        (GateKind::And, &[1, 2, 3, 4]),
        (GateKind::Xnor, &[1, 2, 3, 4]),
        (GateKind::Mux, &[3]),
        (GateKind::Maj, &[3]),
        (lut, &[2]),
    ];
    for &(kind, counts) in legal {
        for n in 0..5 {
            let (mut builder, inputs) = with_inputs(4);
            let accepted = builder.gate(kind, &inputs[..n]).is_ok();
            assert_eq!(accepted, counts.contains(&n), "{} with {n}", kind.name());
        }
    }
}

/// Every kind over three operands or fewer, and the same complemented.
fn kinds() -> Vec<(GateKind, usize)> {
    use GateKind::{And, Buf, Lut, Maj, Mux, Nand, Nor, Not, Or, Xnor, Xor};
    let mut kinds = vec![(Buf, 1), (Not, 1), (Mux, 3), (Maj, 3)];
    for kind in [And, Or, Xor, Nand, Nor, Xnor] {
        kinds.extend((1..=5).map(|n| (kind, n)));
    }
    kinds.extend([0x00, 0xFF, 0xCA, 0xE8, 0x96, 0x1D, 0x80].map(|bits| (Lut(table(3, bits)), 3)));
    kinds
}

fn table(n_inputs: usize, bits: u64) -> TruthTable {
    TruthTable::new(n_inputs, bits).unwrap()
}

#[test]
fn every_gate_over_every_choice_of_up_to_three_literals() {
    for (kind, n) in kinds().into_iter().filter(|&(_, n)| n <= 3) {
        let (mut builder, inputs) = with_inputs(3);
        let constant = builder.constant(true).unwrap().literal();
        let literals: Vec<Literal> =
            inputs.iter().chain([&constant]).flat_map(|&l| [l, !l]).collect();
        let mut outputs = Vec::new();
        for choice in 0..literals.len().pow(n as u32) {
            let pick = |h: usize| literals[choice / literals.len().pow(h as u32) % literals.len()];
            let fanins: Vec<Literal> = (0..n).map(pick).collect();
            let gate = builder.gate(kind, &fanins).unwrap().literal();
            outputs.extend([gate, !gate]);
        }
        check(&finish(builder, &outputs), &all_assignments(3));
    }
}

#[test]
fn every_table_of_four_operands() {
    let (mut builder, inputs) = with_inputs(4);
    let luts = (0..1 << 16).map(|bits| builder.gate(GateKind::Lut(table(4, bits)), &inputs));
    let outputs: Vec<Literal> = luts.map(|lut| lut.unwrap().literal()).collect();
    let got = Oracle::new(&finish(builder, &outputs)).unwrap().run(&all_assignments(4)).unwrap();
    for (bits, _) in outputs.iter().enumerate() {
        assert_eq!(got.words(bits)[0] & got.tail_mask(), bits as u64);
    }
}

#[test]
fn every_disjunction_of_two_conjunctions_over_three_inputs() {
    // Every way of complementing, repeating and cancelling operands two gates deep.
    let (mut builder, inputs) = with_inputs(3);
    let literals: Vec<Literal> = inputs.iter().flat_map(|&l| [l, !l]).collect();
    let mut outputs = Vec::new();
    for choice in 0..6usize.pow(4) {
        let pick = |h: u32| literals[choice / 6usize.pow(h) % 6];
        let mut and = |a, b| builder.gate(GateKind::And, &[a, b]).unwrap().literal();
        let (left, right) = (and(pick(0), pick(1)), and(pick(2), pick(3)));
        outputs.push(!and(!left, !right));
    }
    check(&finish(builder, &outputs), &all_assignments(3));
}

#[test]
fn wide_gates() {
    use GateKind::{And, Nand, Nor, Or, Xnor, Xor};
    for n in [5, 63, 64, 200] {
        let (mut builder, inputs) = with_inputs(n);
        let gates = [And, Nand, Or, Nor, Xor, Xnor].map(|kind| builder.gate(kind, &inputs));
        let circuit = finish(builder, &gates.map(|gate| gate.unwrap().literal()));
        // All ones, all zeros, and each with one bit flipped.
        let mut columns = vec![vec![true; n], vec![false; n]];
        for i in 0..n {
            for base in [true, false] {
                columns.push((0..n).map(|j| base ^ (i == j)).collect());
            }
        }
        check(&circuit, &Batch::from_columns(n, &columns).unwrap());
    }
}

// Random and enumerated circuits.

/// Indices and flags that [`assemble`] turns into a circuit, whatever they are.
type Recipe = (usize, Vec<(usize, Vec<(usize, bool)>, u64)>, Vec<(usize, bool)>);

fn recipe(n_gates: usize) -> impl Strategy<Value = Recipe> {
    let literal = (any::<usize>(), any::<bool>());
    let gate = (any::<usize>(), prop::collection::vec(literal, 7), any::<u64>());
    (0..9usize, prop::collection::vec(gate, 0..n_gates), prop::collection::vec(literal, 0..9))
}

/// A circuit of gates of every kind over literals of earlier nodes, a quarter of them repeated.
fn assemble((n_inputs, gates, outputs): Recipe) -> Circuit {
    let (mut builder, mut nodes) = with_inputs(n_inputs);
    nodes.extend([false, true].map(|value| builder.constant(value).unwrap().literal()));
    for (kind, fanins, bits) in gates {
        let n = 1 + bits as usize % 6;
        let lut = (GateKind::Lut(table(n, bits >> 3 | bits << 40)), n);
        let (kind, n) = *kinds().iter().chain(&[lut; 9]).nth(kind % (kinds().len() + 9)).unwrap();
        let fanins: Vec<Literal> = fanins[..n]
            .iter()
            .map(|&(seed, flip)| nodes[nodes.len() - 1 - seed % nodes.len().min(12)].flip_if(flip))
            .collect();
        nodes.push(builder.gate(kind, &fanins).unwrap().literal());
    }
    let outputs: Vec<Literal> =
        outputs.iter().map(|&(seed, flip)| nodes[seed % nodes.len()].flip_if(flip)).collect();
    finish(builder, &outputs)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn the_oracle_computes_what_the_definition_says(recipe in recipe(60), seed: u64, n in 0..300usize) {
        let circuit = assemble(recipe);
        check(&circuit, &scrambled(circuit.inputs().len(), n, seed));
    }

    #[test]
    fn a_value_depends_on_its_cone_only(recipe in recipe(40), seed: u64) {
        let circuit = assemble(recipe);
        prop_assume!(!circuit.outputs().is_empty());
        let root = circuit.outputs()[0].literal.node;
        let cone = circuit.cone([root]);
        let mut inputs = scrambled(circuit.inputs().len(), 64, seed);
        let oracle = Oracle::new(&circuit).unwrap();
        let before = oracle.run_nodes(&inputs).unwrap();
        for (i, input) in circuit.inputs().iter().enumerate() {
            if !cone[input.index()] {
                inputs.words_mut(i)[0] ^= u64::MAX;
            }
        }
        let after = oracle.run_nodes(&inputs).unwrap();
        for id in circuit.nodes().filter(|id| cone[id.index()]) {
            prop_assert_eq!(before.words(id.index()), after.words(id.index()));
        }
    }

    #[test]
    fn a_level_is_one_above_the_highest_operand_or_free(recipe in recipe(40)) {
        let circuit = assemble(recipe);
        let levels = circuit.levels();
        for id in circuit.nodes() {
            let operands: Vec<NodeId> = circuit.fanins(id).map(|l| l.node).collect();
            prop_assert!(operands.iter().all(|&operand| operand < id));
            let highest = operands.iter().map(|operand| levels[operand.index()]).max();
            let expected = match (circuit.kind(id), highest) {
                (GateKind::Buf | GateKind::Not, Some(highest)) => highest,
                (_, Some(highest)) => highest + 1,
                (_, None) => 0,
            };
            prop_assert_eq!(levels[id.index()], expected);
        }
        let deepest = circuit.outputs().iter().map(|o| levels[o.literal.node.index()]).max();
        prop_assert_eq!(circuit.depth(), deepest.unwrap_or(0) as usize);
    }
}

/// Numbers `0 .. 6 n (n + 1) / 2` name the gates of two operands among `n` nodes, order aside.
fn nth_gate(number: usize, nodes: &[Literal]) -> (GateKind, [Literal; 2]) {
    use GateKind::{And, Nand, Nor, Or, Xnor, Xor};
    let mut pair = number / 6;
    let mut high = 0;
    while pair > high {
        pair -= high + 1;
        high += 1;
    }
    ([And, Or, Xor, Nand, Nor, Xnor][number % 6], [nodes[pair], nodes[high]])
}

#[test]
fn every_circuit_of_three_gates_on_two_inputs() {
    let inputs = all_assignments(2);
    let choices = [18, 36, 60];
    for number in 0..choices.iter().product::<usize>() {
        let (mut builder, mut nodes) = with_inputs(2);
        let mut rest = number;
        for choice in choices {
            let (kind, fanins) = nth_gate(rest % choice, &nodes);
            nodes.push(builder.gate(kind, &fanins).unwrap().literal());
            rest /= choice;
        }
        let circuit = finish(builder, &[!nodes[4], nodes[0]]);
        let (values, outputs) = by_definition(&circuit, &inputs);
        let oracle = Oracle::new(&circuit).unwrap();
        assert_eq!(oracle.run_nodes(&inputs).unwrap().first_difference(&values), None, "{number}");
        assert_eq!(oracle.run(&inputs).unwrap().first_difference(&outputs), None, "{number}");
    }
}

// Shapes of circuits and batches.

#[test]
fn batches_of_any_length() {
    let (mut builder, inputs) = with_inputs(3);
    let xor = builder.gate(GateKind::Xor, &inputs[..2]).unwrap().literal();
    let mux = builder.gate(GateKind::Mux, &[inputs[2], xor, !inputs[0]]).unwrap().literal();
    let circuit = finish(builder, &[mux, !xor]);
    for n in [0, 1, 63, 64, 65, 511, 512, 513, 1023, 1024, 1025, 1600, 2500] {
        check(&circuit, &scrambled(3, n, n as u64));
    }
}

#[test]
fn circuits_without_inputs_gates_or_outputs() {
    let (builder, _) = with_inputs(0);
    check(&finish(builder, &[]), &Batch::zeros(0, 70));
    let (builder, _) = with_inputs(2);
    check(&finish(builder, &[]), &scrambled(2, 70, 1));
    let (builder, inputs) = with_inputs(2);
    let [a, b] = [inputs[0], inputs[1]];
    check(&finish(builder, &[b, a, !b, b]), &scrambled(2, 70, 2));
    let (mut builder, _) = with_inputs(0);
    let [zero, one] = [false, true].map(|value| builder.constant(value).unwrap().literal());
    let not = builder.gate(GateKind::Not, &[one]).unwrap().literal();
    check(&finish(builder, &[zero, one, !zero, !one, not, !not]), &Batch::zeros(0, 70));
}

#[test]
fn gates_that_no_output_reads_cost_nothing_but_have_values() {
    let (mut builder, inputs) = with_inputs(2);
    let and = builder.gate(GateKind::And, &inputs).unwrap().literal();
    let unread = builder.gate(GateKind::Xor, &[and, inputs[0]]).unwrap();
    let not = builder.gate(GateKind::Not, &[and]).unwrap().literal();
    let circuit = finish(builder, &[not]);
    assert_eq!(Oracle::new(&circuit).unwrap().n_operations(), 1);
    let nodes = Oracle::new(&circuit).unwrap().run_nodes(&all_assignments(2)).unwrap();
    // x0 and not x1, at assignment 1 only.
    assert_eq!(nodes.words(unread.index())[0] & 0b1111, 0b0010);
}

#[test]
fn a_chain_of_a_hundred_thousand_gates() {
    const LENGTH: usize = 100_000;
    let (mut builder, inputs) = with_inputs(2);
    let mut last = inputs[0];
    for i in 0..LENGTH {
        let kind = [GateKind::Xor, GateKind::Nand, GateKind::Or][i % 3];
        last = builder.gate(kind, &[last, inputs[i % 2]]).unwrap().literal();
    }
    let circuit = finish(builder, &[last]);
    assert_eq!(circuit.depth(), LENGTH);
    let oracle = Oracle::new(&circuit).unwrap();
    assert!(oracle.n_slots() <= 4, "{} slots", oracle.n_slots());
    let inputs = all_assignments(2);
    let (nodes, outputs) = by_definition(&circuit, &inputs);
    assert_eq!(oracle.run(&inputs).unwrap().first_difference(&outputs), None);
    assert_eq!(oracle.run_nodes(&inputs).unwrap().first_difference(&nodes), None);
}

#[test]
fn wrong_shapes_and_sequential_circuits_are_refused() {
    let (builder, inputs) = with_inputs(2);
    let circuit = finish(builder, &inputs);
    let oracle = Oracle::new(&circuit).unwrap();
    for rows in [0, 1, 3] {
        let error = oracle.run(&Batch::zeros(rows, 5)).unwrap_err();
        assert_eq!(error.to_string(), format!("expected 2 input rows, found {rows}"));
        assert!(oracle.run_nodes(&Batch::zeros(rows, 5)).is_err());
        assert!(circuit.evaluate(&vec![false; rows]).is_err());
    }
    assert!(oracle.simulator_with(Simd::Plain, 3).is_err());
    for simd in Simd::ALL.into_iter().filter(|simd| !simd.is_available()) {
        assert!(oracle.simulator_with(simd, 8).is_err());
    }
    let mut builder = Builder::new();
    let latch = builder.latch("q", LatchInit::Zero, None).unwrap();
    builder.next_state(latch, !latch.literal()).unwrap();
    let sequential = builder.finish().unwrap();
    assert!(Oracle::new(&sequential).is_err());
    assert!(sequential.evaluate(&[]).is_err());
}

// Arithmetic.

/// The sum and carry of three bits.
fn full_adder(builder: &mut Builder, a: Literal, b: Literal, c: Literal) -> [Literal; 2] {
    let half = builder.gate(GateKind::Xor, &[a, b]).unwrap().literal();
    let sum = builder.gate(GateKind::Xor, &[half, c]).unwrap().literal();
    let both = builder.gate(GateKind::And, &[a, b]).unwrap().literal();
    let through = builder.gate(GateKind::And, &[half, c]).unwrap().literal();
    [sum, builder.gate(GateKind::Or, &[both, through]).unwrap().literal()]
}

/// `a + b` of `width` bits each, least significant first, as a chain of full adders.
fn ripple_adder(width: usize) -> Circuit {
    let (mut builder, inputs) = with_inputs(2 * width);
    let mut carry = builder.constant(false).unwrap().literal();
    let mut outputs = Vec::new();
    for i in 0..width {
        let [sum, next] = full_adder(&mut builder, inputs[i], inputs[width + i], carry);
        outputs.push(sum);
        carry = next;
    }
    outputs.push(carry);
    finish(builder, &outputs)
}

/// The adder from majorities and wide parities, carry `broken` complemented if there is one.
fn majority_adder(width: usize, broken: Option<usize>) -> Circuit {
    let (mut builder, inputs) = with_inputs(2 * width);
    let mut carry = builder.constant(false).unwrap().literal();
    let mut outputs = Vec::new();
    for i in 0..width {
        let bits = [inputs[i], inputs[width + i], carry];
        outputs.push(builder.gate(GateKind::Xor, &bits).unwrap().literal());
        let majority = builder.gate(GateKind::Maj, &bits).unwrap().literal();
        carry = majority.flip_if(broken == Some(i));
    }
    outputs.push(carry);
    finish(builder, &outputs)
}

#[test]
fn adders_add() {
    for circuit in [ripple_adder(8), majority_adder(8, None)] {
        let sums = Oracle::new(&circuit).unwrap().run(&all_assignments(16)).unwrap();
        for number in 0..1usize << 16 {
            let sum = (0..9).map(|o| usize::from(sums.get(o, number)) << o).sum::<usize>();
            assert_eq!(sum, (number & 255) + (number >> 8));
        }
    }
}

#[test]
fn a_multiplier_multiplies() {
    let width = 6;
    let (mut builder, inputs) = with_inputs(2 * width);
    let zero = builder.constant(false).unwrap().literal();
    let mut product = vec![zero; 2 * width];
    for i in 0..width {
        let mut carry = zero;
        for j in 0..width {
            let fanins = [inputs[i], inputs[width + j]];
            let partial = builder.gate(GateKind::And, &fanins).unwrap().literal();
            let sum = full_adder(&mut builder, product[i + j], partial, carry);
            [product[i + j], carry] = sum;
        }
        product[i + width] = carry;
    }
    let circuit = finish(builder, &product);
    let products = Oracle::new(&circuit).unwrap().run(&all_assignments(2 * width)).unwrap();
    for number in 0..1usize << (2 * width) {
        let got = (0..12).map(|o| usize::from(products.get(o, number)) << o).sum::<usize>();
        assert_eq!(got, (number & 63) * (number >> 6));
    }
}

// Comparison on all assignments.

/// Calls a function at every report.
struct Reports<F>(F);

impl<F: Fn(u64) + Sync> Progress for Reports<F> {
    fn advance(&self, n: u64) {
        self.0(n);
    }
}

fn compare(a: &Circuit, b: &Circuit) -> Result<Comparison> {
    let oracles = [a, b].map(|circuit| Oracle::new(circuit).unwrap());
    compare_exhaustively(&oracles[0], &oracles[1], &())
}

#[test]
fn equal_circuits_are_equal_and_all_assignments_are_counted() {
    for width in [0, 1, 2, 3, 4, 5, 9, 10] {
        let [a, b] = [ripple_adder(width), majority_adder(width, None)];
        let [a, b] = [a, b].map(|circuit| Oracle::new(&circuit).unwrap());
        let done = AtomicU64::new(0);
        let progress = Reports(|n| {
            done.fetch_add(n, Ordering::Relaxed);
        });
        let result = compare_exhaustively(&a, &b, &progress).unwrap();
        assert_eq!(result, Comparison::Equal);
        assert_eq!(done.into_inner(), 1 << (2 * width));
    }
}

#[test]
fn one_assignment_that_differs_is_found_wherever_it_is() {
    for n in [1usize, 3, 6, 7, 9, 10, 11, 20] {
        let numbers = [0, 1, 62, 64, 500, 600, 1023, 1024, 300_000, (1 << n) - 1];
        for number in numbers.into_iter().filter(|&number| number < 1u64 << n) {
            let (mut builder, inputs) = with_inputs(n);
            let bits: Vec<Literal> =
                (0..n).map(|i| inputs[i].flip_if(number >> i & 1 == 0)).collect();
            let only = builder.gate(GateKind::And, &bits).unwrap().literal();
            let spoilt = builder.gate(GateKind::Xor, &[only, inputs[0]]).unwrap().literal();
            let spoilt = finish(builder, &[inputs[0], spoilt]);
            let (builder, inputs) = with_inputs(n);
            let sound = finish(builder, &[inputs[0], inputs[0]]);
            let expected = Comparison::Differ { assignment: number, output: 1 };
            assert_eq!(compare(&sound, &spoilt).unwrap(), expected, "{number} of 2^{n}");
        }
    }
}

#[test]
fn the_smallest_difference_wins_whatever_the_threads() {
    // Differs late in the third and in the fourth of the four ranges that threads claim; the chain
    // makes a range last some milliseconds, so that threads overlap.
    let (mut builder, inputs) = with_inputs(20);
    let ones = [19, 17, 16, 3].map(|i: usize| inputs[i]);
    let mut late = builder.gate(GateKind::And, &ones).unwrap().literal();
    for i in 0..6000 {
        late = builder.gate(GateKind::Xor, &[late, inputs[i % 3]]).unwrap().literal();
    }
    let late = finish(builder, &[inputs[0], late]);
    let (mut builder, inputs) = with_inputs(20);
    let zero = builder.constant(false).unwrap().literal();
    let never = finish(builder, &[inputs[0], zero]);
    let [late, never] = [late, never].map(|circuit| Oracle::new(&circuit).unwrap());
    let expected = Comparison::Differ { assignment: (1 << 19) + (3 << 16) + 8, output: 1 };
    let run = |threads, progress: &dyn Progress| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| compare_exhaustively(&late, &never, progress))
    };
    for threads in [1, 2, 3, 8] {
        assert_eq!(run(threads, &()).unwrap(), expected);
    }
    // Each of two threads waits after its first range, so that both find a difference.
    for _ in 0..5 {
        let barrier = Barrier::new(2);
        let wait = Reports(|_| {
            barrier.wait();
        });
        assert_eq!(run(2, &wait).unwrap(), expected);
    }
}

#[test]
fn the_first_output_that_differs_is_named() {
    let broken = majority_adder(10, Some(0));
    let expected = Comparison::Differ { assignment: 0, output: 1 };
    assert_eq!(compare(&ripple_adder(10), &broken).unwrap(), expected);
}

#[test]
fn a_comparison_that_is_cancelled_is_an_error_of_its_kind() {
    let [a, b] = [ripple_adder(16), majority_adder(16, None)].map(|c| Oracle::new(&c).unwrap());
    struct StopsAfterTheFirst(AtomicBool);
    impl Progress for StopsAfterTheFirst {
        fn advance(&self, _: u64) {
            self.0.store(true, Ordering::Relaxed);
        }

        fn is_cancelled(&self) -> bool {
            self.0.load(Ordering::Relaxed)
        }
    }
    let progress = StopsAfterTheFirst(AtomicBool::new(false));
    let error = compare_exhaustively(&a, &b, &progress).unwrap_err();
    assert!(error.is_cancelled() && error.to_string().contains("of 4294967296"), "{error}");
}

#[test]
fn comparisons_of_other_shapes_or_too_many_inputs_are_refused() {
    let error = compare(&ripple_adder(3), &ripple_adder(4)).unwrap_err();
    assert_eq!(error.to_string(), "expected 6 inputs and 4 outputs, found 8 inputs and 5 outputs");
    assert!(compare(&ripple_adder(21), &ripple_adder(21)).is_err());
}
