module m (input [3:0] a, input [1:0] i, output y);
  assign y = a[i];
endmodule
