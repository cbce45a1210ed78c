//! What decoders compute, token by token and thought by thought, and in how many steps.

use super::{Claim, EXACT, Evidence, Ground, Kind, Status, map};
use crate::batch::Batch;
use crate::circuit::Circuit;
use crate::error::Result;
use crate::family::generate;
use crate::model::{Dtype, Model};
use crate::reasoning::cot::{Method, TokenSchedule};
use crate::reasoning::liveness::Liveness;
use crate::reasoning::{Request, coconut, cot};
use crate::run::Decoder;

pub(super) const CLAIMS: &[Claim] = &[
    Claim {
        id: "token-bounds",
        statement: "With g gates a token, G gates on D levels need max(D, ceil(G/g)) tokens or more, and \
                    ceil((G - D)/g) + D suffice.",
        status: Status::Proved,
        kind: Kind::Fact,
        ground: Ground::Prose,
        scope: None,
        proofs: &["p31_token_schedules"],
        sources: &["graham1966", "brent1974"],
        assumptions: "a gate does not share a token with its operand",
        reason: "A token takes at most g gates and at most one of a chain. If no slot stays empty while a gate \
                 is ready, a token that is not full takes a gate off every longest path that remains, so at \
                 most D are not full (Graham 1966, Brent 1974).",
        elsewhere: "",
        range: "12 networks, g = 1, 2, 3, 8, 15, level by level and by critical path; the parity of 1024 bits \
                at g = 15: between 69 and 78, level by level 76",
        check: Some(token_bounds),
    },
    Claim {
        id: "levels-least",
        statement: "Level by level is the schedule of fewest tokens.",
        status: Status::Refuted,
        kind: Kind::Fact,
        ground: Ground::Counterexample,
        scope: None,
        proofs: &["p31_token_schedules"],
        sources: &["hu1961"],
        assumptions: "none",
        reason: "Slots that a level leaves empty can take gates of the next that are ready.",
        elsewhere: "",
        range: "the parity tree of 1024 bits at g = 15, where the critical path reaches Hu's bound",
        check: Some(levels_least),
    },
    Claim {
        id: "chain-of-thought",
        statement: "A causal decoder of one layer, two if tokens hold more than a gate, computes its circuit by \
                    greedy decoding on every input, whatever the depth, in as many tokens as the schedule.",
        status: Status::Proved,
        kind: Kind::Construction,
        ground: Ground::Prose,
        scope: None,
        proofs: &["p32_chain_of_thought"],
        sources: &["li2024"],
        assumptions: EXACT,
        reason: "Attention fetches the tokens of the operands, the MLPs select and look up, and the right token's \
                 logit leads by 2: induction over the tokens.",
        elsewhere: "",
        range: "all inputs of 7 small circuits, vocabularies 2, 4, 16, in f32 and bf16; margins at least 2",
        check: Some(chain_of_thought),
    },
    Claim {
        id: "continuous-thought",
        statement: "A causal decoder of L layers that reads its last hidden state as its next embedding computes its \
                    circuit on every input in ceil((D + 1)/L) thoughts, with d_model at most the largest live cut \
                    plus the inputs plus codes of logarithmic length.",
        status: Status::Proved,
        kind: Kind::Construction,
        ground: Ground::Prose,
        scope: None,
        proofs: &["p33_continuous_thought"],
        sources: &["hao2024", "xu2025"],
        assumptions: EXACT,
        reason: "One layer gathers the inputs, D compute the levels in place, and only live values are handed over.",
        elsewhere: "",
        range: "all inputs of 7 small circuits, L = 1, 2, 3, in f32 and bf16",
        check: Some(continuous_thought),
    },
    Claim {
        id: "latent-speed-up",
        statement: "The schedules of `compile --scheme cot` take at most (G/D)/g + 1 times as many tokens as the \
                    circuit has levels, whatever number of bits a hidden state could hold.",
        status: Status::Proved,
        kind: Kind::Fact,
        ground: Ground::Prose,
        scope: None,
        proofs: &["p31_token_schedules", "p42_parallelism"],
        sources: &["zhu2025"],
        assumptions: "these schedules of this circuit: of its function nothing is said, which another circuit, or \
                      thoughts that hold a set of vertices at once, may do in fewer steps (Zhu and others 2025)",
        reason: "Level by level the sum of ceil(w/g) over the widths w of D levels is less than G/g + D, which is \
                 D ((G/D)/g + 1), and the schedule that is taken is no longer.",
        elsewhere: "",
        range: "12 networks at g = 15; the parity chain of 1024 bits: no gain at all",
        check: Some(latent_speed_up),
    },
];

