//! Layers and levels: when a model needs as many layers as its circuit has levels, and when not.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::scope::{self, Arithmetic, Mask, Reads, Scope, Start, Uniformity, Weighting};
use super::{
    Claim, DTYPES, EXACT, EXACT_SOFTMAX, Evidence, Ground, Kind, OBLIVIOUS, Status, lut, map,
};
use crate::batch::Batch;
use crate::circuit::{Circuit, TruthTable};
use crate::compile::{Options, compile};
use crate::error::Result;
use crate::family::generate;
use crate::mapping;
use crate::model::{Dtype, Model};
use crate::network::Network;
use crate::run::{Engine, Reference};
use crate::theory::depth::{self, Basis, Census};
use crate::theory::shallow;

/// Heads that read one token each, the same for every input.
const OBLIVIOUS_SCOPE: Scope = Scope {
    arithmetic: Arithmetic::Any,
    uniformity: Uniformity::PerLength,
    attention: scope::Attention {
        weighting: Weighting::Any,
        reads: Reads::OneFixed,
        mask: Mask::Any,
    },
    start: Start::OneLiteral,
};

pub(super) const CLAIMS: &[Claim] = &[
    Claim {
        id: "depth-layers-needed",
        statement: "A model that is not looped needs as many layers as its circuit has levels.",
        status: Status::Refuted,
        kind: Kind::Bound,
        ground: Ground::Counterexample,
        scope: Some(EXACT_SOFTMAX),
        proofs: &["p12_fewer_layers_than_levels"],
        sources: &[],
        assumptions: "none",
        reason: "A uniform average and an MLP count, lookup needs one layer, and levels collapse.",
        elsewhere: "with heads that read one token each and one bit a token it holds of functions of that depth \
                    (oblivious-depth)",
        range: "4-bit adder of depth 7 in 4 and 3 layers; parity of 10 inputs and a 6-input table in \
                1; parity of 9 in 2: all inputs",
        check: Some(depth_layers_needed),
    },
    Claim {
        id: "collapse",
        statement: "Every network of fan-in 2 and depth D runs in ceil(D/c) layers with 2^c heads and an \
                    MLP of 2^(2^c + 1) + 2^c + 1 units, for c = 1, 2, 3.",
        status: Status::Proved,
        kind: Kind::Construction,
        ground: Ground::Prose,
        scope: None,
        proofs: &["p11_level_collapse"],
        sources: &[],
        assumptions: EXACT,
        reason: "A node of level l is a function of at most 2^c nodes of level at most c (ceil(l/c) - 1).",
        elsewhere: "",
        range: "networks of 14 circuits, c = 1, 2, 3, all inputs; model shapes for the 4-bit adder",
        check: Some(collapse),
    },
    Claim {
        id: "symmetric-one-layer",
        statement: "Every symmetric function of n <= 256 inputs runs in one layer with one head and n \
                    MLP units.",
        status: Status::Proved,
        kind: Kind::Construction,
        ground: Ground::Prose,
        scope: None,
        proofs: &["p12_fewer_layers_than_levels"],
        sources: &[],
        assumptions: "matrix products are accumulated in f32, or exactly",
        reason: "The average over 2^q tokens is the count divided by 2^q; the MLP interpolates.",
        elsewhere: "",
        range: "all 32 symmetric functions of 4 inputs in f32, f16 and bf16, all inputs",
        check: Some(symmetric_one_layer),
    },
    Claim {
        id: "hops-need-layers",
        statement: "Following a pointer k times needs k layers.",
        status: Status::Refuted,
        kind: Kind::Bound,
        ground: Ground::Counterexample,
        scope: Some(EXACT_SOFTMAX),
        proofs: &["p12_fewer_layers_than_levels"],
        sources: &["sanford2024"],
        assumptions: "none",
        reason: "Pointers double, and powers of a map commute: k hops in floor(log2 k) + 2 layers, one of \
                 which collects the table's bits. That Omega(log k) are needed is conditional: see \
                 k-hop-lower-bound.",
        elsewhere: "that layers of small width need Omega(log k) is conditional (k-hop-lower-bound)",
        range: "k = 1 to 3, all 256 tables of 4 entries and all starts; k = 4 to 15 among 16 entries, 16 cycles, lines \
                and random tables; f32, f16, bf16",
        check: Some(hops_need_layers),
    },
    Claim {
        id: "oblivious-depth",
        statement: "With H heads and one bit per token the least number of layers of a function is its \
                    least depth in gates of H + 1 inputs.",
        status: Status::Proved,
        kind: Kind::Bound,
        ground: Ground::Prose,
        scope: Some(OBLIVIOUS_SCOPE),
        proofs: &["p14_oblivious_attention"],
        sources: &[],
        assumptions: OBLIVIOUS,
        reason: "A token's bit after a layer is a gate of its own and H read bits; conversely a tree of \
                 gates is laid on tokens, each gate on that of its leftmost leaf.",
        elsewhere: "a uniform average does not depend on the input either and computes parity in one layer \
                    (symmetric-one-layer); attention by content finds a 1 among any number of bits",
        range: "H = 1, all 256 functions of 3 inputs, all models of 4 tokens and up to 2 layers; by the reference engine \
                24 functions of 3 inputs that need 3 levels, compiled, and wrong after 2",
        check: Some(oblivious_depth),
    },
    Claim {
        id: "oblivious-width",
        statement: "With H heads the output depends on at most (H + 1)^L inputs after L layers, however \
                    many tokens there are.",
        status: Status::Proved,
        kind: Kind::Bound,
        ground: Ground::Prose,
        scope: Some(OBLIVIOUS_SCOPE),
        proofs: &["p14_oblivious_attention"],
        sources: &[],
        assumptions: OBLIVIOUS,
        reason: "Induction: a token's field is the union of its own and H others.",
        elsewhere: "a uniform average (symmetric-one-layer) and attention by content see all inputs in one layer",
        range: "receptive fields of 6 compiled networks after every number of steps; by the reference engine a change of \
                an input outside of them changes nothing, 2 compiled models",
        check: Some(oblivious_width),
    },
    Claim {
        id: "oblivious-gathering",
        statement: "If tokens hold as much as they like, the least number of layers with H heads for a function that \
                    depends on r inputs is ceil(log_(H + 1) r), whatever its depth.",
        status: Status::Proved,
        kind: Kind::Bound,
        ground: Ground::Prose,
        scope: Some(OBLIVIOUS_SCOPE),
        proofs: &["p14_oblivious_attention"],
        sources: &[],
        assumptions: OBLIVIOUS,
        reason: "By `oblivious-width` no fewer are enough. A tree with H + 1 branches gathers r tokens in so many \
                 layers, and the last looks the function up.",
        elsewhere: "as of oblivious-width",
        range: "the fields of such trees for H = 1 to 4 and r = 1 to 200; by the reference engine parity of 9 inputs in 2 \
                layers of two heads, and wrong without either",
        check: Some(oblivious_gathering),
    },
    Claim {
        id: "census",
        statement: "Of the 65536 functions of 4 variables 7552 need 4 levels of two-input gates, 96 need 5 of \
                    ANDs and ORs, 250 need 6 of NANDs, and none needs more than 2 of three-input gates. Of \
                    the 2^32 functions of 5 variables 6707704 need at most 3 levels of two-input gates.",
        status: Status::Verified,
        kind: Kind::Fact,
        ground: Ground::Machine,
        scope: None,
        proofs: &["p14_oblivious_attention"],
        sources: &[],
        assumptions: "complements are free, but for NANDs",
        reason: "Dynamic programming over all truth tables.",
        elsewhere: "",
        range: "all functions of 2, 3 and 4 variables; of 5 variables all of at most 3 levels",
        check: Some(census),
    },
];

