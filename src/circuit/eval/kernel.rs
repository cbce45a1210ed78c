//! The inner loops: a program on blocks of words, compiled for several instruction sets.
//!
//! One portable loop per kind of operation, free of branches; the compiler vectorises it for each
//! instruction set that a [`Simd`] names, and the processor is asked which it has.

use super::lower::OpKind;
use super::program::{Program, Run, SlotOp};
use crate::error::{Error, Result};

/// The instruction set that evaluation uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Simd {
    /// What every processor of the target has.
    Plain,
    /// 256-bit vectors of x86-64.
    Avx2,
    /// 512-bit vectors of x86-64.
    Avx512,
}

impl Simd {
    /// From the plainest to the widest.
    pub const ALL: [Simd; 3] = [Simd::Plain, Simd::Avx2, Simd::Avx512];

    /// The widest that this processor has.
    pub fn detect() -> Self {
        let mut available = Simd::ALL.into_iter().filter(|simd| simd.is_available());
        available.next_back().expect("plain words are always available")
    }

    /// Whether this processor has it.
    pub fn is_available(self) -> bool {
        match self {
            Simd::Plain => true,
            #[cfg(target_arch = "x86_64")]
            Simd::Avx2 => std::arch::is_x86_feature_detected!("avx2"),
            #[cfg(target_arch = "x86_64")]
            Simd::Avx512 => std::arch::is_x86_feature_detected!("avx512f"),
            #[cfg(not(target_arch = "x86_64"))]
            Simd::Avx2 | Simd::Avx512 => false,
        }
    }

    /// The instruction set, or an error where this processor does not have it.
    pub(super) fn require(self) -> Result<Self> {
        if self.is_available() {
            return Ok(self);
        }
        Err(Error::new(
            format!("an instruction set up to {:?}", Simd::detect()),
            format!("{self:?}"),
        ))
    }
}

/// The sizes of a block, in words per slot: one for few assignments, a cache line, two of them.
pub const BLOCK_WORDS: [usize; 3] = [1, 8, 16];

/// Runs the operations of `program` on `state`, which holds `words` words per slot, one of
/// [`BLOCK_WORDS`].
pub(super) fn execute(program: &Program, state: &mut [u64], words: usize, simd: Simd) {
    match words {
        1 => dispatch::<1>(program, state, simd),
        8 => dispatch::<8>(program, state, simd),
        16 => dispatch::<16>(program, state, simd),
        _ => unreachable!("a block has 1, 8 or 16 words a slot"),
    }
}

fn dispatch<const W: usize>(program: &Program, state: &mut [u64], simd: Simd) {
    let (slots, _) = state.as_chunks_mut::<W>();
    match simd {
        #[cfg(target_arch = "x86_64")]
        Simd::Avx512 if simd.is_available() => {
            // SAFETY: the guard asked the processor for AVX-512F.
            unsafe { avx512(&program.runs, &program.ops, slots) }
        }
        #[cfg(target_arch = "x86_64")]
        Simd::Avx2 if simd.is_available() => {
            // SAFETY: the guard asked the processor for AVX2.
            unsafe { avx2(&program.runs, &program.ops, slots) }
        }
        _ => sweep(&program.runs, &program.ops, slots),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn avx512<const W: usize>(runs: &[Run], ops: &[SlotOp], slots: &mut [[u64; W]]) {
    sweep(runs, ops, slots);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn avx2<const W: usize>(runs: &[Run], ops: &[SlotOp], slots: &mut [[u64; W]]) {
    sweep(runs, ops, slots);
}

/// Inlined into each of its callers, so that each compiles it for its own instruction set.
#[inline(always)]
fn sweep<const W: usize>(runs: &[Run], mut ops: &[SlotOp], slots: &mut [[u64; W]]) {
    for run in runs {
        let (now, later) = ops.split_at(run.len as usize);
        ops = later;
        match run.kind {
            OpKind::And => binary(now, slots, |a, b| a & b),
            OpKind::AndNot => binary(now, slots, |a, b| a & !b),
            OpKind::Or => binary(now, slots, |a, b| a | b),
            OpKind::Xor => binary(now, slots, |a, b| a ^ b),
            OpKind::Mux => ternary(now, slots, |a, b, c| a & !c | b & c),
            OpKind::MuxNot => ternary(now, slots, |a, b, c| a & !c | !b & c),
            OpKind::Maj => ternary(now, slots, |a, b, c| a & b | c & (a | b)),
            OpKind::MajNot => ternary(now, slots, |a, b, c| !a & b | c & (!a | b)),
        }
    }
}

#[inline(always)]
fn binary<const W: usize>(ops: &[SlotOp], slots: &mut [[u64; W]], f: impl Fn(u64, u64) -> u64) {
    for op in ops {
        let [a, b, _] = op.from.map(|slot| slot as usize);
        let (a, b) = (slots[a], slots[b]);
        let to = &mut slots[op.to as usize];
        for w in 0..W {
            to[w] = f(a[w], b[w]);
        }
    }
}

#[inline(always)]
fn ternary<const W: usize>(
    ops: &[SlotOp],
    slots: &mut [[u64; W]],
    f: impl Fn(u64, u64, u64) -> u64,
) {
    for op in ops {
        let [a, b, c] = op.from.map(|slot| slots[slot as usize]);
        let to = &mut slots[op.to as usize];
        for w in 0..W {
            to[w] = f(a[w], b[w], c[w]);
        }
    }
}
