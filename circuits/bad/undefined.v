module m (a, y);
  input a;
  output y;
  and g1 (y, a, b);
endmodule
