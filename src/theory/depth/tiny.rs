//! All tiny models with oblivious attention: a search that shares nothing with the census.

/// A function of three inputs, row 0 in bit 0.
type Rows = u8;

/// For 0, 1 and 2 layers which of the 256 functions of three inputs some model computes.
///
/// The models have four tokens of one bit, each with a variable, its complement or a constant at first.
/// In a layer every token becomes any function of its own bit and that of any one token: one head. Two
/// layers need no more than four tokens, as the answer's token and the one it reads last both read one
/// before; the answer is on token 0, which reads token 1 last.
pub fn tiny_oblivious_models() -> [Vec<bool>; 3] {
    let sources: [Rows; 8] = [0x00, 0xff, 0xaa, 0x55, 0xcc, 0x33, 0xf0, 0x0f];
    let mut computed = [0; 3].map(|_: i32| vec![false; 256]);
    for code in 0..8usize.pow(4) {
        let tokens = [0, 1, 2, 3].map(|i| sources[code / 8usize.pow(i) % 8]);
        computed[0][usize::from(tokens[0])] = true;
        let [own, read] = [0, 1].map(|token| after_a_layer(tokens, token));
        for &a in &own {
            computed[1][usize::from(a)] = true;
            for &b in &read {
                (0..16).for_each(|gate| computed[2][usize::from(update(gate, a, b))] = true);
            }
        }
    }
    computed
}

/// What a token can hold after one layer.
fn after_a_layer(tokens: [Rows; 4], token: usize) -> Vec<Rows> {
    let updates = |read: Rows| (0..16).map(move |gate| update(gate, tokens[token], read));
    let mut options: Vec<Rows> = tokens.into_iter().flat_map(updates).collect();
    options.sort_unstable();
    options.dedup();
    options
}

/// The gate whose value at own bit `a` and read bit `b` is bit `a + 2 b` of `gate`.
fn update(gate: u8, own: Rows, read: Rows) -> Rows {
    let term = |row: u8, a: Rows, b: Rows| if gate >> row & 1 == 1 { a & b } else { 0 };
    term(0, !own, !read) | term(1, own, !read) | term(2, !own, read) | term(3, own, read)
}
