//! Theorem. A block of `P` parameters of `b` bits each computes at most `2^(bP)` functions when it is looped `R` times,
//! whatever `R` is; they are among those that `R` blocks of their own compute, which can be more. So looping adds
//! nothing to what weights can store, and a model of `L R` layers with `p` parameters each and `e` of
//! embeddings has less than `R` times the parameters of `L` looped layers.
//!
//! Proof. The weights determine the function, and there are `2^(bP)` of them; equal weights in all blocks are one
//! choice of weights. `(L R p + e)/(L p + e) < R` iff `e < R e`. End of proof.
//!
//! Claims: tied-capacity, parameter-ratio.
//!
//! Executed: all weights -1, 0, 1 of one hidden unit per layer, looped 2 and 3 times, against untied layers: the
//! looped functions are a proper subset, and no more than the weights.

use std::collections::BTreeSet;

use crate::ground::*;

/// `w1`, `b1`, `w2`, `b2` of a layer `x <- b2 + w2 relu(w1 x + b1)`.
type Layer = [i32; 4];

fn layers() -> Vec<Layer> {
    (0..81).map(|code| [1, 3, 9, 27].map(|place| code / place % 3 - 1)).collect()
}

/// The values on 0 to 3 after the layers.
fn function(layers: &[Layer]) -> [i32; 4] {
    [0, 1, 2, 3]
        .map(|x| layers.iter().fold(x, |x, &[w1, b1, w2, b2]| b2 + w2 * (w1 * x + b1).max(0)))
}

#[test]
fn looped_functions_are_a_proper_part_of_the_untied() {
    let weights = layers();
    let loops = if is_long_range() { 3 } else { 2 };
    let mut choices: Vec<Vec<Layer>> = vec![Vec::new()];
    for n in 1..=loops {
        choices = choices
            .iter()
            .flat_map(|chosen| weights.iter().map(|&w| [chosen.clone(), vec![w]].concat()))
            .collect();
        let untied: BTreeSet<_> = choices.iter().map(|chosen| function(chosen)).collect();
        let tied: BTreeSet<_> = weights.iter().map(|&w| function(&vec![w; n])).collect();
        assert!(tied.is_subset(&untied) && tied.len() <= weights.len());
        assert_eq!(tied.len() < untied.len(), n > 1, "{n} loops: {} {}", tied.len(), untied.len());
    }
}

#[test]
fn the_ratio_of_parameters_is_below_the_loops() {
    for (layers, loops, p, e) in [(12u128, 10, 7_087_872, 39_385_344), (1, 2, 1, 1), (4, 100, 9, 0)]
    {
        let (looped, unrolled) = (layers * p + e, layers * loops * p + e);
        assert_eq!(unrolled < loops * looped, e > 0);
    }
}
