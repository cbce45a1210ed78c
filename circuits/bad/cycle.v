module m (a, y);
input a;
output y;
wire w;
assign w = ~(y & a);
assign y = ~w;
endmodule
