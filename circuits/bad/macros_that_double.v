`define A a a a a a a a a
`define B `A `A `A `A `A `A `A `A
`define C `B `B `B `B `B `B `B `B
`define D `C `C `C `C `C `C `C `C
`define E `D `D `D `D `D `D `D `D
`define F `E `E `E `E `E `E `E `E
`define G `F `F `F `F `F `F `F `F
`define H `G `G `G `G `G `G `G `G
module m (input a, output y);
  and (y, `H);
endmodule
