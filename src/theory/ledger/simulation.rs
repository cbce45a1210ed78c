//! What a compiled model does: the circuit, step by step, from any start.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{Claim, EXACT, Evidence, Ground, Kind, Status, traces};
use crate::compile::{Options, compile};
use crate::error::Result;
use crate::family::generate;
use crate::layout::Layout;
use crate::mapping;
use crate::model::{Dtype, Model};

pub(super) const CLAIMS: &[Claim] = &[
    Claim {
        id: "simulation",
        statement: "A compiled model of L layers computes its circuit of depth D on every input after \
                    ceil(D/L) loops.",
        status: Status::Proved,
        kind: Kind::Construction,
        ground: Ground::Prose,
        scope: None,
        proofs: &["p01_simulation", "p03_loops"],
        sources: &[],
        assumptions: EXACT,
        reason: "One layer makes one synchronous step of all gates, exactly; after t steps every gate of \
                 level t or less holds its value (induction on the level).",
        elsewhere: "",
        range: "all inputs of 8 small circuits, L = 1, 2, 3, f32, by the reference engine",
        check: Some(simulation),
    },
    Claim {
        id: "universal-layer",
        statement: "The weights of a compiled layer depend on the number of heads and the length of \
                    addresses only, not on the circuit, which is written in the position embedding.",
        status: Status::Proved,
        kind: Kind::Fact,
        ground: Ground::Prose,
        scope: None,
        proofs: &["p04_sizes"],
        sources: &[],
        assumptions: "one layer, the default temperature",
        reason: "Nothing that makes the layer reads the network.",
        elsewhere: "",
        range: "equality of all block tensors over 4 circuits of one address length",
        check: Some(universal_layer),
    },
    Claim {
        id: "more-loops",
        statement: "More loops than ceil(D/L) change nothing: the stream is a fixed point.",
        status: Status::Proved,
        kind: Kind::Fact,
        ground: Ground::Prose,
        scope: None,
        proofs: &["p02_fixed_point"],
        sources: &[],
        assumptions: EXACT,
        reason: "Gates whose operands hold their values keep theirs, and all other channels return to \
                 their state after every layer.",
        elsewhere: "",
        range: "all inputs of 3 small circuits, the whole stream compared for twice the depth",
        check: Some(more_loops),
    },
    Claim {
        id: "self-stabilisation",
        statement: "From any Boolean states of the gates a compiled model is right after D layers.",
        status: Status::Proved,
        kind: Kind::Fact,
        ground: Ground::Prose,
        scope: None,
        proofs: &["p01_simulation"],
        sources: &[],
        assumptions: EXACT,
        reason: "The induction of `simulation` does not use the initial states.",
        elsewhere: "",
        range: "all inputs of 3 small circuits from 8 random initial states each",
        check: Some(self_stabilisation),
    },
    Claim {
        id: "unit-norm",
        statement: "Before and after every layer each channel of a compiled model is +1 or -1 exactly, \
                    each position sums to 0 and has mean square 1: normalisation would be the identity.",
        status: Status::Proved,
        kind: Kind::Fact,
        ground: Ground::Prose,
        scope: None,
        proofs: &["p09_normalisation"],
        sources: &[],
        assumptions: EXACT,
        reason: "Every value has a negated twin and every address is balanced.",
        elsewhere: "",
        range: "all inputs of 2 small circuits in f64, f32, f16 and bf16, all layers",
        check: Some(unit_norm),
    },
];

fn simulation(evidence: &mut Evidence) -> Result<()> {
    for spec in [
        "adder:3",
        "and:8",
        "parity:7",
        "mux:2",
        "majority:5",
        "adder-ks:3",
        "comparator:3",
        "mult:2",
    ] {
        let circuit = generate(spec)?;
        for layers in 1..=3 {
            let model = compile(&circuit, spec, &Options { layers, ..Options::default() })?;
            let right = evidence.computes(&model, &circuit, model.n_loops)?;
            let inputs = circuit.inputs().len();
            let (depth, loops) = (model.labels.depth, model.n_loops);
            evidence.note(
                right && loops == depth.div_ceil(layers),
                format!(
                    "{spec}: depth {depth}, {layers} layers, {loops} loops, all 2^{inputs} inputs"
                ),
            );
        }
    }
    Ok(())
}

fn universal_layer(evidence: &mut Evidence) -> Result<()> {
    // All have 36 to 70 nodes, so addresses of 8 bits.
    let specs = ["parity:32", "and:20", "mux:4", "majority:9"];
    let models = specs.map(|spec| compile(&generate(spec)?, spec, &Options::default()));
    let mut first: Option<Model> = None;
    for (spec, model) in specs.into_iter().zip(models) {
        let model = model?;
        let same = first.as_ref().is_none_or(|first| first.blocks == model.blocks);
        let text = format!("{spec}: {} nodes, d_model {}", model.n_ctx(), model.d_model());
        evidence.note(same, text);
        first.get_or_insert(model);
    }
    Ok(())
}

fn more_loops(evidence: &mut Evidence) -> Result<()> {
    for spec in ["adder:2", "parity:6", "mux:2"] {
        let circuit = generate(spec)?;
        let model = compile(&circuit, spec, &Options::default())?;
        let depth = model.labels.depth;
        let traces = traces(&model, circuit.inputs().len(), 2 * depth)?;
        let fixed = traces
            .iter()
            .all(|steps| steps[depth..].iter().all(|step| step.stream == steps[depth].stream));
        evidence.note(
            fixed,
            format!("{spec}: the stream is the same after {depth} to {} layers", 2 * depth),
        );
    }
    Ok(())
}

fn self_stabilisation(evidence: &mut Evidence) -> Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    for spec in ["adder:2", "and:6", "mux:2"] {
        let circuit = generate(spec)?;
        let model = compile(&circuit, spec, &Options::default())?;
        let network = mapping::map(&circuit, 2)?.network;
        let layout = Layout::new(network.k(), network.n_nodes())?;
        let mut right = true;
        for _ in 0..8 {
            let mut parts = model.clone().into_parts();
            for id in (0..network.n_nodes()).filter(|&id| !network.is_source(id)) {
                let sign = if rng.random() { 1.0 } else { -1.0 };
                parts.w_pos[[id, layout.value()]] = sign;
                parts.w_pos[[id, layout.not_value()]] = -sign;
            }
            right &= evidence.computes(&Model::new(parts)?, &circuit, model.n_loops)?;
        }
        evidence.note(
            right,
            format!("{spec}: right after {} layers from 8 random states", model.n_loops),
        );
    }
    Ok(())
}

fn unit_norm(evidence: &mut Evidence) -> Result<()> {
    for spec in ["adder:2", "parity:5"] {
        let circuit = generate(spec)?;
        for dtype in Dtype::ALL {
            let model = compile(&circuit, spec, &Options { dtype, ..Options::default() })?;
            let traces = traces(&model, circuit.inputs().len(), model.n_loops)?;
            let unit = traces.iter().flatten().all(|step| {
                let signs = step.stream.iter().all(|x| x.abs() == 1.0);
                signs && step.stream.outer_iter().all(|row| row.sum() == 0.0)
            });
            evidence
                .note(unit, format!("{spec} in {dtype}: signs that sum to 0 at every position"));
        }
    }
    Ok(())
}
