module s27 (CK, G0, G17);
input CK, G0;
output G17;
dff DFF_0 (CK, G17, G0);
endmodule
