// VZ_INIT_PATHS is the address of the paths to try for the workload's program:
// each ends with a zero, and an empty one ends all.
#define VZ_INIT_PATHS 0x4000b0

// vz_init_text returns the program's text, its size, and where it begins.
const void *vz_init_text(unsigned long *size, unsigned long *entry);
