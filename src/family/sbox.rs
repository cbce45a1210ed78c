//! The S-box of AES by the tower of fields GF(4) in GF(16) in GF(256).
//!
//! An element is `a = A1 Y1 + A0 Y0` with `A1, A0` in GF(16), where `Y1 = s Y^16`, `Y0 = s Y` and
//! `Y + Y^16 = 1`, and then `1/a = a^16 / a^17` with
//!
//! ```text
//! a^16 = A0 Y1 + A1 Y0        a^17 = s^2 d,  d = A1 A0 + v (A1 + A0)^2,  v = Y^17.
//! ```
//!
//! GF(16) over GF(4) is the same with `Z`, and GF(4) has the basis `W^2, W`. Karatsuba's product of two
//! elements of GF(16) is a sum over nine linear forms of the coordinates, `A B = sum_j l_j(A) l_j(B) c_j`.
//! So the S-box is: linear forms of the input, 9 ANDs, linear forms, an inverse in GF(16), linear
//! forms, 18 ANDs, linear forms (after Canright 2005; Boyar and Peralta 2010). All matrices are computed
//! here from field arithmetic, and each linear layer shares its sums by Paar's greedy rule (1997).

use super::builder::{GateBuilder, Signal};
use super::{Family, Formula, always};
use crate::circuit::Circuit;
use crate::error::Result;

pub(super) const SBOX: Family = Family {
    name: "aes-sbox",
    about: "y = S(x), the S-box of AES (FIPS 197), by inversion in a tower of fields",
    example: "aes-sbox",
    parameters: &[],
    size: Formula::new("124", |_| Some(124)),
    depth: Formula::new("21", |_| Some(21)),
    condition: always,
    build: |_| build(),
};

/// A byte as a polynomial over GF(2) modulo `x^8 + x^4 + x^3 + x + 1`.
type Element = u8;

/// The generators of the tower; the tests search all others and find none with fewer gates.
const TOWER: Tower = Tower { z: 0x5C, y: 0xFE, s: 0xBD };

/// What the S-box adds at the end.
const AFFINE_CONSTANT: u8 = 0x63;

/// The coordinates (as masks) that Karatsuba's nine forms sum: high half, low half, their sum, each
/// again as high, low and sum. Bit 3 of a mask is the coordinate of `Z^4 W^2`, bit 0 that of `Z W`.
const FORMS: [u8; 9] = [0b1000, 0b0100, 0b1100, 0b0010, 0b0001, 0b0011, 0b1010, 0b0101, 0b1111];

#[derive(Debug, Clone, Copy)]
struct Tower {
    /// In GF(16), with `z + z^4 = 1`.
    z: Element,
    /// With `y + y^16 = 1`.
    y: Element,
    /// In GF(16), not 0.
    s: Element,
}

/// The linear layers as rows of masks: bit `i` of a row says that it sums signal `i`.
struct Layers {
    /// Of the eight input bits: nine forms of `A1`, nine of `A0`, four coordinates of `v (A1 + A0)^2`.
    top: Vec<u64>,
    /// Of nine products and the last four of the top: the coordinates of `d`.
    middle: Vec<u64>,
    /// Of eighteen products: the output bits without the constant.
    bottom: Vec<u64>,
}

impl Tower {
    /// The basis of GF(16): bit `k` of a coordinate mask belongs to element `k`.
    fn basis(self) -> [Element; 4] {
        let (z, w) = (self.z, self.w());
        let (z4, w2) = (power(z, 4), times(w, w));
        [times(z, w), times(z, w2), times(z4, w), times(z4, w2)]
    }

    /// The norm of `z`, which generates GF(4).
    fn w(self) -> Element {
        power(self.z, 5)
    }

    /// What Karatsuba's products are multiplied with, in the order of [`FORMS`].
    fn factors(self) -> [Element; 9] {
        let (z, w) = (self.z, self.w());
        let halves = [power(z, 4), z, w];
        let bits = [times(w, w), w, 1];
        std::array::from_fn(|j| times(halves[j / 3], bits[j % 3]))
    }

    /// `(Y1, Y0)`.
    fn halves(self) -> (Element, Element) {
        (times(self.s, power(self.y, 16)), times(self.s, self.y))
    }

    fn layers(self) -> Layers {
        Layers { top: self.top(), middle: self.middle(), bottom: self.bottom() }
    }

