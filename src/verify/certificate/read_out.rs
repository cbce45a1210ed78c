//! The read-out: the bit at a position is 1 iff logit 1 exceeds logit 0 (C12).

use super::exact::{Arithmetic, Dyadic, Sum};
use super::frame::Frame;
use super::{Checked, Failure};

/// W_U and b_U without their zeros.
pub struct ReadOut {
    /// Static channels with their weights for logit 0 and 1.
    of_static: Vec<(usize, [Dyadic; 2])>,
    /// Dynamic channels with theirs, by their place among those.
    of_dynamic: Vec<(usize, [Dyadic; 2])>,
    biases: [Dyadic; 2],
}

impl ReadOut {
    pub fn new(frame: &Frame) -> Self {
        let model = frame.model();
        let weights = |c: usize| [0, 1].map(|token| Dyadic::new(model.w_u[[c, token]]));
        let is_used = |weights: &[Dyadic; 2]| weights.iter().any(|w| !w.is_zero());
        let channels = (0..model.d_model()).filter(|&c| !frame.is_dynamic(c));
        let dynamic = frame.dynamic().iter().enumerate();
        ReadOut {
            of_static: channels.map(|c| (c, weights(c))).filter(|(_, w)| is_used(w)).collect(),
            of_dynamic: dynamic
                .map(|(i, &c)| (i, weights(c)))
                .filter(|(_, w)| is_used(w))
                .collect(),
            biases: [0, 1].map(|token| Dyadic::new(model.b_u[token])),
        }
    }

    /// The bit found at `position` where the dynamic channels are as given, and by how much its logit
    /// is the larger.
    pub fn read(
        &self,
        frame: &Frame,
        position: usize,
        dynamic: &[f64],
        arithmetic: &mut Arithmetic,
    ) -> Checked<(bool, f64)> {
        let mut logit = |token: usize| {
            let mut sum = Sum::EMPTY;
            sum.add(self.biases[token]);
            for &(c, weights) in &self.of_static {
                sum.add_product(Dyadic::new(frame.at(position, c)), weights[token]);
            }
            for &(i, weights) in &self.of_dynamic {
                sum.add_product(Dyadic::new(dynamic[i]), weights[token]);
            }
            arithmetic.exact(&sum).ok_or_else(|| {
                Failure::new("C12", format!("position {position}: logit {token} rounds"))
            })
        };
        let (zero, one) = (logit(0)?, logit(1)?);
        Ok((one > zero, (one - zero).abs()))
    }
}