fn depth_layers_needed(evidence: &mut Evidence) -> Result<()> {
    let adder = generate("adder:4")?;
    for collapse in [2, 3] {
        let options = Options { collapse, unroll: true, ..Options::default() };
        note_shallow(evidence, "adder:4, collapsed", &compile(&adder, "", &options)?, &adder)?;
    }
    let odd: Vec<bool> = (0..=10).map(|ones| ones % 2 == 1).collect();
    for dtype in DTYPES {
        let model = shallow::symmetric(&odd, dtype)?;
        note_shallow(evidence, "parity:10", &model, &generate("parity:10")?)?;
    }
    let table = six_input_table(0x9E37_79B9_7F4A_7C15)?;
    let model = compile(&table, "", &Options { heads: 6, ..Options::default() })?;
    note_shallow(evidence, "a table of six inputs", &model, &table)?;
    let model = shallow::parity_of_three(2, Dtype::F32)?;
    note_shallow(evidence, "parity:9", &model, &generate("parity:9")?)
}

/// Notes that a model of fewer layers than the circuit's levels computes the circuit on all inputs.
fn note_shallow(
    evidence: &mut Evidence,
    what: &str,
    model: &Model,
    circuit: &Circuit,
) -> Result<()> {
    let (layers, depth) = (model.n_layers() * model.n_loops, mapping::depth(circuit, 2));
    let right = evidence.computes(model, circuit, model.n_loops)?;
    let text = format!("{what} in {}: depth {depth}, layers {layers}", model.dtype);
    evidence.note(right && layers < depth, text);
    Ok(())
}