    fn top(self) -> Vec<u64> {
        let basis = self.basis();
        let (y1, y0) = self.halves();
        let byte_basis: Vec<Element> =
            [y0, y1].iter().flat_map(|&half| basis.map(|b| times(b, half))).collect();
        let of_byte = coordinates(&byte_basis);
        // The input bits that coordinate k of a half sums, and those that a form of it sums.
        let coordinate = |k: usize| pack((0..8).map(|bit| of_byte[1 << bit] >> k & 1 == 1));
        let form = |half: usize, mask: u64| {
            (0..4).filter(|k| mask >> k & 1 == 1).fold(0, |row, k| row ^ coordinate(4 * half + k))
        };
        let of_half = coordinates(&basis);
        let norm = power(self.y, 17);
        let squares = basis.map(|b| of_half[usize::from(times(norm, times(b, b)))]);
        let mut rows: Vec<u64> =
            [1, 0].iter().flat_map(|&half| FORMS.map(|mask| form(half, mask.into()))).collect();
        rows.extend((0..4).map(|i| {
            let mask = pack(squares.iter().map(|square| square >> i & 1 == 1));
            form(0, mask) ^ form(1, mask)
        }));
        rows
    }

    fn middle(self) -> Vec<u64> {
        let of_half = coordinates(&self.basis());
        let factors = self.factors().map(|c| of_half[usize::from(c)]);
        let products = |i: usize| pack(factors.iter().map(|c| c >> i & 1 == 1));
        (0..4).map(|i| products(i) | 1 << (9 + i)).collect()
    }

    fn bottom(self) -> Vec<u64> {
        let scale = inverse(times(self.s, self.s));
        let (y1, y0) = self.halves();
        let factors = self.factors();
        let byte = |half: Element, c: Element| affine(times(times(c, scale), half));
        let bytes: Vec<u8> =
            [y1, y0].iter().flat_map(|&half| factors.map(|c| byte(half, c))).collect();
        (0..8).map(|i| pack(bytes.iter().map(|byte| byte >> i & 1 == 1))).collect()
    }
}

/// Bit `i` of the result is item `i`.
fn pack(bits: impl Iterator<Item = bool>) -> u64 {
    bits.enumerate().fold(0, |word, (i, bit)| word | u64::from(bit) << i)
}

/// For every element that a basis spans its coordinates as a mask; 0 for all others.
fn coordinates(basis: &[Element]) -> [u8; 256] {
    let mut masks = [0; 256];
    for mask in 0..1u16 << basis.len() {
        let terms = basis.iter().enumerate().filter(|(k, _)| mask >> k & 1 == 1);
        let element = terms.fold(0, |sum, (_, &b)| sum ^ b);
        masks[usize::from(element)] = mask as u8;
    }
    masks
}

fn times(a: Element, b: Element) -> Element {
    let (mut product, mut shifted) = (0, a);
    for i in 0..8 {
        if b >> i & 1 == 1 {
            product ^= shifted;
        }
        let carry = shifted >> 7;
        shifted = (shifted << 1) ^ (carry * 0x1B);
    }
    product
}

fn power(a: Element, exponent: u32) -> Element {
    (0..exponent).fold(1, |product, _| times(product, a))
}

/// `a^254`, which is 0 for 0.
fn inverse(a: Element) -> Element {
    power(a, 254)
}

/// The linear part of the S-box's affine map.
fn affine(a: Element) -> Element {
    [0, 1, 2, 3, 4].iter().fold(0, |sum, &turn| sum ^ a.rotate_left(turn))
}

fn build() -> Result<Circuit> {
    let mut netlist = GateBuilder::new();
    let x = netlist.input_word("x", 8);
    let y = Substitution::new().apply(&mut netlist, &x);
    netlist.output_word("y", &y);
    netlist.finish()
}

/// The S-box as a part of larger circuits.
pub(super) struct Substitution {
    layers: Layers,
}

impl Substitution {
    pub(super) fn new() -> Self {
        Substitution { layers: TOWER.layers() }
    }

    /// The S-box of eight bits, least significant first.
    pub(super) fn apply(&self, netlist: &mut GateBuilder, x: &[Signal]) -> Vec<Signal> {
        let forms = linear(netlist, x, &self.layers.top);
        let (high, low) = (&forms[..9], &forms[9..18]);
        let mut terms: Vec<Signal> =
            high.iter().zip(low).map(|(&a, &b)| netlist.and(a, b)).collect();
        terms.extend(&forms[18..]);
        let d = linear(netlist, &terms, &self.layers.middle);
        let inverse = invert(netlist, [d[0], d[1], d[2], d[3]]);
        let inverse = linear(netlist, &inverse, &FORMS.map(u64::from));
        // The halves change places: 1/a = (A0 Y1 + A1 Y0) / (s^2 d).
        let swapped = low.iter().chain(high).zip(inverse.iter().cycle());
        let products: Vec<Signal> = swapped.map(|(&a, &b)| netlist.and(a, b)).collect();
        let bits = linear(netlist, &products, &self.layers.bottom);
        let constant = |i: usize| AFFINE_CONSTANT >> i & 1 == 1;
        bits.iter().enumerate().map(|(i, bit)| bit.flip_if(constant(i))).collect()
    }
}

