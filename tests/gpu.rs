//! The gpu engine and the oracle on this machine's device, held against the processor.
//!
//! Who builds with the feature has a device; Mesa has one in software (Debian: mesa-vulkan-drivers).
#![cfg(feature = "gpu")]

use circuit2tf::batch::{Batch, Lut, LutProgram};
use circuit2tf::circuit::{Circuit, Oracle};
use circuit2tf::compile::{Options, compile};
use circuit2tf::family::generate;
use circuit2tf::model::{Dtype, Model, Parts};
use circuit2tf::run::gpu::{Device, Gpu, adapters};
use circuit2tf::run::{Engine, LutDevice, Reference, Resident};
use circuit2tf::verify::{Assignments, Check, Proof, Verdict};
use ndarray::{Array, Axis, RemoveAxis};

#[allow(dead_code, reason = "each test file uses a part")]
#[path = "support/circuits.rs"]
mod circuits;
#[path = "support/stream.rs"]
mod stream;
mod support;

use stream::require_same_stream;
use support::random_batch;

fn device() -> Device {
    let device = Device::open().unwrap_or_else(|error| panic!("{error}"));
    println!("on {}", device.adapter());
    device
}

fn compiled(circuit: &Circuit, options: &Options) -> Model {
    compile(circuit, "", options).unwrap()
}

/// All assignments of up to 16 inputs, else some, a number that is no multiple of 32.
fn assignments(n_inputs: usize) -> Batch {
    match n_inputs {
        0 => Batch::zeros(0, 3),
        1..=16 => Batch::counting(n_inputs, 0, 1 << n_inputs),
        _ => random_batch(n_inputs, 77),
    }
}

/// Holds the engine against the resident engine and both oracles.
fn require_same(device: Device, circuit: &Circuit, model: &Model, inputs: &Batch, what: &str) {
    let gpu = Gpu::on(device, model).unwrap();
    let outputs = gpu.run(inputs, model.n_loops).unwrap();
    let oracle = Oracle::new(circuit).unwrap();
    let expected = oracle.run(inputs).unwrap();
    assert_eq!(expected.first_difference(&outputs), None, "{what}");
    let resident = Resident::new(model).unwrap().run(inputs, model.n_loops).unwrap();
    assert_eq!(resident.first_difference(&outputs), None, "{what}");
    let luts = gpu.device().unwrap().load(&oracle.luts()).unwrap();
    assert_eq!(expected.first_difference(&luts.run(inputs).unwrap()), None, "{what}, the oracle");
}

#[test]
fn the_device_has_a_name_that_says_if_it_is_software() {
    let device = device();
    let listed = adapters();
    assert_eq!(&listed[0], device.adapter());
    for adapter in listed {
        let text = adapter.to_string();
        assert_eq!(text.starts_with("software device ("), adapter.is_software(), "{text}");
        assert!(text.contains(&adapter.name) && text.contains(adapter.backend), "{text}");
    }
    let model = compiled(&generate("and:2").unwrap(), &Options::default());
    let name = device.adapter().to_string();
    assert!(Gpu::on(device, &model).unwrap().name().contains(&name));
}

#[test]
fn families_give_the_outputs_of_the_circuit_on_all_assignments() {
    for spec in [
        "parity:16",
        "adder:4",
        "mult:3",
        "majority:7",
        "comparator:5",
        "mux:3",
        "decoder:4",
        "sort-bitonic:8",
        "hamming74",
        "aes-sbox",
        "random:n=10,gates=200,seed=7",
        "adder-ks:16",
    ] {
        let device = device();
        let circuit = generate(spec).unwrap();
        let model = compiled(&circuit, &Options::default());
        require_same(device, &circuit, &model, &assignments(circuit.inputs().len()), spec);
    }
}

#[test]
fn edge_cases_give_the_outputs_of_the_circuit() {
    for (name, circuit) in circuits::edge_cases() {
        let device = device();
        let model = compiled(&circuit, &Options::default());
        require_same(device, &circuit, &model, &assignments(circuit.inputs().len()), name);
    }
}

