//! The table of keys, the code, the example file and the page of documentation say the same.
