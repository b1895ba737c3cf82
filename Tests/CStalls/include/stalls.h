// Empty but for the C library's own declarations: what stalls.c defines is found by the loader.
