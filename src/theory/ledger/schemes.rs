//! When a looped model may stop, and what a fixed number of layers computes.

use super::scope::{self, Arithmetic, Mask, Reads, Scope, Start, Summation, Uniformity, Weighting};
use super::{Claim, EXACT, Evidence, Ground, Kind, Status};
use crate::batch::Batch;
use crate::circuit::{Builder, Circuit, GateKind, Oracle};
use crate::compile::{self, Options};
use crate::error::Result;
use crate::family::generate;
use crate::model::{Dtype, Model};
use crate::reasoning::{Request, pause, universal};
use crate::run::{Engine, Halting, Reference, Rule};
use crate::verify::{Assignments, Check, Times, Verdict, halting_times, prove};

/// The scheme `pause`: this compiler's models, unrolled.
const PAUSED: Scope = Scope {
    arithmetic: Arithmetic::Ieee(&Dtype::ALL, Summation::NoneRounds),
    uniformity: Uniformity::PerLength,
    attention: scope::Attention {
        weighting: Weighting::Softmax,
        reads: Reads::OneFixed,
        mask: Mask::Any,
    },
    start: Start::Compiled,
};

pub(super) const CLAIMS: &[Claim] = &[
    Claim {
        id: "known-outputs",
        statement: "A loop over three-valued states may stop for an input as soon as its outputs are known: known \
                    bits never change and are the circuit's, and all outputs are known after ceil(D/L) loops.",
        status: Status::Proved,
        kind: Kind::Construction,
        ground: Ground::Prose,
        scope: None,
        proofs: &["p21_halting"],
        sources: &["dehghani2019", "graves2016", "kleene1938"],
        assumptions: EXACT,
        reason: "A layer is a step of Kleene's evaluation, which is monotone and starts below everything; a \
                 result that all completions agree on holds for the true one. The loop with a halting unit is that \
                 of Universal Transformers (Dehghani and others 2019, Graves 2016), with a rule that is sound.",
        elsewhere: "",
        range: "all inputs of 7 circuits, 1 and 2 layers a loop, every position after every loop",
        check: Some(known_outputs),
    },
    Claim {
        id: "adder-halting",
        statement: "A ripple adder whose outputs are awaited takes 5.22 loops in the mean and 7 at worst with \
                    4 bits, 7.72 and 15 with 8.",
        status: Status::Verified,
        kind: Kind::Fact,
        ground: Ground::Machine,
        scope: None,
        proofs: &["p21_halting"],
        sources: &[],
        assumptions: "one layer a loop",
        reason: "A carry that is generated or killed is known without its predecessors, so the time follows the \
                 longest run of propagating bits.",
        elsewhere: "",
        range: "all inputs at n = 4 and n = 8: means 5.22 and 7.72, worst 7 and 15",
        check: Some(adder_halting),
    },
    Claim {
        id: "fixed-point-halting",
        statement: "A loop may stop when it leaves the whole stream unchanged.",
        status: Status::Proved,
        kind: Kind::Fact,
        ground: Ground::Prose,
        scope: None,
        proofs: &["p02_fixed_point"],
        sources: &[],
        assumptions: "all loops apply the same layers",
        reason: "The next loop is the same function of the same stream, and so is every further one. It takes a loop to \
                 see that nothing changed, and gates that no output needs any more may go on changing.",
        elsewhere: "",
        range: "all inputs of 7 circuits, at most one loop more than ceil(D/L); an AND of a 0 and the \
                parity chain of 6 bits, which takes two loops or more beyond those after which its output is known",
        check: Some(fixed_point_halting),
    },
    Claim {
        id: "stable-output-halting",
        statement: "A loop may stop when it leaves the outputs unchanged.",
        status: Status::Refuted,
        kind: Kind::Fact,
        ground: Ground::Counterexample,
        scope: None,
        proofs: &["p21_halting"],
        sources: &[],
        assumptions: "none",
        reason: "The output of an AND tree is 0 until the last level, whatever it becomes.",
        elsewhere: "",
        range: "and:8, stopped with 0 on all ones",
        check: Some(stable_output_halting),
    },
    Claim {
        id: "pause-tokens",
        statement: "With L layers and P pause tokens a model computes every circuit of at most P gates and depth at \
                    most L; tokens beyond one a gate change no bit.",
        status: Status::Proved,
        kind: Kind::Construction,
        ground: Ground::Certificate,
        scope: None,
        proofs: &["p22_fixed_layers"],
        sources: &["goyal2024", "london2025"],
        assumptions: "this construction: one token a gate, one level a layer",
        reason: "It is the compiled model with its loop unrolled; tokens that no gate needs read themselves only and \
                 are read by none. In general pause tokens at constant depth give more than none do (Goyal and \
                 others 2024 introduced them, London and Kanade 2025 prove it).",
        elsewhere: "",
        range: "5 circuits with enough tokens and with 9 more; parity:8 with 2 layers, wrong with 7 to 100 tokens, on the \
                same inputs",
        check: Some(pause_tokens),
    },
    Claim {
        id: "pause-tokens-for-layers",
        statement: "With fewer layers than the circuit has levels no number of pause tokens makes the model right.",
        status: Status::Refuted,
        kind: Kind::Bound,
        ground: Ground::Counterexample,
        scope: Some(PAUSED),
        proofs: &["p22_fixed_layers"],
        sources: &["goyal2024"],
        assumptions: "gates start at 0",
        reason: "Tokens change nothing, but some circuits are right early: whether fewer layers do is the miter's question \
                 (miter).",
        elsewhere: "of parity:8 it holds: its 3 levels are needed (oblivious-width)",
        range: "the 4-bit multiplier of depth 16 with 15 layers, all inputs, without and with 20 idle tokens",
        check: Some(fewer_layers_than_levels),
    },
    Claim {
        id: "prelude-and-coda",
        statement: "Prelude, core and coda of p, L and c layers compute a circuit of depth D with \
                    ceil((D - p - c)/L) loops, and more loops change nothing.",
        status: Status::Proved,
        kind: Kind::Construction,
        ground: Ground::Certificate,
        scope: None,
        proofs: &["p22_fixed_layers"],
        sources: &[],
        assumptions: EXACT,
        reason: "Every layer is the same step of the network, wherever it stands; what counts is how many there are.",
        elsewhere: "",
        range: "5 circuits, p and c up to 3, L = 1 and 2, by certificate",
        check: Some(prelude_and_coda),
    },
    Claim {
        id: "unrolled",
        statement: "D layers, once, compute a circuit of depth D, and all of them have the weights of the looped layer.",
        status: Status::Proved,
        kind: Kind::Construction,
        ground: Ground::Certificate,
        scope: None,
        proofs: &["p22_fixed_layers"],
        sources: &[],
        assumptions: EXACT,
        reason: "A loop of one layer applies it D times; storing it D times changes no number.",
        elsewhere: "",
        range: "5 circuits, by certificate; without the last layer it is refused",
        check: Some(unrolled),
    },
];

