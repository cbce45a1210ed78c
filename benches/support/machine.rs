//! What one core of this machine does in a second: the probes that limits are computed from.
//!
//! A probe does one thing, with the widest vector instructions that the processor has, on registers or in the
//! first-level cache unless a size is given, and the best of many short runs counts: a long one is interrupted
//! on a busy machine. What has to do this thing, and others, cannot be faster.

use std::hint::black_box;
use std::time::Instant;

use circuit2tf::run::Cost;
use num_traits::Float;

/// Seconds of a probe, and of a run.
const PROBE: f64 = 0.1;
const RUN: f64 = 0.002;
/// Bytes that lie in a first-level cache, and bytes to pass over in a row.
const NEAR: usize = 16 << 10;
const PASSED: usize = 1 << 20;
const NUMBER: usize = size_of::<f32>();
/// Bytes of a cache line, or more.
const LINE: usize = 64;

/// Rates of one core.
#[derive(Debug)]
pub struct Machine {
    /// Multiply-adds in f32, on registers.
    pub multiply_adds: f64,
    /// Bytes loaded from the first-level cache, and bytes stored to it, each alone.
    pub loads: f64,
    pub stores: f64,
    /// Numbers loaded each through an index of its own, both in the first-level cache.
    pub picks: f64,
}

impl Machine {
    pub fn probe() -> Self {
        Machine {
            multiply_adds: multiply_adds_f32(),
            loads: loads(NEAR),
            stores: stores(NEAR),
            picks: picks(),
        }
    }

    /// Least seconds for a number of a layer, by instructions: its multiply-adds.
    pub fn by_instructions(&self, cost: Cost) -> f64 {
        cost.multiply_adds / self.multiply_adds
    }

    /// The time by bytes: its operands are loaded and it is stored, which may go on at once.
    pub fn by_bytes(&self, cost: Cost) -> f64 {
        (cost.reads * NUMBER as f64 / self.loads).max(NUMBER as f64 / self.stores)
    }
}

/// Multiply-adds in f32 on registers.
fn multiply_adds_f32() -> f64 {
    Products::<f32, 12>::rate()
}

/// Multiply-adds in f64 on registers.
pub fn multiply_adds_f64() -> f64 {
    Products::<f64, 6>::rate()
}

/// Multiply-adds of bf16 numbers into f32 sums by instructions made for them, if the processor has them.
pub fn multiply_adds_bf16() -> Option<f64> {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bf16") {
        // SAFETY: the processor was asked for AVX-512F and AVX-512 BF16.
        return Some(rate(bf16::AMOUNT, || unsafe { bf16::dots() }));
    }
    None
}

/// Bytes loaded from a buffer of so many, wherever that lies.
pub fn loads(bytes: usize) -> f64 {
    let mut numbers = numbers(bytes);
    let mut loads =
        Loads { numbers: aligned(&mut numbers), rounds: (PASSED / bytes.max(1)).max(1) };
    let amount = loads.rounds * size_of_val(loads.numbers);
    rate(amount, || loads.on_widest())
}

/// Bytes stored to a buffer of so many.
fn stores(bytes: usize) -> f64 {
    let mut numbers = numbers(bytes);
    let mut stores = Stores { numbers: aligned(&mut numbers), rounds: PASSED / bytes };
    let amount = stores.rounds * size_of_val(stores.numbers);
    rate(amount, || stores.on_widest())
}

/// Bytes of a state that are read while the next state, of as many, is written to another place.
pub fn copies(bytes: usize) -> f64 {
    let [mut from, mut to] = [(); 2].map(|()| numbers(bytes));
    let (from, to) = (aligned(&mut from), aligned(&mut to));
    let rounds = (PASSED / bytes.max(1)).max(1);
    rate(rounds * size_of_val(from), || {
        for _ in 0..rounds {
            black_box(&mut *to).copy_from_slice(black_box(from));
        }
    })
}

/// Numbers loaded through indices, by instructions for one or for many, whichever is faster.
fn picks() -> f64 {
    let mut picks =
        Picks { indices: (0..3 << 10).map(|i| (i * 37) as u8).collect(), table: [1; 256] };
    let amount = Picks::ROUNDS * picks.indices.len();
    rate(amount, || picks.on_widest()).max(rate(amount, || picks.run::<4, false>()))
}

/// So many bytes, and what [`aligned`] may leave out.
fn numbers(bytes: usize) -> Vec<u32> {
    vec![1; bytes.div_ceil(LINE).max(1) * LINE / NUMBER + LINE / NUMBER - 1]
}

/// The whole cache lines.
fn aligned(numbers: &mut [u32]) -> &mut [u32] {
    let before = numbers.as_ptr().align_offset(LINE);
    let within = &mut numbers[before..];
    let n = within.len() / (LINE / NUMBER) * (LINE / NUMBER);
    &mut within[..n]
}

