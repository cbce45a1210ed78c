//! Theory: what is true of looped models in general, as computations.
//!
//! [`tightness`] asks how many loops a network needs, [`depth`] how many levels a function needs,
//! [`shallow`] builds models that need fewer layers than their circuit has levels and others that belong to a
//! theorem, [`constructions`] names those that are no compiled circuits, [`capacity`] asks what
//! tokens and states can hold and what circuits ask of them, [`order`] rounds every operation of a forward
//! pass, [`programs`] turns formulas into products of permutations, [`paths`](mod@paths) searches graphs, and
//! [`ledger`] lists claims with their status and the checks that decide them.

pub mod capacity;
pub mod constructions;
pub mod depth;
pub mod ledger;
pub mod order;
pub mod paths;
pub mod programs;
pub mod shallow;
pub mod tightness;