fn six_input_table(bits: u64) -> Result<Circuit> {
    lut(TruthTable::new(6, bits)?)
}

fn collapse(evidence: &mut Evidence) -> Result<()> {
    let named = ["adder:4", "parity-chain:9", "mult:3", "majority:7"].map(String::from);
    let random = (0..10).map(|seed| format!("random:n=6,gates=40,seed={seed}"));
    for spec in named.into_iter().chain(random) {
        let mapped = map(&spec)?;
        for c in 1..=3 {
            let collapsed = mapping::collapse(&mapped, c)?.network;
            let depth = mapped.network.depth();
            let text = format!("{spec}: depth {depth}, {c} levels in one: {}", collapsed.depth());
            let right =
                collapsed.depth() == depth.div_ceil(c) && agree(&mapped.network, &collapsed);
            evidence.note(right, text);
        }
    }
    let adder = generate("adder:4")?;
    for (c, shape) in [(1, (7, 2, 11)), (2, (4, 4, 37)), (3, (3, 8, 521))] {
        let model = compile(&adder, "", &Options { collapse: c, ..Options::default() })?;
        let found = (model.n_loops, model.n_heads(), model.d_mlp());
        evidence.note(found == shape, format!("adder:4, c = {c}: layers, heads, units {found:?}"));
    }
    Ok(())
}

/// Whether two networks have the same outputs on all inputs.
fn agree(a: &Network, b: &Network) -> bool {
    let outputs = |network: &Network, input: &[bool]| {
        let values = network.evaluate(input);
        network.outputs().iter().map(|&id| values[id as usize]).collect::<Vec<_>>()
    };
    (0..1usize << a.n_inputs()).all(|number| {
        let input: Vec<bool> = (0..a.n_inputs()).map(|i| number >> i & 1 == 1).collect();
        outputs(a, &input) == outputs(b, &input)
    })
}

fn symmetric_one_layer(evidence: &mut Evidence) -> Result<()> {
    for dtype in DTYPES {
        let mut right = true;
        for code in 0..32u32 {
            let values: Vec<bool> = (0..=4).map(|ones| code >> ones & 1 == 1).collect();
            let ones = |x: &[bool]| x.iter().filter(|&&bit| bit).count();
            let circuit = lut(TruthTable::from_fn(4, |x| values[ones(x)]))?;
            let model = shallow::symmetric(&values, dtype)?;
            right &= (model.n_layers(), model.n_heads(), model.d_mlp()) == (1, 1, 4);
            right &= evidence.computes(&model, &circuit, 1)?;
        }
        evidence.note(right, format!("32 symmetric functions of 4 inputs in {dtype}"));
    }
    Ok(())
}

