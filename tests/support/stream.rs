//! Streams: what an engine holds at every position after every layer of every loop, against the reference engine.

use circuit2tf::model::Model;
use circuit2tf::run::Reference;
use ndarray::Array2;

/// Holds the streams that `trace` shows, with the number of layers applied, against the reference engine's,
/// number by number.
pub fn require_same_stream(
    model: &Model,
    input: &[bool],
    n_loops: usize,
    what: &str,
    trace: impl FnOnce(&mut dyn FnMut(usize, &Array2<f64>)),
) {
    let mut expected: Vec<Array2<f64>> = Vec::new();
    let reference = Reference::new(model).unwrap();
    reference.trace(input, n_loops, |step| expected.push(step.stream)).unwrap();
    assert_eq!(expected.len(), 1 + model.schedule_of(n_loops).blocks().count(), "{what}");
    let mut n_seen = 0;
    trace(&mut |n_steps, stream| {
        assert_eq!(n_steps, n_seen, "{what}");
        assert_eq!(stream.dim(), expected[n_steps].dim(), "{what}");
        for ((position, channel), x) in stream.indexed_iter() {
            let y = expected[n_steps][[position, channel]];
            assert!(*x == y, "{what}: {x} for {y} at {position}, {channel} after {n_steps} layers");
        }
        n_seen += 1;
    });
    assert_eq!(n_seen, expected.len(), "{what}");
}
