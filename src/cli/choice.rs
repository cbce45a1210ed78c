//! Flags whose values are names that the library knows.

use std::str::FromStr;

use circuit2tf::Error;
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
