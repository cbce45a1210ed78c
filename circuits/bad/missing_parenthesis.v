module m (a, y);
  input a;
  output y;
  assign y = ~(a & 1'b1;
endmodule
