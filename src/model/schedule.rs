//! Layers and loops: the only place that counts them.

/// How many layers a block has and how often it is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    pub n_layers: usize,
    pub n_loops: usize,
}

impl Schedule {
    /// `n_layers` layers (at least 1), looped `⌈depth / n_layers⌉` times.
    pub fn looped(depth: usize, n_layers: usize) -> Self {
        let n_layers = n_layers.max(1);
        Schedule { n_layers, n_loops: depth.div_ceil(n_layers) }
    }

    /// As many layers as levels, applied once.
    pub fn unrolled(depth: usize) -> Self {
        Schedule::looped(depth, depth)
    }

    /// Layer applications in all; the largest number if a file asks for more.
    pub fn n_steps(self) -> usize {
        self.n_layers.saturating_mul(self.n_loops)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loops_are_rounded_up() {
        for (depth, layers, loops) in [(37, 4, 10), (7, 2, 4), (8, 2, 4), (1, 5, 1), (0, 3, 0)] {
            let schedule = Schedule::looped(depth, layers);
            assert_eq!(schedule.n_loops, loops, "depth {depth}, {layers} layers");
            assert!(schedule.n_steps() >= depth);
        }
        assert_eq!(Schedule::unrolled(9), Schedule { n_layers: 9, n_loops: 1 });
        assert_eq!(Schedule::unrolled(0), Schedule { n_layers: 1, n_loops: 0 });
    }
}
