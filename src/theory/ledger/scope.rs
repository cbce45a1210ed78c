//! What kind of claim a claim is, how it is shown, and of which models it speaks.
//!
//! A bound says of a class of models what none of them does. It is worth no more than the class: a claim of
//! kind [`Kind::Bound`] names the four parts of a [`Scope`], which the tests of the ledger demand.

use std::fmt;

use crate::model::Dtype;

/// What a claim says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A model does something, and is there to be run.
    Construction,
    /// No model of a class does something, or none with less; refuted and open ones too.
    Bound,
    /// What holds of a circuit, a format, a schedule or of compiled models.
    Fact,
}

/// How a claim is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    /// A proof in words, with tests of a range.
    Prose,
    /// Certificates, which hold for all inputs of the models of the range, besides a proof in words.
    Certificate,
    /// All cases of the statement, by machine.
    Machine,
    /// A case that is run.
    Counterexample,
    /// A proof in the literature, which is named; none of it is checked here but what the range says.
    Literature,
    /// Nothing.
    Nothing,
}

impl fmt::Display for Ground {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Ground::Prose => "proof in words, tests of a range",
            Ground::Certificate => "proof in words, certificates for the range",
            Ground::Machine => "machine-checked, all cases",
            Ground::Counterexample => "a counterexample that is run",
            Ground::Literature => "in the literature",
            Ground::Nothing => "nothing",
        })
    }
}

/// The models that a bound speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope {
    /// The numbers.
    pub arithmetic: Arithmetic,
    /// Whether the lengths share a model.
    pub uniformity: Uniformity,
    /// What attention may do.
    pub attention: Attention,
    /// What a token may hold before the first layer.
    pub start: Start,
}

/// The numbers that a forward pass is taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arithmetic {
    /// Real numbers, and so every exact arithmetic within them.
    Reals,
    /// An IEEE format and how sums are rounded.
    Ieee(&'static [Dtype], Summation),
    /// Fixed point or whole numbers of `p` bits: sums are exact, or a message's are taken apart from
    /// others and rounded once.
    ExactSums,
    /// Weights of `b` bits each, whatever the states are computed in.
    WeightBits,
    /// A constant number of bits everywhere, inside of attention too.
    ConstantPrecision,
    /// A constant number of bits, but sums inside of attention exact before they are rounded.
    RoundedOutsideAttention,
    /// `O(log n)` bits.
    LogarithmicPrecision,
    /// Any: only which tokens are read counts.
    Any,
}

/// How the sum of a matrix product is rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Summation {
    /// Accumulated in f32 or wider, in any order, and rounded once: the pass of the model file.
    Once,
    /// After each addition, in the order of the tokens.
    EachInOrder,
    /// No sum rounds, so the order does not matter.
    NoneRounds,
}

/// Whether the lengths share a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Uniformity {
    /// A model for each length, as this compiler makes them.
    PerLength,
    /// One model for all lengths, or models that a machine of logarithmic space writes down.
    OneModel,
}

/// What attention may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attention {
    /// How scores become weights.
    pub weighting: Weighting,
    /// What one head reads at one token.
    pub reads: Reads,
    /// Which tokens are hidden.
    pub mask: Mask,
}

/// How scores become weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weighting {
    /// In proportion to the exponentials.
    Softmax,
    /// Equal for all tokens of the highest score.
    AverageHard,
    /// All on one token of the highest score.
    UniqueHard,
    /// Softmax, average-hard or unique-hard.
    Any,
}

/// What one head reads at one token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reads {
    /// One token, the same one for every input.
    OneFixed,
    /// One token, chosen by the input.
    One,
    /// Any mixture of tokens.
    Many,
    /// Any mixture, by a query that does not depend on the input.
    ManyFixedQuery,
}

/// Which tokens are hidden.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mask {
    /// Those behind the reader.
    Causal,
    /// Any, or none.
    Any,
}

/// What a token may hold before the first layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// One variable, complement or constant; any number of tokens may hold the same.
    OneLiteral,
    /// One bit of the input and anything that depends on the position alone.
    OneBitAndPosition,
    /// One bit of a word and its position, but the token that answers, which holds no bit of either.
    OneBitButReader,
    /// The inputs at their tokens; a blank token starts as its gate's 0.
    Compiled,
    /// Anything that depends on the position and on one symbol of the input.
    OneSymbol,
}

impl fmt::Display for Arithmetic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Arithmetic::Reals => "real numbers",
            Arithmetic::ExactSums => {
                "numbers of p bits, sums exact, or those of each word taken apart and rounded once"
            }
            Arithmetic::WeightBits => "weights of b bits",
            Arithmetic::ConstantPrecision => "constant precision everywhere, inside attention too",
            Arithmetic::RoundedOutsideAttention => "constant precision, but not inside attention",
            Arithmetic::LogarithmicPrecision => "O(log n) bits",
            Arithmetic::Any => "any",
            Arithmetic::Ieee(dtypes, summation) => {
                let names: Vec<&str> = dtypes.iter().map(|dtype| dtype.name()).collect();
                return write!(f, "{}, {summation}", names.join(", "));
            }
        })
    }
}

impl fmt::Display for Summation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Summation::Once => "products accumulated in f32 or wider in any order, rounded once",
            Summation::EachInOrder => "rounded after each addition, in the order of the tokens",
            Summation::NoneRounds => "no sum rounds, in any order",
        })
    }
}

impl fmt::Display for Uniformity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Uniformity::PerLength => "a model for each length",
            Uniformity::OneModel => "one model for all lengths",
        })
    }
}

impl fmt::Display for Attention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let weighting = match self.weighting {
            Weighting::Softmax => "softmax",
            Weighting::AverageHard => "average-hard",
            Weighting::UniqueHard => "unique-hard",
            Weighting::Any => "softmax, average-hard or unique-hard",
        };
        let reads = match self.reads {
            Reads::OneFixed => "one token a head, which does not depend on the input",
            Reads::One => "one token a head",
            Reads::Many => "any mixture of tokens a head",
            Reads::ManyFixedQuery => {
                "any mixture of tokens a head, by a query that does not depend on the input"
            }
        };
        let mask = match self.mask {
            Mask::Causal => "causal mask",
            Mask::Any => "any mask",
        };
        write!(f, "{weighting}; {reads}; {mask}")
    }
}

impl fmt::Display for Start {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Start::OneLiteral => {
                "one variable, complement or constant a token, in any number of copies"
            }
            Start::OneBitAndPosition => "one bit a token, and what depends on the position alone",
            Start::OneBitButReader => {
                "one bit a token and its position; the token that answers holds none"
            }
            Start::Compiled => "inputs at their tokens, gates at 0",
            Start::OneSymbol => {
                "one symbol of the input a token, and what depends on the position alone"
            }
        })
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Construction => "construction",
            Kind::Bound => "bound",
            Kind::Fact => "fact",
        })
    }
}
