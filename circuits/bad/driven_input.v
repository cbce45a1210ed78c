module m (a, y);
input a;
output y;
assign a = 1'b0;
assign y = a;
endmodule
