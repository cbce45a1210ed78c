//! Truth tables of up to eight variables, and covers of them by cubes.
//!
//! Bit `r` of a table is its value at row `r`, variable `h` being bit `h` of `r`. All tables have 256
//! rows; one that depends on fewer variables repeats itself.

use crate::batch::COUNTING;

/// The variables a table may have.
pub const MAX_VARIABLES: usize = 8;

/// 256 rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rows([u64; 4]);

/// The rows in which variable `h < 6` is set.
const PATTERN: [u64; 6] = COUNTING;

/// An AND of literals: the variables in it, and which of those are positive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cube {
    pub variables: u8,
    pub positive: u8,
}

impl Rows {
    pub const ZERO: Rows = Rows([0; 4]);
    pub const ONE: Rows = Rows([u64::MAX; 4]);

    /// The table of `value` over `n` variables.
    pub fn from_fn(n: usize, value: impl Fn(usize) -> bool) -> Self {
        let rows = 1usize << n;
        let first = (0..rows.min(64)).fold(0u64, |word, r| word | u64::from(value(r)) << r);
        if n < 6 {
            // Repeats of the first rows, by doubling.
            let word = (n..6).fold(first, |word, h| word | word << (1 << h));
            return Rows([word; 4]);
        }
        let word = |w: usize| {
            (0..64).fold(0u64, |word, r| word | u64::from(value(64 * (w % (rows / 64)) + r)) << r)
        };
        Rows([first, word(1), word(2), word(3)])
    }

    pub fn at(self, row: usize) -> bool {
        self.0[row / 64] >> (row % 64) & 1 == 1
    }

    pub fn not(self) -> Self {
        Rows(self.0.map(|word| !word))
    }

    fn and(self, other: Self) -> Self {
        Rows(std::array::from_fn(|w| self.0[w] & other.0[w]))
    }

    fn or(self, other: Self) -> Self {
        Rows(std::array::from_fn(|w| self.0[w] | other.0[w]))
    }

    /// The table with variable `h` fixed; it no longer depends on it.
    pub fn cofactor(self, h: usize, value: bool) -> Self {
        if h >= 6 {
            let bit = 1 << (h - 6);
            return Rows(std::array::from_fn(|w| self.0[if value { w | bit } else { w & !bit }]));
        }
        Rows(self.0.map(|word| {
            if value {
                (word & PATTERN[h]) | (word & PATTERN[h]) >> (1 << h)
            } else {
                (word & !PATTERN[h]) | (word & !PATTERN[h]) << (1 << h)
            }
        }))
    }

    pub fn depends_on(self, h: usize) -> bool {
        self.cofactor(h, false) != self.cofactor(h, true)
    }

    /// An irredundant cover of the rows that are 1 (Minato and Morreale).
    pub fn cover(self) -> Vec<Cube> {
        cover_between(self, self, MAX_VARIABLES).0
    }
}

/// Cubes that cover all of `lower` and nothing outside `upper`, and what they cover; both depend on
/// variables below `n` only. Recursion ends after eight variables.
fn cover_between(lower: Rows, upper: Rows, n: usize) -> (Vec<Cube>, Rows) {
    if lower == Rows::ZERO {
        return (Vec::new(), Rows::ZERO);
    }
    if upper == Rows::ONE {
        return (vec![Cube { variables: 0, positive: 0 }], Rows::ONE);
    }
    let depends = |h: &usize| lower.depends_on(*h) || upper.depends_on(*h);
    let h = (0..n).rev().find(depends).expect("a table without variables is 0 or 1");
    let side = |value| (lower.cofactor(h, value), upper.cofactor(h, value));
    let ((l0, u0), (l1, u1)) = (side(false), side(true));
    let (cubes0, f0) = cover_between(l0.and(u1.not()), u0, h);
    let (cubes1, f1) = cover_between(l1.and(u0.not()), u1, h);
    let rest = l0.and(f0.not()).or(l1.and(f1.not()));
    let (mut cubes, shared) = cover_between(rest, u0.and(u1), h);
    let bit = 1 << h;
    let with = |cube: Cube, positive| Cube {
        variables: cube.variables | bit,
        positive: cube.positive | positive,
    };
    cubes.extend(cubes0.into_iter().map(|cube| with(cube, 0)));
    cubes.extend(cubes1.into_iter().map(|cube| with(cube, bit)));
    let high = Rows::from_fn(MAX_VARIABLES, |r| r >> h & 1 == 1);
    (cubes, shared.or(f0.and(high.not())).or(f1.and(high)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table that looks random, the same on every run.
    fn scrambled(n: usize, seed: u64) -> Rows {
        Rows::from_fn(n, |r| {
            (r as u64 + 1).wrapping_mul(seed | 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 63 == 1
        })
    }

    #[test]
    fn a_cover_is_the_function_and_no_cube_can_be_left_out() {
        let covers = |cube: &Cube, r: usize| (r as u8 ^ cube.positive) & cube.variables == 0;
        for n in 0..=MAX_VARIABLES {
            for seed in 0..20 {
                let rows = scrambled(n, seed * 77);
                let cubes = rows.cover();
                for r in 0..256 {
                    assert_eq!(cubes.iter().any(|cube| covers(cube, r)), rows.at(r));
                }
                for (i, cube) in cubes.iter().enumerate() {
                    let alone = |r: usize| {
                        covers(cube, r)
                            && !cubes.iter().enumerate().any(|(j, c)| j != i && covers(c, r))
                    };
                    assert!(
                        (0..256).any(alone),
                        "{n} variables, seed {seed}: cube {i} is redundant"
                    );
                }
            }
        }
    }

    #[test]
    fn cofactors_agree_with_their_definition() {
        for n in 0..=MAX_VARIABLES {
            let rows = scrambled(n, 5);
            for h in 0..MAX_VARIABLES {
                for r in 0..256 {
                    assert_eq!(rows.cofactor(h, true).at(r), rows.at(r | 1 << h));
                    assert_eq!(rows.cofactor(h, false).at(r), rows.at(r & !(1 << h)));
                }
            }
        }
    }
}
