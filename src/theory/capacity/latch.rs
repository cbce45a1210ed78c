//! The latch experiment: levels held in a coordinate through many loops against bounded noise.
//!
//! The level `j` of `M` is the number `j`, `1 ≤ j ≤ M`. Before every loop noise moves it by at most
//! `ρ = r (M - 1)`, `r` being the noise as a part of the whole interval; the loop is an MLP of one hidden
//! layer that restores it, exactly. Between neighbours it rises from `j` to `j + 1` by
//! `s relu(x - (j + ½ - w/2)) - s relu(x - (j + ½ + w/2))` with `s w = 1`, where the width `w` of the riser
//! is the largest power of two that the noise leaves free, `w ≤ 1 - 2ρ`, or the least whose kinks are
//! numbers of the dtype, if that is more: there precision ends before the noise. A last unit, `-relu(x)`, cancels
//! the residual stream. The numbers are computed in the dtype as the reference engine does: f16 and bf16
//! add products in f32.
//!
//! The staircase never falls, so among all noise of at most `ρ` that which always pushes up, or always
//! down, moves a level furthest: [`Noise::Adversarial`] is both. Whatever it cannot move no bounded noise
//! can; at `2ρ ≥ 1` neighbours can be moved to one point, and no map could tell them apart.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::noise::{Latchable, latchable_levels};
use crate::error::{Error, Result};
use crate::model::{Block, Dtype};
use crate::progress::Progress;

/// The most levels that are tried.
pub const MAX_LEVELS: u64 = 512;

/// Levels of which random noise tries each, or so many of them.
const WALKERS: u64 = 16;

/// A layer that restores levels.
#[derive(Debug, Clone, PartialEq)]
pub struct Latch {
    dtype: Dtype,
    levels: u64,
    /// `ρ`, in units of the distance of two levels.
    noise: f64,
    /// Where the units begin, two for each riser, as numbers of the dtype.
    kinks: Vec<f64>,
    slope: f64,
}

/// How noise chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noise {
    /// As far as it may, always up, and always down.
    Adversarial,
    /// Uniformly up to the bound.
    Random {
        /// Of the draws.
        seed: u64,
    },
}

/// A level that was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Loss {
    /// From 1.
    pub level: u64,
    /// The loop, from 1, after which it was another.
    #[serde(rename = "after_loop")]
    pub after: u64,
}

/// The largest number of levels that survive, by measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Survival {
    /// How many were held.
    pub levels: u64,
    /// How one level more was lost; none if [`MAX_LEVELS`] were held.
    #[serde(rename = "one_more_is_lost")]
    pub one_more: Option<Loss>,
}

/// What the experiment found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Experiment {
    /// What can be held, by the theorem.
    pub bound: Latchable,
    /// What was held against the worst noise.
    pub adversarial: Survival,
    /// What was held against uniform noise.
    pub random: Survival,
}

impl Latch {
    /// The latch of `levels` levels against noise of `noise`, as a part of the whole interval.
    ///
    /// Above the bound it is built with the narrowest riser that can be, and loses.
    ///
    /// # Errors
    /// Fewer than 2 levels or more than [`MAX_LEVELS`], or noise that is not a positive number.
    pub fn new(dtype: Dtype, levels: u64, noise: f64) -> Result<Self> {
        if !(2..=MAX_LEVELS).contains(&levels) {
            return Err(Error::new(format!("2 to {MAX_LEVELS} levels"), levels.to_string()));
        }
        latchable_levels(noise)?;
        let noise = noise * (levels - 1) as f64;
        let free = (1.0 - 2.0 * noise).max(f64::MIN_POSITIVE).log2().floor().exp2();
        // Differences of states and kinks are exact if kinks are multiples of the highest states' spacing.
        let width = free.max(2.0 * spacing(dtype, levels as f64 + 0.5)).min(0.5);
        let riser = |j: u64| {
            let middle = j as f64 + 0.5;
            [middle - width / 2.0, middle + width / 2.0].map(|kink| dtype.round(kink))
        };
        let kinks = (1..levels).flat_map(riser).collect();
        Ok(Latch { dtype, levels, noise, kinks, slope: dtype.round(1.0 / width) })
    }

