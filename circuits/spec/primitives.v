// Verilog
`timescale 1ns/1ps
/* module wrong (a); */
(* keep = "(1)" *)
module c3 (N1, N2, N3, y1, y2, y3, y4);
input N1,N2,
      N3;
output y1, y2, y3, y4;
wire n10;
nand NAND2_1 (n10, N1, N2);
nor #1 NOR3_1 (y1, N1, N2, N3), NOR2_2 (y2, n10, N3);
not #(1, 2) (y3, y4, n10);
endmodule
