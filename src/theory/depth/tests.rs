//! The tables of the census, and a search through tiny models that shares nothing with it.

use super::*;
use crate::family::generate;
use crate::mapping::map;

/// The other bases' are evidence of the claim `census`, which the ledger's own test checks.
#[test]
fn the_census_of_bases_whose_inverters_count_or_are_missing() {
    for (n, basis, expected) in [
        (4, Basis::AndOrNot, &[6, 16, 136, 2290, 38640, 24446, 2][..]),
        (4, Basis::Monotone, &[6, 12, 52, 94, 4]),
    ] {
        assert_eq!(Census::new(n, basis).unwrap().counts(), expected, "{basis:?} of {n}");
    }
    assert!(Census::new(5, Basis::Binary).is_err());
}

#[test]
fn majority_needs_three_levels_and_parity_depends_on_the_basis() {
    let depth = |n, bits, basis| least_depth(TruthTable::new(n, bits).unwrap(), basis).unwrap();
    assert_eq!(depth(3, 0xe8, Basis::Binary), Some(3));
    assert_eq!(depth(3, 0x96, Basis::Binary), Some(2));
    assert_eq!(depth(4, 0x6996, Basis::Binary), Some(2));
    assert_eq!(depth(4, 0x6996, Basis::DeMorgan), Some(4));
    assert_eq!(depth(3, 0x96, Basis::Monotone), None);
}

#[test]
fn tiny_models_of_two_layers_compute_exactly_the_functions_of_depth_two() {
    let census = Census::new(3, Basis::Binary).unwrap();
    for (layers, computed) in tiny_oblivious_models().iter().enumerate() {
        for f in 0..256u16 {
            let within = census.depth(f).is_some_and(|depth| depth <= layers);
            assert_eq!(computed[usize::from(f)], within, "function {f:#04x}, {layers} layers");
        }
    }
}

#[test]
fn least_layers_are_logarithms() {
    for (relevant, heads, layers) in
        [(100, 4, 3), (100, 1, 7), (1, 1, 0), (0, 3, 0), (2, 1, 1), (9, 2, 2), (10, 2, 3)]
    {
        assert_eq!(least_layers_unbounded(relevant, heads), layers, "{relevant} {heads}");
    }
    assert_eq!(receptive_field_bound(1, 1000), u128::MAX);
}

#[test]
fn receptive_fields_grow_by_the_fan_in_and_hold_every_relevant_input() {
    for spec in ["parity:8", "adder:4", "mux:2", "majority:7"] {
        let circuit = generate(spec).unwrap();
        let network = map(&circuit, 2).unwrap().network;
        for steps in 0..=network.depth() {
            let fields = receptive_fields(&network, steps);
            let largest = fields.iter().map(|field| field.iter().filter(|&&bit| bit).count()).max();
            assert!(largest.unwrap() as u128 <= receptive_field_bound(1, steps), "{spec} {steps}");
        }
        let fields = receptive_fields(&network, network.depth());
        let relevant = relevant_inputs(&circuit).unwrap();
        for (&output, relevant) in network.outputs().iter().zip(relevant) {
            assert!(relevant.iter().all(|&input| fields[output as usize][input]), "{spec}");
        }
    }
}
