//! The proofs about depth and loops; the files lie in `proofs/`, one per theorem.

#[path = "../proofs/p11_level_collapse.rs"]
mod p11_level_collapse;
#[path = "../proofs/p12_fewer_layers_than_levels.rs"]
mod p12_fewer_layers_than_levels;
#[path = "../proofs/p13_tightness.rs"]
mod p13_tightness;
#[path = "../proofs/p14_oblivious_attention.rs"]
mod p14_oblivious_attention;
