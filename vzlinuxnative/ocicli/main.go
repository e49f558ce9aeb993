package ocicli

// Main runs the command line without the program's name and returns the exit
// code: that of the workload for run and exec, else 0, or 1 after an error. On
// systems other than Linux it is always 1.
func Main(args []string) int { return run(args) }
