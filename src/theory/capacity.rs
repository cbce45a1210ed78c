//! Capacity: what a token and a latent state can hold, what of it can be used, and what circuits ask for.
//!
//! The comparison that is usually drawn, `log2 V` bits a token against `B d` bits a state
//! ([`ceiling`]), is one of storage. What a state can hold against noise, what a threshold can read and
//! what a layer can restore is less ([`noise`]; [`latch`] measures it), and what decides between tokens
//! and loops is how much a circuit has to hand from one level to the next ([`demand`]).
//! [`count`] is what precision does to a head that averages. Nothing here runs a whole model.

pub mod ceiling;
pub mod count;
pub mod demand;
pub mod latch;
pub mod noise;
pub mod report;

pub use ceiling::Ceilings;
pub use demand::Demand;
