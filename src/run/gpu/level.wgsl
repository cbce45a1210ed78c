// A level of look-up tables of three operands, 32 assignments a word, 2^word_shift words a value.

struct Params {
    // Of the level: how many tables, the number of the first, the value that it makes.
    n_luts: u32,
    first_lut: u32,
    first_value: u32,
    word_shift: u32,
}

// Bit a + 2b + 4c of `table` is the value at operands a, b, c.
struct Lut {
    table: u32,
    a: u32,
    b: u32,
    c: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> luts: array<Lut>;
@group(0) @binding(2) var<storage, read_write> values: array<u32>;

// All ones where the bit of the table is 1.
fn constant(table: u32, row: u32) -> u32 {
    return 0u - ((table >> row) & 1u);
}

// `zero` where the selector is 0, `one` where it is 1.
fn choose(selector: u32, zero: u32, one: u32) -> u32 {
    return zero ^ (selector & (zero ^ one));
}

// Rows `row` and `row + 1` of the table.
fn pair(table: u32, row: u32, a: u32) -> u32 {
    return choose(a, constant(table, row), constant(table, row + 1u));
}

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let id = (group.y * groups.x + group.x) * 64u + local;
    let number = id >> params.word_shift;
    if (number >= params.n_luts) {
        return;
    }
    let word = id & ((1u << params.word_shift) - 1u);
    let lut = luts[params.first_lut + number];
    let a = values[(lut.a << params.word_shift) + word];
    let b = values[(lut.b << params.word_shift) + word];
    let c = values[(lut.c << params.word_shift) + word];
    let low = choose(b, pair(lut.table, 0u, a), pair(lut.table, 2u, a));
    let high = choose(b, pair(lut.table, 4u, a), pair(lut.table, 6u, a));
    values[((params.first_value + number) << params.word_shift) + word] = choose(c, low, high);
}
