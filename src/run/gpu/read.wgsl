// The outputs' bits: 1 where constant + sum of weight x, logit 1 less logit 0, is positive.

struct Params {
    n_items: u32,
    lane_shift: u32,
    lane_words: u32,
}

struct ReadOut {
    constant: f32,
    first_term: u32,
    n_terms: u32,
}

struct Term {
    row: u32,
    weight: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> outputs: array<ReadOut>;
@group(0) @binding(2) var<storage, read> terms: array<Term>;
@group(0) @binding(3) var<storage, read> state: array<f32>;
// Per output `lane_words` words, a bit per assignment.
@group(0) @binding(4) var<storage, read_write> bits: array<u32>;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let id = (group.y * groups.x + group.x) * 64u + local;
    if (id >= params.n_items) {
        return;
    }
    let output = outputs[id / params.lane_words];
    let first_lane = (id % params.lane_words) * 32u;
    let n_lanes = min(32u, 1u << params.lane_shift);
    var word = 0u;
    for (var l = 0u; l < n_lanes; l++) {
        var difference = output.constant;
        for (var t = 0u; t < output.n_terms; t++) {
            let term = terms[output.first_term + t];
            difference += term.weight * state[(term.row << params.lane_shift) + first_lane + l];
        }
        word |= select(0u, 1u, difference > 0.0) << l;
    }
    bits[id] = word;
}