    /// `2 (M - 1) + 1`.
    pub fn n_units(&self) -> usize {
        self.kinks.len() + 1
    }

    /// The layer as weights of a stream of one channel; its attention writes nothing.
    pub fn block(&self) -> Block {
        let mut block = Block::zeros(1, 1, 1, self.n_units());
        block.w_in.fill(1.0);
        for (unit, &kink) in self.kinks.iter().enumerate() {
            block.b_in[unit] = -kink;
            block.w_out[[unit, 0]] = if unit % 2 == 0 { self.slope } else { -self.slope };
        }
        block.w_out[[self.kinks.len(), 0]] = -1.0;
        block.b_out[0] = 1.0;
        block
    }

    /// The state after a loop.
    pub fn restore(&self, x: f64) -> f64 {
        match self.dtype {
            Dtype::F64 => self.restore_in(x, |x| x, |x| x),
            Dtype::F32 => self.restore_in(x, |x| f64::from(x as f32), |x| f64::from(x as f32)),
            dtype => self.restore_in(x, |x| f64::from(x as f32), |x| dtype.round(x)),
        }
    }

    /// The forward pass of [`Self::block`], sums rounded by `accumulate`, the results by `round`.
    fn restore_in(
        &self,
        x: f64,
        accumulate: impl Fn(f64) -> f64,
        round: impl Fn(f64) -> f64,
    ) -> f64 {
        let mut sum = 0.0;
        for pair in self.kinks.chunks_exact(2) {
            let [begin, end] = [pair[0], pair[1]].map(|kink| round(x - kink).max(0.0));
            sum = accumulate(sum + accumulate(self.slope * begin));
            sum = accumulate(sum - accumulate(self.slope * end));
        }
        let written = round(round(accumulate(sum - x.max(0.0))) + 1.0);
        round(x + written)
    }

    /// Holds levels through `n_loops` loops; the first that was lost, none if all were held.
    ///
    /// # Errors
    /// It was cancelled.
    pub fn hold(
        &self,
        noise: Noise,
        n_loops: u64,
        progress: &dyn Progress,
    ) -> Result<Option<Loss>> {
        match noise {
            Noise::Adversarial => {
                // The outermost first: where precision ends, the highest level is lost first.
                for level in (1..=self.levels).rev() {
                    for push in [self.noise, -self.noise] {
                        let loss = self.run(level, n_loops, progress, true, || push)?;
                        if loss.is_some() {
                            return Ok(loss);
                        }
                    }
                }
                Ok(None)
            }
            Noise::Random { seed } => self.hold_at_random(seed, n_loops, progress),
        }
    }

    fn hold_at_random(
        &self,
        seed: u64,
        n_loops: u64,
        progress: &dyn Progress,
    ) -> Result<Option<Loss>> {
        let walkers = self.levels.min(WALKERS);
        for walker in (0..walkers).rev() {
            // Evenly spaced, the first and the last among them.
            let level = 1 + walker * (self.levels - 1) / (walkers - 1);
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            rng.set_stream(level);
            let push = || self.noise * (2.0 * rng.random::<f64>() - 1.0);
            let loss = self.run(level, n_loops, progress, false, push)?;
            if loss.is_some() {
                return Ok(loss);
            }
        }
        Ok(None)
    }

    /// One level through all loops. Where noise is a function of the state, a state that repeats
    /// repeats for ever, and what remains of the loops is known.
    fn run(
        &self,
        level: u64,
        n_loops: u64,
        progress: &dyn Progress,
        is_fixed: bool,
        mut push: impl FnMut() -> f64,
    ) -> Result<Option<Loss>> {
        let mut state = level as f64;
        for done in 1..=n_loops {
            let next = self.restore(self.moved(state, push()));
            // At the middle between two levels the level is lost as well.
            if (next - level as f64).abs() >= 0.5 || next.is_nan() {
                return Ok(Some(Loss { level, after: done }));
            }
            if is_fixed && next == state {
                return Ok(None);
            }
            state = next;
            if done % 1024 == 0 && progress.is_cancelled() {
                return Err(Error::message("stopped before the end"));
            }
        }
        progress.advance(1);
        Ok(None)
    }

