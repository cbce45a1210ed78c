//! Not here yet.

use super::{Loaded, Written};
use crate::circuit::Circuit;
use crate::error::{Error, Result};

pub fn read(_: &[u8], file: &str) -> Result<Loaded> {
    Err(Error::message(format!("{file}: not supported")))
}

pub fn write(_: &Circuit) -> Result<Written> {
    Err(Error::message("not supported"))
}
