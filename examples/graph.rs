//! A circuit of one's own, a graph of petgraph, is compiled and proved, and one with a wrong gate refuted.
//!
//! Run it with `cargo run --example graph`, or as a crate of its own, whose library has no default features:
//! `cargo run --package circuit2tf-library-example`.

use circuit2tf::Result;
use circuit2tf::circuit::graph::{Pin, Vertex};
use circuit2tf::circuit::{Circuit, GateKind};
use circuit2tf::compile::{Options, compile};
use circuit2tf::verify::{Policy, Proof, Subject, Verdict, bit_string, decide};
use petgraph::graph::DiGraph;
use serde_json::json;

/// The full adder, if `carry` is a majority.
fn full_adder(carry: GateKind) -> Result<Circuit> {
    let mut graph = DiGraph::<Vertex, Pin>::new();
    let inputs = ["a", "b", "c"].map(|name| graph.add_node(Vertex::input(name)));
    for (name, kind) in [("sum", GateKind::Xor), ("carry", carry)] {
        let (gate, output) = (graph.add_node(kind.into()), graph.add_node(Vertex::output(name)));
        for (port, input) in inputs.into_iter().enumerate() {
            graph.add_edge(input, gate, Pin::port(port));
        }
        graph.add_edge(gate, output, Pin::port(0));
    }
    Circuit::from_graph(&graph)
}

fn main() -> Result<()> {
    let (adder, policy) = (full_adder(GateKind::Maj)?, Policy::default());
    let model = compile(&adder, "", &Options::default())?;
    let decision = decide(&Subject::new(&model, &adder)?, &policy)?;
    if let Verdict::Verified(Proof::Certificate(facts)) = &decision.statement.verdict {
        println!("proved for all 2^{} inputs, {} levels", facts.n_inputs, facts.depth);
    }
    println!("{}", json!(decision.statement));

    let wrong = compile(&full_adder(GateKind::Or)?, "", &Options::default())?;
    let decision = decide(&Subject::new(&wrong, &adder)?, &policy)?;
    if let Verdict::Refuted(found) = &decision.statement.verdict {
        let (input, name) = (bit_string(&found.input), &adder.outputs()[found.output].name);
        println!("refuted: on {input} {name} must be {}", u8::from(found.expected));
    }
    println!("{}", json!(decision.statement));
    Ok(())
}