/// f64 too: its plans are exact in f32.
#[test]
fn every_dtype_mask_schedule_and_fan_in_gives_the_stream_of_the_reference() {
    for dtype in Dtype::ALL {
        for (layers, unroll, causal, heads, collapse) in [
            (1, false, false, 2, 1),
            (2, false, true, 3, 1),
            (3, true, false, 4, 1),
            (1, false, false, 2, 2),
        ] {
            let device = device();
            let options =
                Options { layers, heads, collapse, dtype, unroll, causal, ..Options::default() };
            let circuit = generate("adder:2").unwrap();
            let model = compiled(&circuit, &options);
            let what = format!("{options:?}");
            let gpu = Gpu::on(device, &model).unwrap();
            for a in [0, 6, 15] {
                let input = Batch::counting(4, 0, 16).column(a);
                for n_loops in [0, model.n_loops, model.n_loops + 1] {
                    require_same_stream(&model, &input, n_loops, &what, |see| {
                        gpu.trace(&input, n_loops, see).unwrap();
                    });
                }
            }
            let outputs = gpu.run(&Batch::counting(4, 0, 16), model.n_loops).unwrap();
            let expected = Oracle::new(&circuit).unwrap().run(&Batch::counting(4, 0, 16)).unwrap();
            assert_eq!(expected.first_difference(&outputs), None, "{what}");
        }
    }
}

/// States of one lane to many, and batches that end in the middle of a word.
#[test]
fn any_number_of_assignments_gives_the_outputs_of_the_circuit() {
    let device = device();
    let circuit = generate("random:n=20,gates=1000,seed=3").unwrap();
    let model = compiled(&circuit, &Options::default());
    let gpu = Gpu::on(device, &model).unwrap();
    let oracle = Oracle::new(&circuit).unwrap();
    let luts = gpu.device().unwrap().load(&oracle.luts()).unwrap();
    assert!(gpu.block() >= 64 && gpu.block().is_multiple_of(64));
    for n in [0, 1, 2, 31, 32, 33, 63, 65, 100, 257, 1000] {
        let inputs = random_batch(20, n);
        let expected = oracle.run(&inputs).unwrap();
        let outputs = gpu.run(&inputs, model.n_loops).unwrap();
        assert_eq!(expected.first_difference(&outputs), None, "{n}");
        assert_eq!(expected.first_difference(&luts.run(&inputs).unwrap()), None, "{n}");
    }
    assert!(gpu.run(&Batch::zeros(19, 1), 1).is_err());
    assert!(luts.run(&Batch::zeros(19, 1)).is_err());
    assert!(gpu.trace(&[true], 1, |_, _| ()).is_err());
}

/// More numbers than a first dimension of workgroups has invocations for, and more than llvmpipe's loops
/// may have iterations.
#[test]
fn a_hundred_thousand_gates_give_the_outputs_of_the_circuit() {
    let device = device();
    let circuit = generate("random:n=64,gates=100000,seed=1").unwrap();
    let model = compiled(&circuit, &Options::default());
    require_same(device, &circuit, &model, &random_batch(64, 40), "100000 gates");
}

/// A level of so many tables needs a second dimension of workgroups even for one word.
#[test]
fn a_wide_level_and_a_deep_chain_of_tables_give_the_definition() {
    let device = device();
    const WIDE: usize = 64 * 65_535 + 77;
    let lut = |i: usize| Lut { table: (i * 37 % 256) as u8, operands: [1, 2, 3] };
    let outputs = [0, 1, 63, 64, 65_535, 64 * 65_535 - 1, 64 * 65_535, WIDE - 1];
    let outputs: Vec<_> = outputs.iter().map(|&i| (4 + i as u32, i % 2 == 1)).collect();
    let wide = LutProgram::new(3, (0..WIDE).map(lut).collect(), vec![WIDE], outputs).unwrap();
    let lut = |i: usize| Lut { table: 0x96, operands: [3 + i as u32, 1, 2 + i as u32 % 2] };
    let deep = (0..2_000).map(lut).collect();
    let deep = LutProgram::new(3, deep, (1..=2_000).collect(), vec![(2_003, false)]).unwrap();
    for program in [wide, deep] {
        let inputs = random_batch(3, 45);
        let outputs = device.load(&program).unwrap().run(&inputs).unwrap();
        assert_eq!(program.run(&inputs).unwrap().first_difference(&outputs), None);
    }
}

