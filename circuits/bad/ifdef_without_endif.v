module m (input a, output y);
`ifdef FAST
  assign y = a;
endmodule
