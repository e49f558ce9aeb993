package vmm

// WarmVariable is the environment variable that, set to off, has machines of containers
// boot always, and no snapshot made.
const WarmVariable = "VZ_WARM"

// A WarmSpec says for which machines of containers a snapshot is made.
type WarmSpec struct {
	CPUs    int
	Memory  uint64 // bytes
	Disk    int64  // bytes; 0 is that of containers without a limit
	Network bool   // of the machine's own
	Cards   int    // on the host's networks
	Used    bool   // for those with a container that has run before
	Bundle  string // directory of the guest bundle; empty is found
}