const NETWORKS: [&str; 12] = [
    "parity:64",
    "parity-chain:30",
    "adder:16",
    "adder-ks:64",
    "mult:8",
    "aes-sbox",
    "mux:4",
    "majority:9",
    "sort-bitonic:8",
    "comparator:8",
    "decoder:4",
    "random:n=9,gates=200,seed=5",
];
const SMALL: [&str; 7] =
    ["parity:5", "parity-chain:5", "adder:2", "majority:5", "mux:2", "decoder:3", "mult:2"];

fn token_bounds(evidence: &mut Evidence) -> Result<()> {
    for spec in NETWORKS {
        let network = map(spec)?.network;
        let within = [1, 2, 3, 8, 15].iter().all(|&g| {
            let bounds = TokenSchedule::new(&network, g, Method::Best).bounds;
            let allowed = bounds.lower..=bounds.upper;
            allowed.contains(&bounds.by_levels) && allowed.contains(&bounds.by_critical_path)
        });
        evidence.note(within, format!("{spec}: within the bounds"));
    }
    let bounds = TokenSchedule::new(&map("parity:1024")?.network, 15, Method::Best).bounds;
    let found = (bounds.lower, bounds.by_levels, bounds.upper);
    evidence.note(found == (69, 76, 78), format!("parity:1024: {bounds}"));
    Ok(())
}

fn levels_least(evidence: &mut Evidence) -> Result<()> {
    let bounds = TokenSchedule::new(&map("parity:1024")?.network, 15, Method::Best).bounds;
    let better = bounds.by_critical_path < bounds.by_levels && bounds.is_least;
    evidence.note(better, bounds.to_string());
    Ok(())
}

/// Whether a decoder computes a circuit on all inputs.
fn is_right(evidence: &mut Evidence, model: &Model, circuit: &Circuit) -> Result<bool> {
    let n_inputs = circuit.inputs().len();
    let inputs = Batch::counting(n_inputs, 0, 1 << n_inputs);
    evidence.agrees(&Decoder::new(model)?, circuit, &inputs, model.n_loops)
}

fn chain_of_thought(evidence: &mut Evidence) -> Result<()> {
    for spec in SMALL {
        let circuit = generate(spec)?;
        for vocab in [2, 4, 16] {
            let mut right = true;
            for dtype in [Dtype::F32, Dtype::Bf16] {
                let request = Request { vocab: Some(vocab), dtype, ..Request::default() };
                let model = cot::compile(&circuit, "", &request)?;
                right &= is_right(evidence, &model, &circuit)?;
                right &= model.n_layers() == if vocab == 2 { 1 } else { 2 };
            }
            evidence.note(right, format!("{spec}, V = {vocab}"));
        }
    }
    Ok(())
}

fn continuous_thought(evidence: &mut Evidence) -> Result<()> {
    for spec in SMALL {
        let circuit = generate(spec)?;
        let network = map(spec)?.network;
        let widest = Liveness::new(&network).widest();
        for layers in 1..=3 {
            let mut right = true;
            for dtype in [Dtype::F32, Dtype::Bf16] {
                let request = Request { layers: Some(layers), dtype, ..Request::default() };
                let model = coconut::compile(&circuit, "", &request)?;
                right &= is_right(evidence, &model, &circuit)?;
                right &= model.n_loops == (network.depth() + 1).div_ceil(layers);
                // Codes of 6 signs for up to 20 thoughts or outputs, and 5 flags.
                right &= model.d_model() <= widest + network.n_inputs() + 6 + 6 + 5;
            }
            evidence.note(right, format!("{spec}, L = {layers}, live cut {widest}"));
        }
    }
    Ok(())
}

fn latent_speed_up(evidence: &mut Evidence) -> Result<()> {
    for spec in NETWORKS.into_iter().chain(["parity-chain:1024"]) {
        let bounds = TokenSchedule::new(&map(spec)?.network, 15, Method::Best).bounds;
        let (gates, depth) = (bounds.n_gates as f64, bounds.depth as f64);
        let ratio = bounds.reached as f64 / depth;
        let most = gates / depth / 15.0 + 1.0;
        // The bound rounds up to a whole token.
        let holds = bounds.reached as f64 <= (depth * most).ceil()
            && (spec != "parity-chain:1024" || bounds.reached == bounds.depth);
        evidence.note(holds, format!("{spec}: {ratio:.2} tokens a level, at most {most:.2}"));
    }
    Ok(())
}