#[test]
fn every_table_of_three_operands_gives_its_rows() {
    let device = device();
    let luts = (0..=u8::MAX).map(|table| Lut { table, operands: [1, 2, 3] }).collect();
    let outputs = (0..256).map(|i| (4 + i, false)).collect();
    let program = LutProgram::new(3, luts, vec![256], outputs).unwrap();
    let outputs = device.load(&program).unwrap().run(&Batch::counting(3, 0, 8)).unwrap();
    for table in 0..256 {
        assert_eq!(outputs.words(table)[0] & outputs.tail_mask(), table as u64);
    }
}

#[test]
fn exhaustive_verification_runs_model_and_oracle_on_the_device_and_can_say_no() {
    let device = device();
    let circuit = generate("parity:16").unwrap();
    let model = compiled(&circuit, &Options::default());
    let gpu = Gpu::on(device, &model).unwrap();
    match Check::new(&gpu, &circuit).run().unwrap() {
        Verdict::Verified(Proof::Exhaustive(run)) => {
            assert!(run.engine.contains(gpu.name()) && run.engine.contains("oracle=gpu"), "{run}");
        }
        other => panic!("{other}"),
    }
    let same_sample = |engine: &dyn Engine, n_loops| {
        Check::new(engine, &circuit)
            .loops(n_loops)
            .on(Assignments::Sample { count: 5_000, seed: 3 })
            .run()
            .unwrap()
    };
    let resident = Resident::new(&model).unwrap();
    assert!(matches!(same_sample(&gpu, model.n_loops), Verdict::Unknown { .. }));
    let too_few = model.n_loops - 1;
    assert_eq!(same_sample(&gpu, too_few), same_sample(&resident, too_few));
    let refuted = Check::new(&gpu, &circuit).loops(too_few).run().unwrap();
    assert!(matches!(refuted, Verdict::Refuted(_)), "{refuted}");
    assert_eq!(refuted, Check::new(&resident, &circuit).loops(too_few).run().unwrap());
}

/// Models that are not what the compiler made: run as what they are, or refused with the premise.
#[test]
fn corrupted_models_run_as_what_they_are_or_are_refused() {
    let circuit = generate("adder:1").unwrap();
    let model = compiled(&circuit, &Options::default());
    let inputs = Batch::counting(2, 0, 4);
    let (mut n_run, mut n_refused) = (0, 0);
    for i in (0..model.blocks[0].w_out.len()).step_by(7) {
        let device = device();
        let mut parts = (*model).clone();
        let number = &mut parts.blocks[0].w_out.as_slice_mut().unwrap()[i];
        *number = if *number == 0.0 { 0.5 } else { -*number };
        let mutant = Model::new(parts).unwrap();
        let resident = Resident::new(&mutant).map(|_| ());
        match (Gpu::on(device, &mutant), resident) {
            (Ok(gpu), Ok(())) => {
                let expected = Reference::new(&mutant).unwrap().run(&inputs, 5).unwrap();
                let outputs = gpu.run(&inputs, 5).unwrap();
                assert_eq!(expected.first_difference(&outputs), None, "w_out[{i}]");
                n_run += 1;
            }
            (Err(error), Err(refusal)) => {
                assert_eq!(error, refusal);
                n_refused += 1;
            }
            (gpu, resident) => panic!("w_out[{i}]: {:?}, {resident:?}", gpu.map(|_| ())),
        }
    }
    assert!(n_run > 0 && n_refused > 0, "{n_run} run, {n_refused} refused");
}

/// A change of the model, and what the refusal must speak of.
fn require_refused(model: &Model, change: impl FnOnce(&mut Parts), premise: &str) {
    let device = device();
    let mut parts = (**model).clone();
    change(&mut parts);
    let mutant = Model::new(parts).unwrap();
    assert!(Resident::new(&mutant).is_ok(), "{premise}: the processor runs it");
    let error = Gpu::on(device, &mutant).map(|_| ()).unwrap_err();
    assert!(error.expected.contains(premise), "{error}");
}

/// The array with so many zeros appended along an axis.
fn extended<D: RemoveAxis>(array: &Array<f64, D>, axis: usize, n: usize) -> Array<f64, D> {
    let mut dim = array.raw_dim();
    dim[axis] = n;
    let longer = ndarray::concatenate![Axis(axis), array.view(), Array::zeros(dim)];
    longer.as_standard_layout().into_owned()
}

