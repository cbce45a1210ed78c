module half (input a, b, output s);
  xor x (s, a, b);
endmodule
module m (input p, output y);
  half u (.a(p), .b(), .s(y));
endmodule
