//! Theorems as executable proofs, one per file, in logical order.
//!
//! Each file states a theorem, proves it in words, says what the machine checks and in which range, and
//! drops a hypothesis to show that it is needed. `cargo test --test proofs` runs the quick range, with
//! `CIRCUIT2TF_PROOFS=long` the long one.

mod ground;
#[path = "../tests/support/literal.rs"]
#[allow(dead_code, reason = "the proofs use a part")]
mod literal;
#[path = "../tests/support/runner.rs"]
#[allow(dead_code, reason = "the proofs use a part")]
mod runner;
#[path = "../tests/support/mod.rs"]
mod support;

mod p01_simulation;
mod p02_fixed_point;
mod p03_loops;
mod p04_sizes;
mod p05_exactness;
mod p06_order_of_summation;
mod p07_leak;
mod p08_certificate;
mod p09_normalisation;
mod p11_level_collapse;
mod p12_fewer_layers_than_levels;
mod p13_tightness;
mod p14_oblivious_attention;
mod p15_threshold_circuits;
mod p16_equality;
mod p17_attention_without_mlp;
mod p18_circuit_in_the_prompt;
mod p19_sums_of_ones;
mod p21_halting;
mod p22_fixed_layers;
mod p31_token_schedules;
mod p32_chain_of_thought;
mod p33_continuous_thought;
mod p40_restoration;
mod p41_latch;
mod p42_parallelism;
mod p43_saturation;
mod p44_counting;
mod p45_parity_gradients;
mod p51_logarithmic_depth;