fn hops_need_layers(evidence: &mut Evidence) -> Result<()> {
    // More entries than hops: among n entries the n-th power of a table and more are those of fewer hops.
    for (m, hops) in (1..=3).map(|hops| (2, hops)).chain((4..=15).map(|hops| (4, hops))) {
        let n = 1usize << m;
        let circuit = generate(&format!("pointer:n={n},k={hops}"))?;
        let inputs = if m == 2 { Batch::counting(10, 0, 1 << 10) } else { tables(n, m)? };
        let mut right = true;
        let mut layers = 0;
        for dtype in DTYPES {
            let model = shallow::pointer_chasing(m, hops, dtype)?;
            right &= evidence.agrees(&Reference::new(&model)?, &circuit, &inputs, 1)?;
            layers = model.n_layers() as u64;
        }
        let n_inputs = inputs.n_assignments();
        let text =
            format!("{hops} hops among {n} entries: {layers} layers, {n_inputs} tables and starts");
        evidence.note(
            right && layers == u64::from(hops.ilog2()) + 2 && (hops < 5 || layers < hops),
            text,
        );
    }
    Ok(())
}

/// Tables of `n = 2^m` entries and a start: cycles of all strides, a line, random ones.
fn tables(n: usize, m: usize) -> Result<Batch> {
    let mut rng = ChaCha8Rng::seed_from_u64(16);
    let mut columns = Vec::new();
    for case in 0..3 * n {
        let next: Vec<usize> = match case / n {
            0 => (0..n).map(|i| (i + case + 1) % n).collect(),
            1 => (0..n).map(|i| (i + 1).min(n - 1)).collect(),
            _ => (0..n).map(|_| rng.random_range(0..n)).collect(),
        };
        let numbers = next.into_iter().chain([case % n]);
        columns.push(numbers.flat_map(|x| (0..m).map(move |j| x >> j & 1 == 1)).collect());
    }
    Batch::from_columns((n + 1) * m, &columns)
}

fn oblivious_depth(evidence: &mut Evidence) -> Result<()> {
    let census = Census::new(3, Basis::Binary)?;
    for (layers, computed) in depth::tiny_oblivious_models().iter().enumerate() {
        let within = |f: u16| census.depth(f).is_some_and(|depth| depth <= layers);
        let same = (0..256).all(|f| computed[usize::from(f)] == within(f));
        let n = computed.iter().filter(|&&computed| computed).count();
        evidence.note(same, format!("{layers} layers compute {n} functions, those of that depth"));
    }
    let (mut n_functions, mut holds) = (0, true);
    for f in (0..256u16).filter(|&f| census.depth(f) == Some(3)) {
        let circuit = lut(TruthTable::new(3, u64::from(f))?)?;
        let model = compile(&circuit, "", &Options::default())?;
        holds &= evidence.computes(&model, &circuit, 3)?;
        holds &= !evidence.computes(&model, &circuit, 2)?;
        n_functions += 1;
    }
    let text = format!(
        "{n_functions} functions of depth 3, compiled: wrong after 2 layers, right after 3"
    );
    evidence.note(holds, text);
    Ok(())
}

fn oblivious_width(evidence: &mut Evidence) -> Result<()> {
    for spec in ["parity:16", "adder:4", "mux:3", "majority:7", "mult:4", "adder-ks:8"] {
        let network = map(spec)?.network;
        let largest = |steps: usize| {
            let fields = depth::receptive_fields(&network, steps);
            fields.iter().map(|field| field.iter().filter(|&&bit| bit).count()).max().unwrap_or(0)
        };
        // A compiled layer's gates ignore their own state: its fan-in alone bounds the field.
        let bound = |steps: usize| depth::receptive_field_bound(network.k() - 1, steps);
        let within = (0..=network.depth()).all(|steps| largest(steps) as u128 <= bound(steps));
        evidence
            .note(within, format!("{spec}: fields within 2^T for T = 0 to {}", network.depth()));
    }
    for spec in ["adder:4", "parity:8"] {
        let holds = nothing_outside_is_heard(evidence, spec)?;
        evidence.note(holds, format!("{spec}, run: inputs outside of the fields change nothing"));
    }
    Ok(())
}

