`define A `B
`define B `A
module m (input a, output y);
  assign y = `A;
endmodule
