//! A circuit file becomes a model file: read, compile, verify, write, read back, run.
//!
//! Run it with `cargo run --example file_end_to_end -- [CIRCUIT [MODEL]]`. Without MODEL nothing is kept.

use circuit2tf::batch::Batch;
use circuit2tf::circuit::Oracle;
use circuit2tf::compile::{Options, compile};
use circuit2tf::model::file;
use circuit2tf::run::{Engine, Reference};
use circuit2tf::verify::{Verdict, bit_string, prove};
use circuit2tf::{Result, format};

const DEFAULT_CIRCUIT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/circuits/c17.bench");

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().unwrap_or_else(|| DEFAULT_CIRCUIT.to_string());

    // The format is told by the content, then by the name.
    let circuit = format::load(&path)?.circuit;
    let (n_inputs, n_outputs) = (circuit.inputs().len(), circuit.outputs().len());
    println!("circuit: {n_inputs} inputs, {n_outputs} outputs, {} gates", circuit.n_gates());

    // Two layers, looped; the second argument names the source in the model file.
    let model = compile(&circuit, "", &Options { layers: 2, ..Options::default() })?;
    let (layers, loops, depth) = (model.n_layers(), model.n_loops, model.labels.depth);
    println!("model:   {layers} layers x {loops} loops for depth {depth}");
    println!("{}", Verdict::from(&prove(&model, &circuit)));

    // The file is the whole model: whoever has it needs neither the circuit nor this program.
    let bytes = file::to_bytes(&model);
    println!("file:    {} bytes", bytes.len());
    if let Some(target) = arguments.next() {
        model.save(target)?;
    }
    let model = file::from_bytes(&bytes, "the model just written")?;

    let inputs = Batch::from_columns(n_inputs, &[vec![false; n_inputs], vec![true; n_inputs]])?;
    let outputs = Reference::new(&model)?.run(&inputs, model.n_loops)?;
    let expected = Oracle::new(&circuit)?.run(&inputs)?;
    for i in 0..inputs.n_assignments() {
        let [input, output, right] =
            [&inputs, &outputs, &expected].map(|b| bit_string(&b.column(i)));
        println!("run:     {input} -> {output}, the circuit says {right}");
    }
    Ok(())
}