const SMALL: [&str; 7] =
    ["parity:5", "parity-chain:5", "adder:2", "majority:5", "mux:2", "decoder:3", "mult:2"];

fn halting_model(spec: &str, layers: usize) -> Result<Model> {
    universal::compile(&generate(spec)?, "", &Options { layers, ..Options::default() })
}

/// The loops that a rule takes on all inputs, one loop more than needed being allowed.
fn times(spec: &str, model: &Model, rule: Rule) -> Result<Times> {
    let circuit = generate(spec)?;
    let oracle = Oracle::new(&circuit)?;
    let engine = Halting::new(model, rule)?;
    let plan = (model.n_loops + 1, Assignments::All);
    let expected = |inputs: &Batch| oracle.run(inputs);
    halting_times(&engine, plan, &expected, &())
}

fn known_outputs(evidence: &mut Evidence) -> Result<()> {
    for spec in SMALL {
        for layers in [1, 2] {
            let model = halting_model(spec, layers)?;
            let engine = Halting::new(&model, Rule::Known)?;
            let verdict = Check::until_known(&engine, &generate(spec)?).run()?;
            let holds = matches!(verdict, Verdict::Verified { .. });
            evidence.note(holds, format!("{spec}, {layers} layers: {verdict}"));
        }
    }
    Ok(())
}

fn adder_halting(evidence: &mut Evidence) -> Result<()> {
    for (n, mean, worst) in [(4, 5.22, 7), (8, 7.72, 15)] {
        let spec = format!("adder:{n}");
        let times = times(&spec, &halting_model(&spec, 1)?, Rule::Known)?;
        let found = times.mean().unwrap_or(f64::INFINITY);
        let holds = (found - mean).abs() < 0.005 && times.worst() == Some(worst);
        evidence
            .note(holds && times.n_wrong == 0, format!("{spec}: mean {found:.4}, worst {worst}"));
    }
    Ok(())
}

fn fixed_point_halting(evidence: &mut Evidence) -> Result<()> {
    for spec in SMALL {
        let model = compile::compile(&generate(spec)?, "", &Options::default())?;
        let times = times(spec, &model, Rule::FixedPoint)?;
        let holds = times.n_wrong == 0 && times.n_unfinished == 0;
        evidence.note(holds, format!("{spec}: stopped after at most {:?} loops", times.worst()));
    }
    let later = loops_after_known()?;
    let text =
        format!("a 0 AND the parity of 6 bits: {later} loops more than until outputs are known");
    evidence.note(later >= 2, text);
    Ok(())
}

