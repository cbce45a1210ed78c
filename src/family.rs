//! Circuits generated from a spec such as `adder:8`, with their size and depth formulas.
//!
//! In goes a spec, out comes a [`Circuit`] of gates with two inputs, whose complements are free. The
//! same spec gives the same circuit. A family declares its parameters, and its size and depth where a
//! formula is known, both as text and as functions; the tests hold every formula against the circuits.
//! Words are least significant bit first, the data of a CRC excepted, and each declares its order.

use crate::circuit::Circuit;
use crate::error::{Error, Result};

mod adder;
mod aes;
mod builder;
pub mod catalogue;
mod group;
mod linear;
mod multiplier;
mod pointer;
mod random;
mod reach;
mod sbox;
mod select;
mod sha256;
mod sort;
mod spec;
mod threshold;
mod tree;

pub use spec::{Parameter, Params, Values, is_spec, parse};

/// The most gates a spec may ask for.
pub const MAX_GATES: u64 = 10_000_000;

/// A family of circuits.
#[derive(Debug)]
pub struct Family {
    /// The name that a spec begins with.
    pub name: &'static str,
    /// One line: what it computes, and its ports.
    pub about: &'static str,
    /// A spec of a small member.
    pub example: &'static str,
    /// What a spec may set.
    pub parameters: &'static [Parameter],
    /// The number of gates.
    pub size: Formula,
    /// The longest path from an input to an output, in gates.
    pub depth: Formula,
    /// What the parameters must satisfy beyond their ranges.
    condition: fn(&Params) -> std::result::Result<(), &'static str>,
    build: fn(&Params) -> Result<Circuit>,
}

/// A quantity of a family's circuits. In the text, `L` is the ceiling of `log2 n`.
#[derive(Debug, Clone, Copy)]
pub struct Formula {
    /// The formula for people.
    pub text: &'static str,
    /// The value, or none for parameters that the formula does not cover.
    pub of: fn(&Params) -> Option<u64>,
}

impl Formula {
    const fn new(text: &'static str, of: fn(&Params) -> Option<u64>) -> Self {
        Formula { text, of }
    }

    /// No formula, but a word on what to expect.
    const fn none(text: &'static str) -> Self {
        Formula { text, of: |_| None }
    }
}

/// The families, in the order of the documentation.
static FAMILIES: [Family; 29] = [
    tree::PARITY,
    tree::PARITY_CHAIN,
    tree::AND,
    tree::OR,
    threshold::MAJORITY,
    threshold::THRESHOLD,
    threshold::POPCOUNT,
    adder::RIPPLE,
    adder::KOGGE_STONE,
    adder::SKLANSKY,
    adder::BRENT_KUNG,
    multiplier::ARRAY,
    multiplier::WALLACE,
    select::COMPARATOR,
    select::EQUALITY,
    select::MUX,
    select::DECODER,
    sort::BITONIC,
    sort::ODD_EVEN,
    linear::CRC,
    linear::HAMMING,
    linear::HAMMING_ENCODE,
    reach::REACH,
    group::S5,
    pointer::POINTER,
    sbox::SBOX,
    aes::AES128,
    sha256::SHA256,
    random::RANDOM,
];

/// All families.
pub fn families() -> &'static [Family] {
    &FAMILIES
}

/// The circuit that a spec such as `adder:8` or `random:n=16,gates=1000,seed=7` names.
///
/// ```
/// let adder = circuit2tf::family::generate("adder:8")?;
/// assert_eq!((adder.n_gates(), adder.depth()), (5 * 8 - 3, 2 * 8 - 1));
/// # Ok::<(), circuit2tf::Error>(())
/// ```
///
/// # Errors
/// The family is unknown, an argument is unknown, missing, given twice or out of range, or the circuit
/// would have more than [`MAX_GATES`] gates. All of this is found before anything is built.
pub fn generate(spec: &str) -> Result<Circuit> {
    let (family, params) = parse(spec)?;
    family.generate(&params)
}

impl Family {
    /// Checks what the parameters must satisfy together, and the size of the circuit.
    ///
    /// # Errors
    /// A condition on several parameters fails, or the circuit would be too large.
    pub fn check(&self, params: &Params) -> Result<()> {
        if let Err(condition) = (self.condition)(params) {
            return Err(spec::wrong(self, condition, params.to_string()));
        }
        match (self.size.of)(params) {
            Some(size) if size > MAX_GATES => Err(self.too_large(size)),
            _ => Ok(()),
        }
    }

    /// The circuit for some parameters of this family.
    ///
    /// # Errors
    /// As [`Family::check`].
    pub fn generate(&self, params: &Params) -> Result<Circuit> {
        self.check(params)?;
        (self.build)(params)
    }

    fn too_large(&self, size: u64) -> Error {
        let names: Vec<_> = self.parameters.iter().map(|parameter| parameter.name).collect();
        let hint =
            format!("{}: lower {}; for example {}", self.name, names.join(" or "), self.example);
        Error::new(format!("at most {MAX_GATES} gates"), format!("{size}")).hint(hint)
    }
}

/// The condition of a family whose parameters are independent.
fn always(_: &Params) -> std::result::Result<(), &'static str> {
    Ok(())
}

/// The ceiling of the binary logarithm of `n >= 1`.
fn ceil_log2(n: u64) -> u64 {
    u64::from(n.next_power_of_two().trailing_zeros())
}

/// The number of binary digits of `n`.
fn bit_length(n: u64) -> u64 {
    u64::from(u64::BITS - n.leading_zeros())
}

/// The number of ones among the binary digits of `n`.
fn bit_count(n: u64) -> u64 {
    u64::from(n.count_ones())
}
