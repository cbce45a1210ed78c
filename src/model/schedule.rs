//! Layers and loops: the only place that counts them.
//!
//! The blocks of a model are, in order, a prelude, a core and a coda: the prelude is applied once, the
//! core `n_loops` times, the coda once. Most models are all core.

/// In which order the blocks of a model are applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// Layers before the loop.
    pub n_prelude: usize,
    /// Layers of the core.
    pub n_layers: usize,
    /// Layers after the loop.
    pub n_coda: usize,
    /// How often the core is applied.
    pub n_loops: usize,
}

/// Which application of a layer it is, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// One of the prelude.
    Prelude {
        /// Which.
        layer: usize,
    },
    /// One of the core.
    Core {
        /// In which loop.
        in_loop: usize,
        /// Which.
        layer: usize,
    },
    /// One of the coda.
    Coda {
        /// Which.
        layer: usize,
    },
}

impl Schedule {
    /// `n_layers` layers (at least 1), looped `⌈depth / n_layers⌉` times.
    pub fn looped(depth: usize, n_layers: usize) -> Self {
        Schedule::recurrent(depth, n_layers, (0, 0))
    }

    /// Between a prelude and a coda, which do their share of the depth: `⌈(depth - prelude - coda) / n_layers⌉`
    /// loops, none if they do it all.
    pub fn recurrent(depth: usize, n_layers: usize, (n_prelude, n_coda): (usize, usize)) -> Self {
        let n_layers = n_layers.max(1);
        let depth = depth.saturating_sub(n_prelude).saturating_sub(n_coda);
        Schedule { n_prelude, n_layers, n_coda, n_loops: depth.div_ceil(n_layers) }
    }

    /// As many layers as levels, applied once.
    pub fn unrolled(depth: usize) -> Self {
        Schedule::looped(depth, depth)
    }

    /// `n_layers` layers (at least 1), applied once.
    pub fn once(n_layers: usize) -> Self {
        Schedule { n_prelude: 0, n_layers: n_layers.max(1), n_coda: 0, n_loops: 1 }
    }

    /// Blocks in all.
    pub fn n_blocks(self) -> usize {
        self.n_prelude.saturating_add(self.n_layers).saturating_add(self.n_coda)
    }

    /// Layer applications in all; the largest number if a file asks for more.
    pub fn n_steps(self) -> usize {
        let looped = self.n_layers.saturating_mul(self.n_loops);
        looped.saturating_add(self.n_prelude).saturating_add(self.n_coda)
    }

    /// The blocks in the order in which they are applied.
    pub fn blocks(self) -> impl Iterator<Item = usize> {
        let core = self.n_prelude + self.n_layers;
        let looped = (0..self.n_loops).flat_map(move |_| self.n_prelude..core);
        (0..self.n_prelude).chain(looped).chain(core..core + self.n_coda)
    }

    /// Which application the step is that follows `before` others; none past the last.
    pub fn applied(self, before: usize) -> Option<Applied> {
        if before < self.n_prelude {
            return Some(Applied::Prelude { layer: before + 1 });
        }
        let looped = self.n_steps() - self.n_coda;
        if before < looped {
            let (in_loop, layer) = (
                (before - self.n_prelude) / self.n_layers,
                (before - self.n_prelude) % self.n_layers,
            );
            return Some(Applied::Core { in_loop: in_loop + 1, layer: layer + 1 });
        }
        (before < self.n_steps()).then(|| Applied::Coda { layer: before - looped + 1 })
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
        let unrolled = |depth| {
            let schedule = Schedule::unrolled(depth);
            (schedule.n_layers, schedule.n_loops)
        };
        assert_eq!([unrolled(9), unrolled(0)], [(9, 1), (1, 0)]);
    }

    #[test]
    fn a_prelude_and_a_coda_do_their_share() {
        for (depth, layers, ends, loops) in
            [(10, 2, (1, 2), 4), (10, 3, (1, 2), 3), (3, 2, (1, 2), 0), (2, 1, (4, 4), 0)]
        {
            let schedule = Schedule::recurrent(depth, layers, ends);
            assert_eq!(schedule.n_loops, loops, "depth {depth}, {layers} layers, {ends:?}");
            assert!(schedule.n_steps() >= depth);
            assert_eq!(schedule.blocks().count(), schedule.n_steps());
        }
    }

    #[test]
    fn the_core_alone_is_looped() {
        let schedule = Schedule { n_prelude: 1, n_layers: 2, n_coda: 1, n_loops: 2 };
        assert_eq!(Vec::from_iter(schedule.blocks()), [0, 1, 2, 1, 2, 3]);
        let applied: Vec<_> = (0..7).map(|step| schedule.applied(step)).collect();
        assert_eq!(applied[0], Some(Applied::Prelude { layer: 1 }));
        assert_eq!(applied[4], Some(Applied::Core { in_loop: 2, layer: 2 }));
        assert_eq!(applied[5], Some(Applied::Coda { layer: 1 }));
        assert_eq!(applied[6], None);
    }
}