/// How many loops the fixed point takes beyond those after which the outputs are known, on an AND of a 0 and a chain.
fn loops_after_known() -> Result<usize> {
    let mut builder = Builder::new();
    let zero = builder.input("x")?.literal();
    let mut parity = builder.input("y[0]")?.literal();
    for i in 1..6 {
        let bit = builder.input(format!("y[{i}]"))?.literal();
        parity = builder.gate(GateKind::Xor, &[parity, bit])?.literal();
    }
    let and = builder.gate(GateKind::And, &[zero, parity])?;
    builder.output("and", and)?;
    let circuit = builder.finish()?;
    let halting = universal::compile(&circuit, "", &Options::default())?;
    let model = compile::compile(&circuit, "", &Options::default())?;
    let input = Batch::from_columns(7, &[vec![false, true, false, false, false, false, false]])?;
    let stopped = |model: &Model, rule| -> Result<usize> {
        let halted = Halting::new(model, rule)?.run_until_halted(&input, model.n_loops + 2)?;
        Ok(halted.stopped[0].unwrap_or(usize::MAX))
    };
    Ok(stopped(&model, Rule::FixedPoint)?.saturating_sub(stopped(&halting, Rule::Known)?))
}

fn stable_output_halting(evidence: &mut Evidence) -> Result<()> {
    let times = times("and:8", &halting_model("and:8", 1)?, Rule::StableOutput)?;
    let all_ones = |input: &[bool]| input.iter().all(|&bit| bit);
    let holds = times.wrong.as_ref().is_some_and(|w| all_ones(&w.input) && w.expected);
    evidence
        .note(holds, format!("and:8: {} of 256 inputs stopped with a wrong output", times.n_wrong));
    Ok(())
}

fn paused(circuit: &Circuit, n_pauses: usize, layers: usize) -> Result<Model> {
    let request = Request { pauses: Some(n_pauses), layers: Some(layers), ..Request::default() };
    pause::compile(circuit, "", &request)
}

fn pause_tokens(evidence: &mut Evidence) -> Result<()> {
    for spec in ["parity:8", "adder:3", "majority:5", "mux:2", "mult:2"] {
        let circuit = generate(spec)?;
        let network = super::map(spec)?.network;
        let (layers, n) = (network.depth(), network.n_nodes() - network.n_inputs());
        let mut holds = paused(&circuit, n - 1, layers).is_err();
        for n_pauses in [n, n + 9] {
            holds &= prove(&paused(&circuit, n_pauses, layers)?, &circuit).is_proof();
        }
        evidence.note(holds, format!("{spec}: {n} tokens, {layers} layers"));
    }
    let circuit = generate("parity:8")?;
    let inputs = Batch::counting(8, 0, 256);
    let mut first: Option<Batch> = None;
    for n_pauses in [7, 20, 100] {
        let model = paused(&circuit, n_pauses, 2)?;
        let outputs = Reference::new(&model)?.run(&inputs, model.n_loops)?;
        let wrong = !evidence.computes(&model, &circuit, model.n_loops)?;
        let same = first.as_ref().is_none_or(|first| first.first_difference(&outputs).is_none());
        evidence.note(
            wrong && same,
            format!("parity:8, 2 layers, {n_pauses} tokens: wrong, the same bits"),
        );
        first.get_or_insert(outputs);
    }
    Ok(())
}

fn fewer_layers_than_levels(evidence: &mut Evidence) -> Result<()> {
    let circuit = generate("mult:4")?;
    let network = super::map("mult:4")?.network;
    let (depth, n) = (network.depth(), network.n_nodes() - network.n_inputs());
    for n_pauses in [n, n + 20] {
        for (layers, expected) in [(depth - 1, true), (depth - 2, false)] {
            let model = paused(&circuit, n_pauses, layers)?;
            let right = evidence.computes(&model, &circuit, model.n_loops)?;
            let verdict = if right { "right" } else { "wrong" };
            let text =
                format!("mult:4, depth {depth}, {layers} layers, {n_pauses} tokens: {verdict}");
            evidence.note(right == expected, text);
        }
    }
    Ok(())
}

fn prelude_and_coda(evidence: &mut Evidence) -> Result<()> {
    for spec in ["parity:8", "adder:3", "majority:5", "mux:2", "mult:2"] {
        let circuit = generate(spec)?;
        let mut holds = true;
        for (prelude, coda) in [(1, 0), (0, 2), (3, 1), (2, 3)] {
            for layers in [1, 2] {
                let options = Options { prelude, coda, layers, ..Options::default() };
                let model = compile::compile(&circuit, "", &options)?;
                holds &= prove(&model, &circuit).is_proof();
            }
        }
        evidence.note(holds, format!("{spec}: 8 shapes"));
    }
    Ok(())
}

fn unrolled(evidence: &mut Evidence) -> Result<()> {
    for spec in ["parity:8", "adder:3", "majority:5", "mux:2", "mult:2"] {
        let circuit = generate(spec)?;
        let looped = compile::compile(&circuit, "", &Options::default())?;
        let options = Options { unroll: true, ..Options::default() };
        let model = compile::compile(&circuit, "", &options)?;
        let mut holds = prove(&model, &circuit).is_proof();
        holds &= model.blocks.len() == looped.n_loops && model.n_loops == 1;
        holds &= model.blocks.iter().all(|block| *block == looped.blocks[0]);
        let mut parts = model.into_parts();
        parts.blocks.pop();
        holds &= !prove(&Model::new(parts)?, &circuit).is_proof();
        evidence.note(holds, format!("{spec}: {} layers", looped.n_loops));
    }
    Ok(())
}