/// Adds a channel and hidden units that nothing reads or writes; they are the last ones.
fn widen(parts: &mut Parts, n_units: usize) {
    parts.w_e = extended(&parts.w_e, 1, 1);
    parts.w_pos = extended(&parts.w_pos, 1, 1);
    parts.w_u = extended(&parts.w_u, 0, 1);
    parts.labels.channel_names.push("more".to_string());
    for block in &mut parts.blocks {
        for w in [&mut block.w_q, &mut block.w_k, &mut block.w_v] {
            *w = extended(w, 1, 1);
        }
        block.w_o = extended(&block.w_o, 2, 1);
        block.b_o = extended(&block.b_o, 0, 1);
        block.b_out = extended(&block.b_out, 0, 1);
        block.w_in = extended(&extended(&block.w_in, 0, 1), 1, n_units);
        block.b_in = extended(&block.b_in, 0, n_units);
        block.w_out = extended(&extended(&block.w_out, 1, 1), 0, n_units);
    }
}

#[test]
fn numbers_that_f32_or_a_device_may_change_are_refused() {
    let options = Options { dtype: Dtype::F64, ..Options::default() };
    let model = compiled(&generate("mux:1").unwrap(), &options);
    let value = model.labels.channel_names.iter().position(|name| name == "value").unwrap();
    let (more, unit) = (model.d_model(), model.d_mlp());
    let beyond_f32 = 1.0 + f64::from(-30).exp2();
    require_refused(&model, |parts| parts.w_u[[value, 1]] *= beyond_f32, "logits");
    require_refused(
        &model,
        |parts| {
            widen(parts, 0);
            parts.w_e[[1, more]] = beyond_f32;
        },
        "states that are numbers of f32",
    );
    // The layer takes it away again, so that no sum of the plan has it.
    require_refused(
        &model,
        |parts| {
            widen(parts, 1);
            parts.w_e[[1, more]] = f64::from(-140).exp2();
            parts.blocks[0].w_in[[more, unit]] = 1.0;
            parts.blocks[0].w_out[[unit, more]] = -1.0;
        },
        "normal numbers",
    );
}

/// Loops that Mesa's llvmpipe would cut off without a word.
#[test]
fn cells_of_very_many_units_are_refused() {
    let model = compiled(&generate("mux:1").unwrap(), &Options::default());
    let value = model.labels.channel_names.iter().position(|name| name == "value").unwrap();
    let first = model.d_mlp();
    let with_units = |n_units: usize| {
        move |parts: &mut Parts| {
            widen(parts, n_units);
            let block = &mut parts.blocks[0];
            for u in 0..n_units {
                block.w_in[[value, first + u]] = 2.0;
                block.b_in[first + u] = -1.0;
                block.w_out[[first + u, value]] = if u % 2 == 0 { 1.0 } else { -1.0 };
            }
        }
    };
    require_refused(&model, with_units(30_000), "at most 60000 steps");
    let device = device();
    let mut parts = (*model).clone();
    with_units(10_000)(&mut parts);
    let many = Model::new(parts).unwrap();
    let (inputs, n_loops) = (Batch::counting(3, 0, 8), many.n_loops);
    let expected = Reference::new(&many).unwrap().run(&inputs, n_loops).unwrap();
    let outputs = Gpu::on(device, &many).unwrap().run(&inputs, n_loops).unwrap();
    assert_eq!(expected.first_difference(&outputs), None);
}

/// The table names the device in each line.
#[test]
fn selftest_passes_on_the_device_and_names_it() {
    let device = device();
    let mut command = assert_cmd::Command::cargo_bin("circuit2tf").unwrap();
    let done = command.args(["selftest", "--engine", "gpu"]).assert().success();
    let text = String::from_utf8(done.get_output().stdout.clone()).unwrap();
    let adapter = device.adapter().to_string();
    let rows: Vec<&str> = text.lines().filter(|line| line.ends_with(" ok")).collect();
    assert!(rows.len() >= 40 && rows.iter().all(|row| row.contains(&adapter)), "{text}");
    assert!(text.ends_with(&format!("PASSED {0} of {0} models\n", rows.len())), "{text}");
}
