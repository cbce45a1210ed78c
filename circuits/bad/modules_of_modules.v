module m (input a, output y);
  l1 u (a, y);
endmodule
module l1 (input a, output y);
  wire w0, w1, w2, w3, w4, w5, w6, w7;
  l2 u0 (a, w0);
  l2 u1 (a, w1);
  l2 u2 (a, w2);
  l2 u3 (a, w3);
  l2 u4 (a, w4);
  l2 u5 (a, w5);
  l2 u6 (a, w6);
  l2 u7 (a, w7);
  xor (y, w0, w1, w2, w3, w4, w5, w6, w7);
endmodule
module l2 (input a, output y);
  wire w0, w1, w2, w3, w4, w5, w6, w7;
  l3 u0 (a, w0);
  l3 u1 (a, w1);
  l3 u2 (a, w2);
  l3 u3 (a, w3);
  l3 u4 (a, w4);
  l3 u5 (a, w5);
  l3 u6 (a, w6);
  l3 u7 (a, w7);
  xor (y, w0, w1, w2, w3, w4, w5, w6, w7);
endmodule
module l3 (input a, output y);
  wire w0, w1, w2, w3, w4, w5, w6, w7;
  l4 u0 (a, w0);
  l4 u1 (a, w1);
  l4 u2 (a, w2);
  l4 u3 (a, w3);
  l4 u4 (a, w4);
  l4 u5 (a, w5);
  l4 u6 (a, w6);
  l4 u7 (a, w7);
  xor (y, w0, w1, w2, w3, w4, w5, w6, w7);
endmodule
module l4 (input a, output y);
  wire w0, w1, w2, w3, w4, w5, w6, w7;
  l5 u0 (a, w0);
  l5 u1 (a, w1);
  l5 u2 (a, w2);
  l5 u3 (a, w3);
  l5 u4 (a, w4);
  l5 u5 (a, w5);
  l5 u6 (a, w6);
  l5 u7 (a, w7);
  xor (y, w0, w1, w2, w3, w4, w5, w6, w7);
endmodule
module l5 (input a, output y);
  wire w0, w1, w2, w3, w4, w5, w6, w7;
  l6 u0 (a, w0);
  l6 u1 (a, w1);
  l6 u2 (a, w2);
  l6 u3 (a, w3);
  l6 u4 (a, w4);
  l6 u5 (a, w5);
  l6 u6 (a, w6);
  l6 u7 (a, w7);
  xor (y, w0, w1, w2, w3, w4, w5, w6, w7);
endmodule
module l6 (input a, output y);
  wire w0, w1, w2, w3, w4, w5, w6, w7;
  l7 u0 (a, w0);
  l7 u1 (a, w1);
  l7 u2 (a, w2);
  l7 u3 (a, w3);
  l7 u4 (a, w4);
  l7 u5 (a, w5);
  l7 u6 (a, w6);
  l7 u7 (a, w7);
  xor (y, w0, w1, w2, w3, w4, w5, w6, w7);
endmodule
module l7 (input a, output y);
  wire w0, w1, w2, w3, w4, w5, w6, w7;
  l8 u0 (a, w0);
  l8 u1 (a, w1);
  l8 u2 (a, w2);
  l8 u3 (a, w3);
  l8 u4 (a, w4);
  l8 u5 (a, w5);
  l8 u6 (a, w6);
  l8 u7 (a, w7);
  xor (y, w0, w1, w2, w3, w4, w5, w6, w7);
endmodule
module l8 (input a, output y);
  wire w0, w1, w2, w3, w4, w5, w6, w7;
  l9 u0 (a, w0);
  l9 u1 (a, w1);
  l9 u2 (a, w2);
  l9 u3 (a, w3);
  l9 u4 (a, w4);
  l9 u5 (a, w5);
  l9 u6 (a, w6);
  l9 u7 (a, w7);
  xor (y, w0, w1, w2, w3, w4, w5, w6, w7);
endmodule
module l9 (input a, output y);
  wire w0, w1, w2, w3, w4, w5, w6, w7;
  l10 u0 (a, w0);
  l10 u1 (a, w1);
  l10 u2 (a, w2);
  l10 u3 (a, w3);
  l10 u4 (a, w4);
  l10 u5 (a, w5);
  l10 u6 (a, w6);
  l10 u7 (a, w7);
  xor (y, w0, w1, w2, w3, w4, w5, w6, w7);
endmodule
module l10 (input a, output y);
  wire w0, w1, w2, w3, w4, w5, w6, w7;
  l11 u0 (a, w0);
  l11 u1 (a, w1);
  l11 u2 (a, w2);
  l11 u3 (a, w3);
  l11 u4 (a, w4);
  l11 u5 (a, w5);
  l11 u6 (a, w6);
  l11 u7 (a, w7);
  xor (y, w0, w1, w2, w3, w4, w5, w6, w7);
endmodule
module l11 (input a, output y);
  wire w0, w1, w2, w3, w4, w5, w6, w7;
  l12 u0 (a, w0);
  l12 u1 (a, w1);
  l12 u2 (a, w2);
  l12 u3 (a, w3);
  l12 u4 (a, w4);
  l12 u5 (a, w5);
  l12 u6 (a, w6);
  l12 u7 (a, w7);
  xor (y, w0, w1, w2, w3, w4, w5, w6, w7);
endmodule
module l12 (input a, output y);
  not (y, a);
endmodule
