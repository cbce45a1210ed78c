// The state before the first layer: a row per number that varies, 2^lane_shift lanes of assignments each.

struct Params {
    n_items: u32,
    lane_shift: u32,
    lane_words: u32,
}

// `input` is NONE where the number does not depend on an input.
struct Start {
    input: u32,
    zero: f32,
    one: f32,
}

const NONE: u32 = 0xffffffffu;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> start: array<Start>;
// Per input `lane_words` words, a bit per assignment.
@group(0) @binding(2) var<storage, read> bits: array<u32>;
@group(0) @binding(3) var<storage, read_write> state: array<f32>;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let id = (group.y * groups.x + group.x) * 64u + local;
    let row = id >> params.lane_shift;
    if (row >= params.n_items) {
        return;
    }
    let lane = id & ((1u << params.lane_shift) - 1u);
    let at = start[row];
    var number = at.zero;
    if (at.input != NONE) {
        let word = bits[at.input * params.lane_words + (lane >> 5u)];
        number = select(at.zero, at.one, ((word >> (lane & 31u)) & 1u) == 1u);
    }
    state[id] = number;
}
