module m (input a, output y);
  n u (.a(a), .y(y));
endmodule
module n (input a, output y);
  n u (.a(a), .y(y));
endmodule
