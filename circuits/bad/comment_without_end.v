module m (a, y);
  input a; /* the rest
  output y;
endmodule
