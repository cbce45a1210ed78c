//! How many loops a compiled model needs, and what stopping early gives.

use super::scope::{self, Arithmetic, Mask, Reads, Scope, Summation, Uniformity, Weighting};
use super::{Claim, EXACT, Evidence, Ground, Kind, Status, map, traces};
use crate::batch::Batch;
use crate::compile::{Options, compile};
use crate::error::Result;
use crate::family::generate;
use crate::model::Dtype;
use crate::network::Network;
use crate::run::{Engine, Reference};
use crate::sat::Limits;
use crate::theory::tightness::{self, Correctness, Start, Unrolling};

/// Models of this compiler, whose sums do not round.
const COMPILED: Scope = Scope {
    arithmetic: Arithmetic::Ieee(&Dtype::ALL, Summation::NoneRounds),
    uniformity: Uniformity::PerLength,
    attention: scope::Attention {
        weighting: Weighting::Softmax,
        reads: Reads::OneFixed,
        mask: Mask::Any,
    },
    start: scope::Start::Compiled,
};

pub(super) const CLAIMS: &[Claim] = &[
    Claim {
        id: "fewer-loops-fail",
        statement: "Fewer than ceil(D/L) loops are wrong on some input.",
        status: Status::Refuted,
        kind: Kind::Bound,
        ground: Ground::Counterexample,
        scope: Some(COMPILED),
        proofs: &["p13_tightness"],
        sources: &[],
        assumptions: "gates start at 0",
        reason: "Paths as long as the depth may never matter: it depends on the circuit.",
        elsewhere: "that they fail for this circuit is decided by the miter",
        range: "the 4-bit array multiplier of depth 16 is right after 15 loops, all inputs; the 4-bit \
                adder of depth 7 is not after 6",
        check: Some(fewer_loops_fail),
    },
    Claim {
        id: "miter",
        statement: "T layers of a compiled model are wrong on some input exactly if the miter of T \
                    unrolled steps against the circuit is satisfiable.",
        status: Status::Proved,
        kind: Kind::Fact,
        ground: Ground::Prose,
        scope: None,
        proofs: &["p13_tightness"],
        sources: &[],
        assumptions: EXACT,
        reason: "A compiled layer is one synchronous step.",
        elsewhere: "",
        range: "the solver's answer against the reference engine on all inputs, 4 circuits, every T up \
                to the depth",
        check: Some(miter),
    },
    Claim {
        id: "monotone",
        statement: "A number of layers that is right on all inputs stays right when it grows.",
        status: Status::Refuted,
        kind: Kind::Fact,
        ground: Ground::Counterexample,
        scope: None,
        proofs: &["p13_tightness"],
        sources: &[],
        assumptions: "gates start at 0; true from the depth on, and of being right from all states",
        reason: "NAND(x, x) feeding NOR(., x), which is always 0, feeding OR(y, .).",
        elsewhere: "",
        range: "that network: 3 gates, right after 1, wrong after 2, right after 3 steps",
        check: Some(monotone),
    },
    Claim {
        id: "unchanged-outputs",
        statement: "Outputs that one loop left unchanged are right.",
        status: Status::Refuted,
        kind: Kind::Fact,
        ground: Ground::Counterexample,
        scope: None,
        proofs: &["p02_fixed_point"],
        sources: &[],
        assumptions: "none",
        reason: "A tree of ANDs on ones gives 0 until its last level is done. If a layer leaves the whole \
                 stream unchanged, the outputs are right.",
        elsewhere: "",
        range: "the AND of 8 inputs by the reference engine",
        check: Some(unchanged_outputs),
    },
];

fn fewer_loops_fail(evidence: &mut Evidence) -> Result<()> {
    for (spec, depth, least) in [("mult:4", 16, 15), ("adder:4", 7, 7)] {
        let circuit = generate(spec)?;
        let found = tightness::loops(&map(spec)?.network, 1, Limits::default())?;
        let model = compile(&circuit, "", &Options::default())?;
        let right = evidence.computes(&model, &circuit, least)?
            && !evidence.computes(&model, &circuit, least - 1)?;
        evidence.note(
            right && (found.depth, found.least_from_zero()) == (depth, Some(least)),
            format!("{spec}: depth {depth}, least number of loops {least}"),
        );
    }
    Ok(())
}

fn miter(evidence: &mut Evidence) -> Result<()> {
    for spec in ["adder:3", "and:7", "mux:2", "majority:5"] {
        let circuit = generate(spec)?;
        let network = map(spec)?.network;
        let model = compile(&circuit, "", &Options::default())?;
        let mut unrolling = Unrolling::new(&network)?;
        let mut agreed = true;
        for steps in 0..=network.depth() {
            let answer = unrolling.check(steps, Start::All(false), Limits::default())?;
            let right = evidence.computes(&model, &circuit, steps)?;
            agreed &= match answer {
                Correctness::Right => right,
                Correctness::Wrong(_) => !right,
                Correctness::Undecided => false,
            };
        }
        evidence.note(agreed, format!("{spec}: T = 0 to {}", network.depth()));
    }
    Ok(())
}

fn monotone(evidence: &mut Evidence) -> Result<()> {
    let mut network = Network::new(2, 2)?;
    let nand = network.gate(&[0, 0], |row| row != 3)?;
    let never = network.gate(&[nand, 0], |row| row == 0)?;
    let or = network.gate(&[1, never], |row| row != 0)?;
    network.output(or)?;
    let wrong = tightness::wrong_inputs(&network, false)?;
    evidence.note(
        matches!(wrong[..], [_, 0, again, 0] if again > 0),
        format!("wrong inputs of 4 after 0, 1, 2, 3 steps: {wrong:?}"),
    );
    Ok(())
}

fn unchanged_outputs(evidence: &mut Evidence) -> Result<()> {
    let circuit = generate("and:8")?;
    let model = compile(&circuit, "", &Options::default())?;
    let engine = Reference::new(&model)?;
    let ones = Batch::from_columns(8, &[vec![true; 8]])?;
    let outputs = (0..=3).map(|loops| Ok(engine.run(&ones, loops)?.get(0, 0)));
    let outputs = outputs.collect::<Result<Vec<bool>>>()?;
    evidence.note(
        outputs == [false, false, false, true],
        format!("and:8 on ones after 0, 1, 2, 3 layers: {outputs:?}"),
    );
    let traces = traces(&model, 8, model.labels.depth + 1)?;
    let output = model.output_positions[0];
    let sound = traces.iter().all(|steps| {
        let unchanged = steps.windows(2).find(|pair| pair[0].stream == pair[1].stream);
        let end = steps.last().map(|step| step.bits[output]);
        unchanged.is_some_and(|pair| Some(pair[0].bits[output]) == end)
    });
    evidence.note(
        sound,
        "and:8 on all inputs: when the whole stream is unchanged, the output is right",
    );
    Ok(())
}
