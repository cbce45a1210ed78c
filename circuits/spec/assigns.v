module top ( 
    \a[0] , \a[1] , c,
    f, g, \h(x) , k, one );
  input  \a[0] , \a[1] , c;
  output f, g, \h(x) , k, one;
  wire new_n1;
  assign new_n1 = ~\a[0]  & \a[1] ;
  assign f = ~(new_n1 | c) ^ \a[0] , g = c ? \a[0] : \a[1] ? ~c : 1'b1;
  assign \h(x) = \a[0] | \a[1] & c ^ 1'h1;
  assign k = !(\a[0] ~^ (~c));
  assign one = 1'b1;
endmodule
