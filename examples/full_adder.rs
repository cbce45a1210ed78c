//! A full adder from code: build it, compile it, run the transformer, prove it right.
//!
//! Run it with `cargo run --example full_adder`.

use circuit2tf::Result;
use circuit2tf::batch::Batch;
use circuit2tf::circuit::{Builder, Circuit, GateKind};
use circuit2tf::compile::{Options, compile};
use circuit2tf::run::{Engine, Reference};
use circuit2tf::verify::{Verdict, bit_string, prove};

fn full_adder() -> Result<Circuit> {
    let mut builder = Builder::new();
    let a = builder.input("a")?.literal();
    let b = builder.input("b")?.literal();
    let carry_in = builder.input("carry_in")?.literal();
    let half = builder.gate(GateKind::Xor, &[a, b])?.literal();
    let sum = builder.gate(GateKind::Xor, &[half, carry_in])?;
    let carry_out = builder.gate(GateKind::Maj, &[a, b, carry_in])?;
    builder.output("sum", sum)?;
    builder.output("carry_out", carry_out)?;
    builder.finish()
}

fn main() -> Result<()> {
    let circuit = full_adder()?;

    // One layer, applied as often as the circuit is deep once its gates have two inputs each.
    let model = compile(&circuit, "", &Options::default())?;
    println!(
        "{} layer, {} loops, {} positions of {} channels",
        model.n_layers(),
        model.n_loops,
        model.n_ctx(),
        model.d_model()
    );

    // Assignment number i sets input j to bit j of i; the engine runs all eight of them.
    let inputs = Batch::counting(3, 0, 8);
    let outputs = Reference::new(&model)?.run(&inputs, model.n_loops)?;
    println!("a b c   transformer   circuit   (sum, carry_out)");
    for i in 0..8 {
        let input = inputs.column(i);
        let (model_says, circuit_says) = (outputs.column(i), circuit.evaluate(&input)?);
        let [a, b, c] = [input[0], input[1], input[2]].map(u8::from);
        println!("{a} {b} {c}   {:11}   {}", bit_string(&model_says), bit_string(&circuit_says));
    }

    // The certificate looks at the weights alone and speaks for all inputs at once.
    println!("{}", Verdict::from(&prove(&model, &circuit)));
    Ok(())
}
