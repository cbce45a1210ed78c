module m (a, y);
  input [999999999:0] a;
  output y;
  assign y = a[0];
endmodule
