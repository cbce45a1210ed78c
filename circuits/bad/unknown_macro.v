`define WIDTH 4
module m (input [`WIDHT-1:0] a, output y);
  assign y = ^a;
endmodule
