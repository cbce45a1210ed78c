module m (a, y);
  input a;
  output y;
  assign y = a;
endmodule
module n (a);
  input a;
endmodule
