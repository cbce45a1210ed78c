//! Checks that run models by the reference engine.

use std::sync::atomic::AtomicBool;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::Evidence;
use crate::batch::Batch;
use crate::circuit::{Builder, Circuit, GateKind, Literal, TruthTable};
use crate::compile::{Options, compile};
use crate::error::Result;
use crate::family::generate;
use crate::layout::Layout;
use crate::mapping;
use crate::model::{Dtype, Model};
use crate::run::{Engine, Reference, Step};
use crate::theory::shallow;
use crate::verify::{Verdict, exhaustive};

const DTYPES: [Dtype; 3] = [Dtype::F32, Dtype::F16, Dtype::Bf16];

/// Whether a model computes a circuit on all inputs after some loops.
pub(super) fn is_right(model: &Model, circuit: &Circuit, n_loops: usize) -> Result<bool> {
    let engine = Reference::new(model)?;
    let verdict = exhaustive(model, circuit, &engine, n_loops, &AtomicBool::new(false))?;
    Ok(matches!(verdict, Verdict::Verified { .. }))
}

pub(super) fn simulation(evidence: &mut Evidence) -> Result<()> {
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
            let right = is_right(&model, &circuit, model.n_loops)?;
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

pub(super) fn universal_layer(evidence: &mut Evidence) -> Result<()> {
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

/// The states of the stream for every input.
fn traces(model: &Model, n_inputs: usize, n_loops: usize) -> Result<Vec<Vec<Step>>> {
    let engine = Reference::new(model)?;
    let inputs = Batch::counting(n_inputs, 0, 1 << n_inputs);
    let trace = |a| {
        let mut steps = Vec::new();
        engine.trace(&inputs.column(a), n_loops, |step| steps.push(step))?;
        Ok(steps)
    };
    (0..inputs.n_assignments()).map(trace).collect()
}

pub(super) fn more_loops(evidence: &mut Evidence) -> Result<()> {
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

pub(super) fn self_stabilisation(evidence: &mut Evidence) -> Result<()> {
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
            right &= is_right(&Model::new(parts)?, &circuit, model.n_loops)?;
        }
        evidence.note(
            right,
            format!("{spec}: right after {} layers from 8 random states", model.n_loops),
        );
    }
    Ok(())
}

pub(super) fn unit_norm(evidence: &mut Evidence) -> Result<()> {
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

/// Notes that a model of fewer layers than the circuit's levels computes the circuit on all inputs.
fn note_shallow(
    evidence: &mut Evidence,
    what: &str,
    model: &Model,
    circuit: &Circuit,
) -> Result<()> {
    let (layers, depth) = (model.n_layers() * model.n_loops, mapping::depth(circuit, 2));
    let right = is_right(model, circuit, model.n_loops)?;
    let text = format!("{what} in {}: depth {depth}, layers {layers}", model.dtype);
    evidence.note(right && layers < depth, text);
    Ok(())
}

pub(super) fn depth_layers_needed(evidence: &mut Evidence) -> Result<()> {
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

fn six_input_table(bits: u64) -> Result<Circuit> {
    lut(TruthTable::new(6, bits)?)
}

fn lut(table: TruthTable) -> Result<Circuit> {
    let mut builder = Builder::new();
    let inputs = (0..table.n_inputs()).map(|i| Ok(builder.input(format!("x[{i}]"))?.literal()));
    let inputs = inputs.collect::<Result<Vec<Literal>>>()?;
    let gate = builder.gate(GateKind::Lut(table), &inputs)?;
    builder.output("y", gate)?;
    builder.finish()
}

pub(super) fn symmetric_one_layer(evidence: &mut Evidence) -> Result<()> {
    for dtype in DTYPES {
        let mut right = true;
        for code in 0..32u32 {
            let values: Vec<bool> = (0..=4).map(|ones| code >> ones & 1 == 1).collect();
            let ones = |x: &[bool]| x.iter().filter(|&&bit| bit).count();
            let circuit = lut(TruthTable::from_fn(4, |x| values[ones(x)]))?;
            let model = shallow::symmetric(&values, dtype)?;
            right &= (model.n_layers(), model.n_heads(), model.d_mlp()) == (1, 1, 4);
            right &= is_right(&model, &circuit, 1)?;
        }
        evidence.note(right, format!("32 symmetric functions of 4 inputs in {dtype}"));
    }
    Ok(())
}

pub(super) fn hops_need_layers(evidence: &mut Evidence) -> Result<()> {
    for (doublings, hops) in [(2, 3), (3, 7)] {
        let circuit = generate(&format!("pointer:n=4,k={hops}"))?;
        let model = shallow::pointer_doubling(2, doublings, Dtype::F32)?;
        let right = is_right(&model, &circuit, 1)?;
        let layers = model.n_layers();
        // Three hops in three layers refute nothing; seven in four do.
        evidence.note(
            right && layers == doublings + 1,
            format!("{hops} hops among 4 entries: {layers} layers, all 2^10 tables and starts"),
        );
    }
    Ok(())
}

pub(super) fn unchanged_outputs(evidence: &mut Evidence) -> Result<()> {
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