/// Whether no output of a compiled model changes, after any number of layers, with an input that is outside of its
/// receptive field: on all inputs.
fn nothing_outside_is_heard(evidence: &mut Evidence, spec: &str) -> Result<bool> {
    let circuit = generate(spec)?;
    let model = compile(&circuit, "", &Options::default())?;
    let (engine, network) = (Reference::new(&model)?, map(spec)?.network);
    let n = network.n_inputs();
    let inputs = Batch::counting(n, 0, 1 << n);
    let mut holds = true;
    for steps in 0..network.depth() {
        let outputs = engine.run(&inputs, steps)?;
        let fields = depth::receptive_fields(&network, steps);
        for (o, &node) in network.outputs().iter().enumerate() {
            for i in (0..n).filter(|&i| !fields[node as usize][i]) {
                holds &= (0..1usize << n).all(|a| outputs.get(o, a) == outputs.get(o, a ^ 1 << i));
            }
        }
        evidence.n_models += 1;
    }
    Ok(holds)
}

fn oblivious_gathering(evidence: &mut Evidence) -> Result<()> {
    for heads in 1..=4usize {
        let gathers = |r: usize| {
            let layers = depth::least_layers_unbounded(r, heads);
            let mut fields: Vec<Vec<bool>> =
                (0..r).map(|i| (0..r).map(|j| i == j).collect()).collect();
            let mut stride = 1;
            for _ in 0..layers {
                // In order, so that the tokens further on are those of the layer before.
                for i in 0..r {
                    for other in (1..=heads).map(|h| i + h * stride).filter(|&other| other < r) {
                        let read = fields[other].clone();
                        fields[i].iter_mut().zip(read).for_each(|(all, bit)| *all |= bit);
                    }
                }
                stride *= heads + 1;
            }
            let is_least =
                layers == 0 || depth::receptive_field_bound(heads, layers - 1) < r as u128;
            is_least && fields[0].iter().all(|&bit| bit)
        };
        evidence.note((1..=200).all(gathers), format!("H = {heads}: trees gather 1 to 200 inputs"));
    }
    let circuit = generate("parity:9")?;
    let model = shallow::parity_of_three(2, Dtype::F32)?;
    let right = evidence.computes(&model, &circuit, 1)?;
    let mut shorter = true;
    for l in 0..2 {
        let mut parts = model.clone().into_parts();
        parts.blocks.remove(l);
        shorter &= !evidence.computes(&Model::new(parts)?, &circuit, 1)?;
    }
    evidence.note(right && shorter, "parity:9: 2 layers of two heads, and wrong without either");
    Ok(())
}

fn census(evidence: &mut Evidence) -> Result<()> {
    for (n, basis, expected) in [
        (2, Basis::Binary, &[6, 10][..]),
        (3, Basis::Binary, &[8, 30, 194, 24]),
        (4, Basis::Binary, &[10, 60, 1458, 56456, 7552]),
        (3, Basis::DeMorgan, &[8, 24, 94, 112, 18]),
        (4, Basis::DeMorgan, &[10, 48, 684, 17064, 47634, 96]),
        (3, Basis::Nand, &[5, 6, 21, 98, 72, 54]),
        (4, Basis::Nand, &[6, 10, 63, 922, 9663, 54622, 250]),
        (4, Basis::Ternary, &[10, 932, 64594]),
    ] {
        let counts = Census::new(n, basis)?.counts();
        let text = format!("{n} variables, {}: {counts:?} by depth", basis.name());
        evidence.note(counts == expected, text);
    }
    let of_five = depth::shallow_functions_of_five();
    let holds = of_five == [12, 100, 5350, 6_702_242];
    evidence.note(holds, format!("5 variables, two-input gates: {of_five:?} by depth up to 3"));
    Ok(())
}
