module v (input [3:0] a, input [0:1] b, output wire [2:1] y, output z, output [1:0] w);
  wire [1:0] t = a[3:2] & {a[0], b[1]};
  supply1 vcc;
  assign y = t | b;
  assign z = t[0] ^ vcc;
  assign {w[0], w[1]} = b;
endmodule
