module m (input a, output y);
  assign y = ^{1000000000{a}};
endmodule
