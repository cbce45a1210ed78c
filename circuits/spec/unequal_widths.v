module m (a, y);
  input [3:0] a;
  output y;
  assign y = a[1:0] & a[2];
endmodule
