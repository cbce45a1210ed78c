// A layer: from the state `now` every cell computes the next number of its row,
// constant + sum of weight x + sum over units of output relu(constant + sum of weight x).
// No operation rounds, so it is all the same whether a device fuses a product with a sum.

struct Params {
    n_items: u32,
    lane_shift: u32,
    lane_words: u32,
}

// Its numbers: the constant, a weight per variable, and per unit a constant, a weight per variable, an output.
struct Program {
    n_variables: u32,
    n_units: u32,
    first_number: u32,
}

// The rows that it reads are `sources[first_source]` and the following.
struct Cell {
    program: u32,
    first_source: u32,
    row: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> programs: array<Program>;
@group(0) @binding(2) var<storage, read> numbers: array<f32>;
@group(0) @binding(3) var<storage, read> cells: array<Cell>;
@group(0) @binding(4) var<storage, read> sources: array<u32>;
@group(0) @binding(5) var<storage, read> now: array<f32>;
@group(0) @binding(6) var<storage, read_write> next: array<f32>;

// The constant at `first` and the weighted sum of the variables that start at `source`.
fn affine(first: u32, source: u32, n_variables: u32, lane: u32) -> f32 {
    var sum = numbers[first];
    for (var v = 0u; v < n_variables; v++) {
        sum += numbers[first + 1u + v] * now[(sources[source + v] << params.lane_shift) + lane];
    }
    return sum;
}

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let id = (group.y * groups.x + group.x) * 64u + local;
    if ((id >> params.lane_shift) >= params.n_items) {
        return;
    }
    let cell = cells[id >> params.lane_shift];
    let lane = id & ((1u << params.lane_shift) - 1u);
    let program = programs[cell.program];
    let n = program.n_variables;
    var number = affine(program.first_number, cell.first_source, n, lane);
    var unit = program.first_number + 1u + n;
    for (var u = 0u; u < program.n_units; u++) {
        number += numbers[unit + 1u + n] * max(affine(unit, cell.first_source, n, lane), 0.0);
        unit += n + 2u;
    }
    next[(cell.row << params.lane_shift) + lane] = number;
}