    /// The number of the dtype at `state + push`, rounded so that it is no further away than the noise
    /// reaches.
    fn moved(&self, state: f64, push: f64) -> f64 {
        let moved = self.dtype.round(state + push);
        if (moved - state).abs() <= self.noise {
            return moved;
        }
        moved - spacing(self.dtype, moved).copysign(push)
    }
}

/// The distance from a number of the dtype to the next one away from 0.
fn spacing(dtype: Dtype, x: f64) -> f64 {
    let exponent = x.abs().log2().floor().max(f64::from(dtype.min_exponent()));
    (exponent + 1.0 - f64::from(dtype.precision())).exp2()
}

/// Finds the largest number of levels that survives `n_loops` loops of noise `noise`.
///
/// Searched downwards from a little above the bound, or from [`MAX_LEVELS`].
///
/// # Errors
/// Noise that is not a positive number, no loop, or it was cancelled.
pub fn experiment(
    dtype: Dtype,
    noise: f64,
    n_loops: u64,
    seed: u64,
    progress: &dyn Progress,
) -> Result<Experiment> {
    /// How far above the bound random noise is tried: it may take long to find the gap.
    const ABOVE: u64 = 4;
    let bound = latchable_levels(noise)?;
    if n_loops == 0 {
        return Err(Error::new("at least one loop", "0"));
    }
    let most = bound.below.saturating_add(ABOVE).min(MAX_LEVELS);
    let survival = |kind| {
        let mut one_more = None;
        for levels in (2..=most).rev() {
            match Latch::new(dtype, levels, noise)?.hold(kind, n_loops, progress)? {
                None => return Ok(Survival { levels, one_more }),
                loss => one_more = loss,
            }
        }
        Ok(Survival { levels: 1, one_more })
    };
    let adversarial = survival(Noise::Adversarial)?;
    Ok(Experiment { bound, adversarial, random: survival(Noise::Random { seed })? })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use ndarray::{Array1, Array2};

    use super::*;
    use crate::model::{Attention, Labels, Model, Parts, Scheme};
    use crate::run::Reference;

    static GO: AtomicBool = AtomicBool::new(false);

    fn measured(dtype: Dtype, noise: f64) -> Experiment {
        experiment(dtype, noise, 10_000, 1, &GO).unwrap()
    }

    #[test]
    fn the_bound_is_reached_and_not_passed() {
        for dtype in [Dtype::F64, Dtype::F32, Dtype::F16] {
            for noise in [0.3, 0.25, 0.23, 0.1, 0.07, 0.03] {
                let found = measured(dtype, noise);
                assert_eq!(found.adversarial.levels, found.bound.reaching, "{dtype} {noise}");
                let loss = found.adversarial.one_more.expect("one level more is lost");
                assert!(loss.after <= 2, "{dtype} {noise}: {loss:?}");
                assert!(found.random.levels >= found.adversarial.levels, "{dtype} {noise}");
            }
        }
    }

    #[test]
    fn precision_ends_before_the_noise_does() {
        // 2^-12 leaves room for 2049 levels; the kinks of bf16 at 64 and above are a half apart.
        let found = measured(Dtype::Bf16, 1.0 / 4096.0);
        assert!(found.bound.reaching == 2048 && found.adversarial.levels < 257, "{found:?}");
        assert_eq!(measured(Dtype::F32, 1.0 / 4096.0).adversarial.levels, MAX_LEVELS);
        // With 44 levels the riser is 1/32 wide, and its kinks lie between numbers of f16 above 32.
        let found = measured(Dtype::F16, 0.011);
        assert_eq!((found.bound.reaching, found.adversarial.levels), (46, 43));
        assert_eq!(measured(Dtype::F32, 0.011).adversarial.levels, 46);
    }

    #[test]
    fn too_much_noise_leaves_one_level() {
        let found = measured(Dtype::F32, 0.75);
        assert_eq!((found.bound.reaching, found.adversarial.levels), (1, 1));
    }

    #[test]
    fn what_the_bound_excludes_is_lost_to_an_adversary_and_may_survive_chance() {
        let latch = Latch::new(Dtype::F64, 6, 0.1).unwrap();
        assert!(latch.hold(Noise::Adversarial, 10_000, &GO).unwrap().is_some());
        assert_eq!(latch.hold(Noise::Random { seed: 5 }, 10_000, &GO).unwrap(), None);
        assert_eq!(measured(Dtype::F64, 0.1).bound, Latchable { below: 6, reaching: 5 });
    }

    #[test]
    fn a_latch_built_for_less_noise_loses() {
        let mut latch = Latch::new(Dtype::F32, 4, 0.05).unwrap();
        assert_eq!(latch.hold(Noise::Adversarial, 10_000, &GO).unwrap(), None);
        latch.noise = 0.49;
        assert!(latch.hold(Noise::Adversarial, 10_000, &GO).unwrap().is_some());
    }

    /// A model whose positions start at `states` and whose layer is the latch.
    fn model(latch: &Latch, states: &[f64]) -> Model {
        Model::new(Parts {
            scheme: Scheme::RECURRENT,
            dtype: latch.dtype,
            attention: Attention::Bidirectional,
            n_prelude: 0,
            n_coda: 0,
            n_loops: 1,
            w_e: Array2::zeros((3, 1)),
            w_pos: Array2::from_shape_vec((states.len(), 1), states.to_vec()).unwrap(),
            blocks: vec![latch.block()],
            w_u: Array2::zeros((1, 2)),
            b_u: Array1::zeros(2),
            input_positions: vec![],
            output_positions: vec![],
            scheme_vectors: Default::default(),
            labels: Labels { channel_names: vec!["level".into()], ..Labels::default() },
            claim: Default::default(),
        })
        .unwrap()
    }

    #[test]
    fn the_weights_run_by_the_reference_engine_do_what_is_simulated() {
        for (dtype, levels, noise) in [
            (Dtype::F64, 9, 0.05),
            (Dtype::F32, 9, 0.05),
            (Dtype::F16, 9, 0.05),
            (Dtype::Bf16, 5, 0.1),
        ] {
            let latch = Latch::new(dtype, levels, noise).unwrap();
            let pushes = [-1.0, -0.6, 0.0, 0.3, 1.0].map(|part| part * latch.noise);
            let moved = |level: u64| pushes.map(|push| latch.moved(level as f64, push));
            let states: Vec<f64> = (1..=levels).flat_map(moved).collect();
            let model = model(&latch, &states);
            let mut ends = Vec::new();
            let engine = Reference::new(&model).unwrap();
            engine.trace(&[], 1, |step| ends = step.stream.iter().copied().collect()).unwrap();
            let simulated: Vec<f64> = states.iter().map(|&x| latch.restore(x)).collect();
            assert_eq!(ends, simulated, "{dtype}");
            let whole = ends.iter().enumerate().all(|(i, &x)| x == (1 + i / 5) as f64);
            assert!(whole, "{dtype}: restored exactly");
        }
    }

    #[test]
    fn few_levels_no_loop_and_a_stop_are_errors() {
        assert!(Latch::new(Dtype::F32, 1, 0.1).is_err());
        assert!(Latch::new(Dtype::F32, MAX_LEVELS + 1, 0.1).is_err());
        assert!(Latch::new(Dtype::F32, 2, f64::NAN).is_err());
        assert!(experiment(Dtype::F32, 0.1, 0, 0, &GO).is_err());
        assert!(experiment(Dtype::F32, 0.01, 10_000, 0, &AtomicBool::new(true)).is_err());
    }
}
