//! Flags whose values are names that the library knows.

use std::str::FromStr;

use circuit2tf::Error;
use circuit2tf::figure::growth::Quantity;
use circuit2tf::model::Dtype;
use circuit2tf::run::Rule;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

/// Reads one of the names; the help shows what each is.
pub fn of<T>(
    values: impl IntoIterator<Item = (&'static str, &'static str)>,
) -> impl TypedValueParser<Value = T>
where
    T: FromStr<Err = Error> + Clone + Send + Sync + 'static,
{
    let values = values.into_iter().map(|(name, about)| PossibleValue::new(name).help(about));
    PossibleValuesParser::new(values)
        .map(|name| name.parse().expect("only names that it reads are let through"))
}

/// Reads one of the names, which say what they are.
fn named<T>(names: impl IntoIterator<Item = &'static str>) -> impl TypedValueParser<Value = T>
where
    T: FromStr<Err = Error> + Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(names)
        .map(|name| name.parse().expect("only names that it reads are let through"))
}

/// A number format of models.
pub fn dtype() -> impl TypedValueParser<Value = Dtype> {
    named(Dtype::ALL.map(Dtype::name))
}

/// A rule for halting.
pub fn rule() -> impl TypedValueParser<Value = Rule> {
    named(Rule::ALL.map(Rule::name))
}

/// What a figure shows of every scheme.
pub fn quantity() -> impl TypedValueParser<Value = Quantity> {
    named(Quantity::ALL.map(Quantity::name))
}