/// The inverse in GF(16): of `D1 Z^4 + D0 Z` it is `e^2 (D0 Z^4 + D1 Z)`, `e = D1 D0 + W (D1 + D0)^2`.
///
/// Adding the square turns two of the ANDs into ORs, and squaring in GF(4) swaps the coordinates.
fn invert(netlist: &mut GateBuilder, [b0, b1, a0, a1]: [Signal; 4]) -> [Signal; 4] {
    let (a, b) = (netlist.xor(a1, a0), netlist.xor(b1, b0));
    let (either, both) = (netlist.or(a, b), netlist.and(a1, b1));
    let e1 = netlist.xor(either, both);
    let (either, both) = (netlist.or(a0, b0), netlist.and(a, b));
    let e0 = netlist.xor(either, both);
    let square = [e1, e0, netlist.xor(e1, e0)];
    let [high0, high1] = times_gf4(netlist, square, [b0, b1, b]);
    let [low0, low1] = times_gf4(netlist, square, [a0, a1, a]);
    [low0, low1, high0, high1]
}

/// The product in GF(4) of two elements, each as its coordinates of `W` and `W^2` and their sum.
fn times_gf4(netlist: &mut GateBuilder, g: [Signal; 3], h: [Signal; 3]) -> [Signal; 2] {
    let [low, high, cross] = std::array::from_fn(|i| netlist.and(g[i], h[i]));
    [netlist.xor(low, cross), netlist.xor(high, cross)]
}

/// The sums of signals that the rows name, by Paar's rule: make the sum of the two terms that most rows
/// share, of the earliest such pair, until every row is one term.
fn linear(netlist: &mut GateBuilder, signals: &[Signal], rows: &[u64]) -> Vec<Signal> {
    let mut terms = signals.to_vec();
    let mut rows = rows.to_vec();
    while let Some((i, j)) = most_shared(netlist, &terms, &rows) {
        let both = 1 << i | 1 << j;
        for row in rows.iter_mut().filter(|row| **row & both == both) {
            *row ^= both | 1 << terms.len();
        }
        terms.push(netlist.xor(terms[i], terms[j]));
        assert!(terms.len() < 64, "a row has a bit for every term");
    }
    rows.iter().map(|row| terms[row.trailing_zeros() as usize]).collect()
}

/// The two terms that most rows share; among equals the earliest levels, then the first.
fn most_shared(netlist: &GateBuilder, terms: &[Signal], rows: &[u64]) -> Option<(usize, usize)> {
    let columns: Vec<u32> =
        (0..terms.len()).map(|i| pack(rows.iter().map(|row| row >> i & 1 == 1)) as u32).collect();
    let mut best = None;
    for j in 0..terms.len() {
        for i in 0..j {
            let shared = (columns[i] & columns[j]).count_ones();
            let level = netlist.level(terms[i]).max(netlist.level(terms[j]));
            let merit = (shared, std::cmp::Reverse(level));
            if shared > 0 && best.is_none_or(|(most, _)| merit > most) {
                best = Some((merit, (i, j)));
            }
        }
    }
    best.map(|(_, pair)| pair)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn karatsubas_nine_products_multiply_in_the_subfield() {
        let masks = coordinates(&TOWER.basis());
        let field: Vec<Element> = (0..=255).filter(|&a| power(a, 16) == a).collect();
        assert_eq!(field.len(), 16);
        for &a in &field {
            for &b in &field {
                let odd =
                    |form: u8, x: Element| (form & masks[usize::from(x)]).count_ones() % 2 == 1;
                let terms = FORMS.iter().zip(TOWER.factors());
                let terms = terms.filter(|&(&form, _)| odd(form, a) && odd(form, b));
                assert_eq!(terms.fold(0, |sum, (_, c)| sum ^ c), times(a, b), "{a} {b}");
            }
        }
    }

    #[test]
    fn the_tower_is_the_first_with_the_fewest_gates() {
        let field = || (1..=255u8).filter(|&a| power(a, 16) == a);
        let mut best: Option<((usize, usize), Tower)> = None;
        for z in field().filter(|&z| z ^ power(z, 4) == 1) {
            for y in (0..=255u8).filter(|&y| y ^ power(y, 16) == 1) {
                for s in field() {
                    let tower = Tower { z, y, s };
                    let mut netlist = GateBuilder::new();
                    let x = netlist.input_word("x", 8);
                    let bits = Substitution { layers: tower.layers() }.apply(&mut netlist, &x);
                    netlist.output_word("y", &bits);
                    let circuit = netlist.finish().unwrap();
                    let cost = (circuit.n_gates(), circuit.depth());
                    if best.is_none_or(|(least, _)| cost < least) {
                        best = Some((cost, tower));
                    }
                }
            }
        }
        let (cost, tower) = best.unwrap();
        let chosen = (tower.z, tower.y, tower.s);
        assert_eq!(chosen, (TOWER.z, TOWER.y, TOWER.s), "{cost:?}");
    }
}