/// `amount` per second of a run: the best of many.
fn rate(amount: usize, mut run: impl FnMut()) -> f64 {
    let mut seconds = |repetitions: usize| {
        let start = Instant::now();
        (0..repetitions).for_each(|_| run());
        start.elapsed().as_secs_f64()
    };
    seconds(1);
    let repetitions = (RUN / seconds(1).max(1e-9)).ceil() as usize;
    let (mut best, start) = (f64::INFINITY, Instant::now());
    while start.elapsed().as_secs_f64() < PROBE {
        best = best.min(seconds(repetitions));
    }
    (amount * repetitions) as f64 / best
}

/// A loop that is compiled for several instruction sets.
trait Kernel {
    /// `W`: numbers of 4 bytes in a vector. To be inlined into each of its callers.
    fn run<const W: usize, const FUSED: bool>(&mut self);

    fn on_widest(&mut self) {
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("fma") {
                // SAFETY: the processor was asked for AVX-512F and FMA.
                return unsafe { avx512(self) };
            }
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                // SAFETY: the processor was asked for AVX2 and FMA.
                return unsafe { avx2(self) };
            }
        }
        self.run::<4, { cfg!(target_arch = "aarch64") }>();
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,fma")]
fn avx512<K: Kernel + ?Sized>(kernel: &mut K) {
    kernel.run::<16, true>();
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn avx2<K: Kernel + ?Sized>(kernel: &mut K) {
    kernel.run::<8, true>();
}

/// Multiply-adds on `C` times `W` lanes: twelve vectors, since two units of four cycles' latency want eight, and
/// where there are but sixteen registers these hold twelve and two factors. In f64 half as many `C` make twelve.
struct Products<T, const C: usize>([T; 2]);

impl<T: Float, const C: usize> Products<T, C> {
    const ROUNDS: usize = 1000;

    fn rate() -> f64 {
        let half = T::one() / (T::one() + T::one());
        let mut products = Products::<T, C>([half, half]);
        rate(C * lanes_of_widest() * Self::ROUNDS, || products.on_widest())
    }
}

impl<T: Float, const C: usize> Kernel for Products<T, C> {
    #[inline(always)]
    fn run<const W: usize, const FUSED: bool>(&mut self) {
        let [a, b] = black_box(self.0);
        let mut sums = [[T::one(); W]; C];
        for _ in 0..Self::ROUNDS {
            for sum in sums.as_flattened_mut() {
                *sum = if FUSED { sum.mul_add(a, b) } else { *sum * a + b };
            }
        }
        black_box(&mut sums);
    }
}

fn lanes_of_widest() -> usize {
    struct Lanes(usize);
    impl Kernel for Lanes {
        fn run<const W: usize, const FUSED: bool>(&mut self) {
            self.0 = W;
        }
    }
    let mut lanes = Lanes(0);
    lanes.on_widest();
    lanes.0
}

struct Loads<'n> {
    numbers: &'n [u32],
    rounds: usize,
}

impl Kernel for Loads<'_> {
    #[inline(always)]
    fn run<const W: usize, const FUSED: bool>(&mut self) {
        for _ in 0..self.rounds {
            black_box(black_box(self.numbers).iter().fold(0, |all, x| all | x));
        }
    }
}

struct Stores<'n> {
    numbers: &'n mut [u32],
    rounds: usize,
}

impl Kernel for Stores<'_> {
    #[inline(always)]
    fn run<const W: usize, const FUSED: bool>(&mut self) {
        for round in 0..self.rounds as u32 {
            for vector in black_box(&mut *self.numbers).as_chunks_mut::<W>().0 {
                *vector = [round; W];
            }
        }
    }
}

/// Indices that need no comparison with the length of the table.
struct Picks {
    indices: Vec<u8>,
    table: [u32; 256],
}

impl Picks {
    const ROUNDS: usize = 100;
}

impl Kernel for Picks {
    #[inline(always)]
    fn run<const W: usize, const FUSED: bool>(&mut self) {
        let at = |index: u8| self.table[usize::from(index)];
        // Chains that do not wait for each other, of different operations so that they stay apart.
        let (mut x, mut y, mut z) = (0, 0, 0u32);
        for _ in 0..Self::ROUNDS {
            for &[i, j, k] in black_box(&*self.indices).as_chunks::<3>().0 {
                (x, y, z) = (x | at(i), y ^ at(j), z.wrapping_add(at(k)));
            }
        }
        black_box((x, y, z));
    }
}

#[cfg(target_arch = "x86_64")]
mod bf16 {
    use std::arch::x86_64::{_mm512_cvtne2ps_pbh, _mm512_dpbf16_ps, _mm512_set1_ps};
    use std::hint::black_box;

    const CHAINS: usize = 12;
    const ROUNDS: usize = 1000;
    /// An instruction adds two products to each of 16 sums.
    pub const AMOUNT: usize = CHAINS * ROUNDS * 32;

    #[target_feature(enable = "avx512f,avx512bf16")]
    pub fn dots() {
        let half = _mm512_set1_ps(black_box(0.5));
        let factor = _mm512_cvtne2ps_pbh(half, half);
        let mut sums = [half; CHAINS];
        for _ in 0..ROUNDS {
            for sum in &mut sums {
                *sum = _mm512_dpbf16_ps(*sum, factor, factor);
            }
        }
        black_box(&mut sums);
    }
}
