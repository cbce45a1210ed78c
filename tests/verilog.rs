//! The Verilog reader: what modules mean, held against functions written here; what is refused, and why.
//!
//! `tests/interop/verilog_yosys.py` holds thousands of random modules against Yosys.

use circuit2tf::circuit::Circuit;
use circuit2tf::format::{self, Loaded, Options};

fn read(text: &str) -> Loaded {
    format::read(text.as_bytes(), "m.v").unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn refusal(text: &str) -> String {
    match format::read(text.as_bytes(), "m.v") {
        Ok(_) => panic!("this was read:\n{text}"),
        Err(error) => error.to_string(),
    }
}

/// The outputs as numbers `y`, first output bit least significant, for inputs as a number likewise.
fn evaluate(circuit: &Circuit, inputs: u64) -> u64 {
    let bits: Vec<bool> = (0..circuit.inputs().len()).map(|i| inputs >> i & 1 == 1).collect();
    let outputs = circuit.evaluate(&bits).unwrap();
    outputs.iter().enumerate().fold(0, |number, (o, &bit)| number | u64::from(bit) << o)
}

fn check(text: &str, expected: impl Fn(u64) -> u64) {
    let circuit = read(text).circuit;
    let n_outputs = circuit.outputs().len();
    for inputs in 0..1 << circuit.inputs().len() {
        let expected = expected(inputs) & ((1 << n_outputs) - 1);
        assert_eq!(evaluate(&circuit, inputs), expected, "inputs {inputs:b}\n{text}");
    }
}

/// `y = EXPRESSION` over `a` and `b` of four bits, `s` and `t` of four signed bits.
fn check_expression(expression: &str, width: usize, f: impl Fn([i64; 4]) -> i64) {
    let text = format!(
        "module m (input [3:0] a, b, input signed [3:0] s, t, output [{}:0] y);\n\
         assign y = {expression};\nendmodule\n",
        width - 1
    );
    let signed = |x: u64| if x & 8 == 8 { x as i64 - 16 } else { x as i64 };
    check(&text, |x| {
        let [a, b, s, t] = [0, 4, 8, 12].map(|at| x >> at & 15);
        f([a as i64, b as i64, signed(s), signed(t)]) as u64
    });
}

#[test]
fn operators_have_the_widths_and_signs_of_the_standard() {
    let bit = i64::from;
    // Logical operators are one bit of whole vectors.
    check_expression("!a", 4, |[a, ..]| bit(a == 0));
    check_expression("!a & b", 4, |[a, b, ..]| bit(a == 0) & b);
    check_expression("a && b", 2, |[a, b, ..]| bit(a != 0 && b != 0));
    check_expression("a || b", 2, |[a, b, ..]| bit(a != 0 || b != 0));
    check_expression("~(a && b)", 4, |[a, b, ..]| !bit(a != 0 && b != 0));
    check_expression("!(a ^ b)", 1, |[a, b, ..]| bit(a == b));
    check_expression("!!a", 4, |[a, ..]| bit(a != 0));
    // Reductions too, and their complements.
    check_expression("~&a", 4, |[a, ..]| bit(a != 15));
    check_expression("~ &a", 4, |[a, ..]| !bit(a == 15));
    check_expression("^a ~^ |b", 4, |[a, b, ..]| !(bit(a.count_ones() % 2 == 1) ^ bit(b != 0)));
    check_expression("a & ~|b", 4, |[a, b, ..]| a & bit(b == 0));
    // The context widens operands before the operator.
    check_expression("a + b", 5, |[a, b, ..]| a + b);
    check_expression("{a + b}", 5, |[a, b, ..]| (a + b) & 15);
    check_expression("(a + b) >> 1", 4, |[a, b, ..]| ((a + b) & 15) >> 1);
    check_expression("(a + b + 0) >> 1", 4, |[a, b, ..]| (a + b) >> 1);
    check_expression("~a", 6, |[a, ..]| !a);
    check_expression("-a", 6, |[a, ..]| -a);
    check_expression("a - b", 6, |[a, b, ..]| a - b);
    check_expression("a * b", 8, |[a, b, ..]| a * b);
    check_expression("a == ~b", 1, |[a, b, ..]| bit(a == !b & 15));
    check_expression("(a == 5'd1) + b", 5, |[a, b, ..]| bit(a == 1) + b);
    // Signed only if all operands are.
    check_expression("s + t", 6, |[_, _, s, t]| s + t);
    check_expression("s * t", 8, |[_, _, s, t]| s * t);
    check_expression("s + a", 6, |[a, _, s, _]| (s & 15) + a);
    check_expression("s < t", 1, |[_, _, s, t]| bit(s < t));
    check_expression("s < a", 1, |[a, _, s, _]| bit(s & 15 < a));
    check_expression("s < 0", 1, |[_, _, s, _]| bit(s < 0));
    check_expression("s < 4'd0", 1, |[..]| 0);
    check_expression("s >= -1", 1, |[_, _, s, _]| bit(s >= -1));
    check_expression("a <= b", 1, |[a, b, ..]| bit(a <= b));
    check_expression("s[3:0]", 6, |[_, _, s, _]| s & 15);
    check_expression("{s}", 6, |[_, _, s, _]| s & 15);
    check_expression("$unsigned(s)", 6, |[_, _, s, _]| s & 15);
    check_expression("$signed(a)", 6, |[a, ..]| if a > 7 { a - 16 } else { a });
    check_expression("a[0] ? s : t", 6, |[a, _, s, t]| if a & 1 == 1 { s } else { t });
    check_expression("a[0] ? s : b", 6, |[a, b, s, _]| if a & 1 == 1 { s & 15 } else { b });
    // Shifts: the amount has no part in width and sign.
    check_expression("s >>> a[1:0]", 4, |[a, _, s, _]| s >> (a & 3));
    check_expression("s >> a[1:0]", 4, |[a, _, s, _]| (s & 15) >> (a & 3));
    check_expression("s >>> b", 6, |[_, b, s, _]| s >> b);
    check_expression("(s >>> 1) + a", 6, |[a, _, s, _]| ((s & 15) >> 1) + a);
    check_expression("a << b", 6, |[a, b, ..]| if b < 7 { a << b } else { 0 });
    check_expression("a <<< 1", 5, |[a, ..]| a << 1);
    // Precedence and association.
    check_expression("a | b ^ s & t", 4, |[a, b, s, t]| a | b ^ s & t);
    check_expression("a - b - 1", 6, |[a, b, ..]| a - b - 1);
    check_expression("a + b << 1", 6, |[a, b, ..]| (a + b) << 1);
    check_expression("a == b & 1", 1, |[a, b, ..]| bit(a == b) & 1);
    check_expression("a < b == b > a", 1, |[..]| 1);
    check_expression("a ? b ? 1 : 2 : 3", 2, |[a, b, ..]| {
        if a == 0 {
            3
        } else if b != 0 {
            1
        } else {
            2
        }
    });
}

#[test]
fn constants_concatenations_and_selects() {
    check_expression("8'hA_5", 8, |[..]| 0xA5);
    check_expression("6 'd 33", 8, |[..]| 33);
    check_expression("4'sb1111", 8, |[..]| -1);
    check_expression("4'b1111 + s", 8, |[_, _, s, _]| 15 + (s & 15));
    check_expression("'o17", 8, |[..]| 15);
    check_expression("{a[1:0], 2'b10, b[3]}", 5, |[a, b, ..]| (a & 3) << 3 | 2 << 1 | b >> 3);
    check_expression("{2{a[1:0], b[0]}}", 6, |[a, b, ..]| ((a & 3) << 1 | b & 1) * 9);
    check_expression("{3'd5, {(1 - 1){a}}}", 4, |[..]| 5);
    check_expression("a[1 +: 2]", 2, |[a, ..]| a >> 1);
    check_expression("a[2 -: 2]", 2, |[a, ..]| a >> 1);
    check("module m (input [0:3] a, output [1:2] y); assign y = a[1 +: 2]; endmodule", |x| x >> 1);
    check("module m (input [-1:2] a, output y); assign y = a[-1]; endmodule", |x| x);
    check(
        "module m (input [3:0] a, output [1:0] y, output z);\n\
         assign {z, y[0], {y[1]}} = a[2:0];\nendmodule",
        |x| x >> 1 & 1 | (x & 1) << 1 | (x >> 2 & 1) << 2,
    );
}

#[test]
fn parameters_and_instances() {
    let text = "
        module add #(parameter W = 2, parameter signed [3:0] K = -1) (a, s);
          input [W-1:0] a;
          output [W:0] s;
          localparam TWICE = 2 * W, LOG = $clog2(TWICE), HALF = TWICE / 2 % 8 ** 2;
          wire [HALF:0] k = K;
          assign s = a + k + (LOG - LOG);
        endmodule
        module top (input [2:0] p, output [3:0] y, z, output [2:0] w);
          add #(3) u0 (p, y);
          add #(.K(2), .W(3)) u1 (.s(z), .a(p));
          add u2 (p[1:0], w);
        endmodule";
    check(text, |p| {
        let sum = |a: u64, k: u64, width: u64| (a + k) & ((1 << width) - 1);
        sum(p, 15, 4) | sum(p, 2, 4) << 4 | sum(p & 3, 7, 3) << 8
    });
    let loaded = read(text);
    assert!(loaded.notes.iter().any(|note| note.contains("\"top\" of 2")), "{:?}", loaded.notes);
    // An instance's input is extended by the sign of what is connected; outputs may stay open.
    check(
        "module inner (input [3:0] a, output [3:0] y, output n); assign y = a; not (n, a[0]); endmodule\n\
         module m (input signed [1:0] s, output [3:0] y); inner u (.a(s), .y(y), .n()); endmodule",
        |s| if s > 1 { s | 12 } else { s },
    );
    // Names of instances and escaped names; a direction after the type.
    check(
        "module \\in/ner (a, y); wire a; wire [1:0] y; input a; output [1:0] y; assign y = {a, ~a}; endmodule\n\
         module m (input \\a[0] , output [1:0] y); \\in/ner \\u.0 (\\a[0] , y); endmodule",
        |a| a << 1 | (1 - a),
    );
}

#[test]
fn the_top_is_the_one_module_that_no_other_contains() {
    let two = "module m (input a, output y); assign y = a; endmodule\n\
               module n (input a, output y); assign y = ~a; endmodule\n";
    assert!(refusal(two).contains("found \"m\", \"n\"; hint: --top NAME"), "{}", refusal(two));
    for (name, value) in [("m", 1), ("n", 0)] {
        let options = Options { top: Some(name.to_string()), ..Options::default() };
        let loaded = format::read_with(two.as_bytes(), "m.v", &options).unwrap();
        assert_eq!(evaluate(&loaded.circuit, 1), value, "{name}");
    }
    let options = Options { top: Some("o".to_string()), ..Options::default() };
    let error = format::read_with(two.as_bytes(), "m.v", &options).unwrap_err().to_string();
    assert!(error.contains("a module called \"o\" for --top, found \"m\", \"n\""), "{error}");
    let error = format::read_with(b"INPUT(a)\nOUTPUT(a)\n", "m.bench", &options).unwrap_err();
    assert!(error.to_string().contains("a Verilog or BLIF file for --top"), "{error}");
}

#[test]
fn conditional_text_and_macros_are_carried_out() {
    let module = |body: &str| format!("module m (input [1:0] a, output y);\n{body}\nendmodule\n");
    let is = |text: &str, f: fn(u64) -> u64| check(text, f);
    is(&module("`ifdef X\n assign y = a[1];\n`else\n assign y = a[0];\n`endif"), |a| a & 1);
    is(&module("`ifndef X\n assign y = a[1];\n`else\n assign y = a[0];\n`endif"), |a| a >> 1);
    is(
        &format!(
            "`define X\n{}",
            module("`ifdef X assign y = a[1]; `else assign y = a[0]; `endif")
        ),
        |a| a >> 1,
    );
    is(
        &format!("`define X\n`undef X\n{}", module("assign y = a[0] `ifdef X ^ a[1] `endif ;")),
        |a| a & 1,
    );
    is(
        &module(
            "`define B\n`ifdef A\n assign y = 1;\n`elsif B\n assign y = ^a;\n`elsif B\n assign y = 0;\n\
             `else\n assign y = 1;\n`endif",
        ),
        |a| a ^ a >> 1,
    );
    is(
        &module(
            "`ifdef A\n`ifdef B\n`else\n oops `nothing \" /* `endif */\n`endif // `endif\n`elsif C\n`else\n\
             assign y = a[0];\n`endif",
        ),
        |a| a & 1,
    );
    let definitions = "`define W 2\n`define XOR(l, r) ((l) ^ \\\n  (r)) // not a part\n`define TWICE(x) `XOR(x, 1'b1)\n";
    is(&format!("{definitions}{}", module("assign y = `XOR(a[0], `TWICE({a[1]}));")), |a| {
        (a ^ a >> 1 ^ 1) & 1
    });
    is(&format!("{definitions}{}", module("assign y = a == `W'd2;")), |a| u64::from(a == 2));
    is(&format!("{definitions}`define W 1\n{}", module("assign y = a[`W];")), |a| a >> 1);
    is(
        &format!("`define EMPTY\n`define P(x, y) x y\n{}", module("`P(`EMPTY assign, y) = a[0];")),
        |a| a & 1,
    );
    for (text, part) in [
        ("`define M(x) x\nassign y = `M;", "\"(\" and 1 arguments of `M"),
        ("`define M(x) x\nassign y = `M(a, a);", "1 arguments of `M, found 2"),
        ("assign y = `LATER;\n`define LATER a", "found \"`LATER\""),
        ("`else\nassign y = 1;", "`ifdef before it"),
        ("`endif\nassign y = 1;", "`ifdef before it"),
        ("`ifdef A\n`else\n`else\n`endif", "`endif behind `else"),
        ("`ifdef A\nassign y = 1;", "`endif for every `ifdef"),
        ("`include \"x.v\"", "found \"`include\""),
        ("`unconnected_drive pull1", "found \"`unconnected_drive\""),
        ("`default_nettype none", "outside of modules"),
        ("`timescale fast", "the arguments of \"`timescale\""),
        ("`define M `ifdef A\n`M", "macros without directives"),
        ("`undefined_thing", "a macro that is defined before"),
    ] {
        let error = refusal(&module(text));
        assert!(error.contains(part), "{text}\n{error}");
    }
}

#[test]
fn directives_that_say_nothing_of_a_circuit_are_passed_over_and_no_more() {
    check(
        "`timescale 1 ns/1ps `celldefine `resetall `default_nettype none `line 4 \"x.v\" 0\n\
         `begin_keywords \"1364-2005\"\nmodule m (input a, output y); assign y = ~a; endmodule\n\
         `end_keywords `endcelldefine `default_nettype wire",
        |a| 1 - a,
    );
    let error =
        refusal("`default_nettype none\nmodule m (input a, output y); assign y = w; endmodule");
    assert!(error.contains("a declared net"), "{error}");
}

#[test]
fn primitives_supplies_and_implied_nets() {
    check(
        "module m (input a, b, c, output x, y, z, v, w);\n\
         and (x, a, b, c), g2 (t, a, c); nor #(1, 2) g3 (y, a, b, c); buf #3 (z, u, t); not (v, t);\n\
         supply1 one; supply0 [1:0] zero; xor (w, u, one, zero[1]);\nendmodule",
        |i| {
            let (a, b, c) = (i & 1, i >> 1 & 1, i >> 2);
            let t = a & c;
            a & b & c | u64::from(a | b | c == 0) << 1 | t << 2 | (1 - t) << 3 | (1 - t) << 4
        },
    );
}

#[test]
fn a_scalar_named_like_a_bit_is_another_net() {
    let order = read(
        "module m (input \\k[0] , input [0:0] k, output y); assign y = k[0] & ~\\k[0] ; endmodule",
    );
    assert_eq!(order.circuit.input_names(), ["k[0]_2", "k[0]"]);
    assert_eq!(evaluate(&order.circuit, 0b10), 1);
    assert_eq!(evaluate(&order.circuit, 0b01), 0);
    let output = read("module m (input [1:0] k, output \\k[1] ); assign \\k[1] = k[0]; endmodule");
    assert_eq!(output.circuit.outputs()[0].name, "k[1]_2");
}

#[test]
fn what_is_not_read_is_refused_by_its_name() {
    for (body, part) in [
        ("assign y = 1'bz;", "x and z are no bits"),
        ("assign y = 4'b1?00;", "x and z are no bits"),
        ("assign y = {a, 1};", "with their width in a concatenation"),
        ("assign y = {2{1}};", "with their width in a concatenation"),
        ("assign y = {a, 1 + 1'b1};", "with their width in a concatenation"),
        ("assign y = {0{a}};", "at least one bit"),
        ("assign y = f(a);", "without calls of functions"),
        ("assign y = u.x;", "not one inside an instance"),
        ("assign y = $random;", "system functions that are known"),
        ("assign y = \"a\";", "not a string"),
        ("assign y = v / v;", "constants on both sides"),
        ("assign y = 4 / 0;", "no result"),
        ("assign y = v[a];", "constant expression"),
        ("assign y = v[4];", "an index within [3:0]"),
        ("assign y = v[0:1];", "bounds stand as in the declaration"),
        ("assign y = v[1][0];", "one index or range"),
        ("assign y = 5000000000;", "31 bits"),
        ("assign y = 3'd9;", "fits its width"),
        ("assign (strong0, weak1) y = a;", "without a strength"),
        ("and (pull0, pull1) g (y, a, a);", "without a strength"),
        ("and g [1:0] (y, a, a);", "arrays of them"),
        ("bufif1 (y, a, a);", "found \"bufif1\""),
        ("always @* y = a;", "found \"always\""),
        ("initial y = 0;", "found \"initial\""),
        ("function f; endfunction", "found \"function\""),
        ("generate endgenerate", "found \"generate\""),
        ("genvar i;", "found \"genvar\""),
        ("specify endspecify", "found \"specify\""),
        ("defparam u.W = 3;", "found \"defparam\""),
        ("reg q;", "found \"reg\""),
        ("wand w;", "found \"wand\""),
        ("tri0 w;", "found \"tri0\""),
        ("integer i;", "found \"integer\""),
        ("wire w [3:0];", "arrays are not read"),
        ("parameter real P = 1.5;", "found \"real\""),
        ("assign y = 1.5;", "a real number"),
        ("cell u (a, y);", "found \"cell\""),
        ("nand2 u (a, y);", "found \"nand2\""),
        ("assign v = a;", "no driver for an input"),
        ("assign y = a; assign y = a;", "a second one for \"y\""),
        ("wire w; wire w;", "one declaration for each net"),
        ("assign y = w; wire [1:0] w;", "the range of the declaration before"),
        ("parameter a = 1;", "a name that is not taken"),
    ] {
        let error =
            refusal(&format!("module m (input a, input [3:0] v, output y);\n{body}\nendmodule\n"));
        assert!(error.starts_with("m.v:2:") && error.contains(part), "{body}\n{error}");
    }
    for (text, part) in [
        ("module m (inout a, output y); endmodule", "found \"inout\""),
        ("module m (a, y); inout a; output y; endmodule", "found \"inout\""),
        ("module m (.a(b), y); input b; output y; endmodule", "not an expression"),
        ("module m (a, a); input a; endmodule", "\"a\" a second time"),
        ("primitive p (y, a); endprimitive", "found \"primitive\""),
        ("module m (input a, output y); m u (a, y); endmodule", "found \"m\" inside itself"),
        (
            "module m (input a); endmodule\nmodule m (input a); endmodule",
            "modules with different names",
        ),
        ("module m (input a); (* x = \"*)\n endmodule", "a string without end"),
        ("module m (input a); // synopsys translate_off\n endmodule", "translate_off"),
    ] {
        assert!(refusal(text).contains(part), "{text}\n{}", refusal(text));
    }
}

#[test]
fn connections_that_do_not_fit_are_refused() {
    let inner = "module inner #(parameter W = 2) (input [W-1:0] a, output [W-1:0] y); \
                 localparam L = 1; assign y = a; endmodule\n";
    for (instance, part) in [
        ("inner u (p);", "2 ports of \"inner\", found 1"),
        ("inner u (p, y, p);", "2 ports of \"inner\", found 3"),
        ("inner u (.a(p), .y(y), .z(y));", "a port of \"inner\", found \"z\""),
        ("inner u (.a(p), .a(p), .y(y));", "\"a\" a second time"),
        ("inner u (.a(), .y(y));", "input \"a\" of \"inner\""),
        ("inner u (.y(y));", "input \"a\" of \"inner\""),
        ("inner u (.a(p), y);", "\".\" and a port"),
        ("inner u (.a(p), .y(~y));", "a net to drive"),
        ("inner u (.a(p), .y(p));", "no driver for an input"),
        ("inner #(1) u (.a(p), .y(y));", "at most 1 bits at output \"y\""),
        ("inner #(.W(3)) u (.a(p + p), .y());", "an expression of 3 bits"),
        ("inner #(2, 3) u (p, y);", "one too many"),
        ("inner #(.L(3)) u (p, y);", "that can be set, found \"L\""),
        ("inner #(.W(2), .W(2)) u (p, y);", "\"W\" a second time"),
        ("inner #(.W(p)) u (p, y);", "a constant for a parameter"),
        ("inner u [1:0] (p, y);", "arrays of them"),
        ("inner (p, y);", "the name of the instance"),
    ] {
        let text = format!(
            "{inner}module outer (input [1:0] p, output [1:0] y);\n{instance}\nendmodule\n"
        );
        let error = refusal(&text);
        assert!(error.contains(part), "{instance}\n{error}");
    }
}

#[test]
fn undriven_nets_matter_only_where_an_output_depends_on_them() {
    let loaded =
        read("module m (input a, output y); wire w, x; and (x, w, a); assign y = a; endmodule");
    assert!(loaded.notes.iter().any(|note| note.contains("no output depends on, are 0: w")));
    let error =
        refusal("module m (input a, output y); wire w, x; and (x, w, a); assign y = x; endmodule");
    assert!(error.contains("none for \"w\""), "{error}");
}

/// Neither depth nor size of what a short text asks for is a danger to the program.
#[test]
fn deep_and_large_texts_are_read_or_refused() {
    let n = 100_000;
    let module = |expression: &str| {
        format!("module m (input a, output y); assign y = {expression}; endmodule")
    };
    let nested = |open: &str, close: &str| format!("{}a{}", open.repeat(n), close.repeat(n));
    for (open, close) in
        [("(", ")"), ("~", ""), ("{", "}"), ("a ? a : ", ""), ("!(", ")"), ("{2{", "}}")]
    {
        let _ = format::read(module(&nested(open, close)).as_bytes(), "m.v");
    }
    let _ = format::read(module(&nested("a[", "]")).as_bytes(), "m.v");
    let _ = format::read(module(&format!("`M({}", "`M(".repeat(n))).as_bytes(), "m.v");
    let macros: String = (0..n).map(|i| format!("`define M{} `M{i}\n", i + 1)).collect();
    let text = format!("`define M0 a\n{macros}{}", module(&format!("`M{n}")));
    assert!(refusal(&text).contains("inside one another"));
    let nest = |open: &str, close: &str| format!("{}{}", open.repeat(n), close.repeat(n));
    let text = format!("{}{}", nest("`ifdef A\n", "`endif\n"), module("a"));
    assert_eq!(read(&text).circuit.inputs().len(), 1);
    let chain: String = (0..n / 10)
        .map(|i| format!("module m{i} (input a, output y); m{} u (a, y); endmodule\n", i + 1))
        .collect();
    let _ = format::read(
        format!("{chain}module m{} (input a, output y); not (y, a); endmodule", n / 10).as_bytes(),
        "m.v",
    );
    for expression in [
        "{1000000000{a}}",
        "{99999{{99999{a}}}}",
        "1'b1 << 99999",
        "4294967295'd0",
        "a[999999999999]",
    ] {
        let _ = format::read(module(expression).as_bytes(), "m.v");
    }
}
