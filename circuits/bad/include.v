`include "cells.v"
module m (input a, output y);
  assign y = a;
endmodule
