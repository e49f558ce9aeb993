package conformance

// HostProbes lists what containers may leave on a Linux host: mounts, cgroups,
// network interfaces, named network namespaces, and processes by name. Only
// lines that keep accepts count, so that what others do on the host meanwhile
// does not; a nil keep accepts all. On other systems there are none.
func HostProbes(keep func(line string) bool) []Probe {
	if keep == nil {
		keep = func(string) bool { return true }
	}
	probes := hostProbes()
	for i, p := range probes {
		take := p.Take
		probes[i].Take = func() ([]string, error) {
			lines, err := take()
			kept := lines[:0]
			for _, line := range lines {
				if keep(line) {
					kept = append(kept, line)
				}
			}
			return kept, err
		}
	}
	return probes
}
