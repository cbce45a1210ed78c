module m (a, y);
  input a;
  output y;
  buf b (y, a);
