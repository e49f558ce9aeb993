// vz_init_text returns the program's text, its size, and where it begins.
const void *vz_init_text(unsigned long *size, unsigned long *entry);
